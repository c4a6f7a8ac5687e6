"""The bundled trainer: a compact transformer that says, in bits per byte, what a corpus is worth.

shape         how large a decoder is          recipe    how it is trained
transformer   the decoder                     data      token shards -> windows
train         shards -> checkpoint            export    checkpoint <-> Hugging Face
evaluate      checkpoint + held-out text -> bits per byte
generate      checkpoint + prompt -> text     cli       the commands of `curate`
ablation      arms x seeds -> what each curation step is worth
"""
