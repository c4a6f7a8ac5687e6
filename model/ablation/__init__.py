"""What each curation step is worth: the same small model, trained on every step's output.

profiles  how large an ablation is                  arms        documents -> guarded streams
prepare   all that is made before training          heldout     what is scored, and kept out
plan      a time -> steps a run                     trials      arms x seeds -> runs to be done
workers   processes, or one on a GPU                trial       a stream in, numbers out
resident  one graph for all runs on a GPU           runs        what a run and an arm came to
contrasts what each step did                        statistics  the arithmetic behind it
tables    equal source, yield                       ladder      the same over model sizes
ablate    all of it                                 outcome     runs -> a verdict
verdict   the outcome as data and words             plots       the same as pictures
"""
