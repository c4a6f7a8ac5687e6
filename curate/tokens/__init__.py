"""Documents as tokens: what `model/` trains on.

tokenizer    train a byte-level BPE, or load one
shards       the bytes of a shard: Megatron `.bin` and `.idx`
encode       the step `tokenize`
"""

from curate.tokens.tokenize import Tokenize

__all__ = ["Tokenize"]
