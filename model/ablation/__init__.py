"""What each curation step is worth: the same small model, trained on every step's output.

profiles  how large an ablation is                arms     documents -> guarded streams
ablate    arms x seeds -> runs                    trial    one run in a process of its own
verdict   runs -> what each step did, in words    statistics  the arithmetic behind it
"""
