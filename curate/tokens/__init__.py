"""Documents as tokens: what `model/` trains on.

tokenize     the step
tokenizer    train a byte-level BPE, or load one
order        where a document stands: a hash of its id
encode       the two passes: texts to tokens, tokens to shards
shards       the bytes of a shard: Megatron `.bin` and `.idx`
provenance   the ids of a shard's documents
formats      the same shard for other trainers
written      what needs all shards, and what the manifest says
stored       committed shards, opened again
places       an id to its place in the shards, and back
export       committed shards in another format
verification committed shards against what their manifest says
"""

from curate.tokens.tokenize import Tokenize

__all__ = ["Tokenize"]
