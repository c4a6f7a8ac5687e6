"""The bundled trainer: a compact transformer that says, in bits per byte, what a corpus is worth.

transformer   the decoder                    data      token shards -> windows
train         shards -> checkpoint           evaluate  checkpoint + held-out text -> bits per byte
ablate        arms x seeds -> runs           statistics  the arithmetic behind it
arms          documents -> guarded streams   trial       one run in a process of its own
profiles      how large an ablation is       cli         the commands of `curate`
verdict       runs -> what each step did
export        checkpoint <-> Hugging Face    generate  checkpoint + prompt -> text
"""
