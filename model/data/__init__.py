"""Token shards as training windows.

stored       shards on disk, mapped into memory
permutation  the permutation of an epoch, at any place of it
windows      batches as a pure function of (seed, epoch, step): `Shards`, `Stream`
boundaries   which tokens of a window belong to one document
loading      the same windows for PyTorch's `DataLoader` (imports torch, so not from here)
"""

from model.data.boundaries import Boundaries
from model.data.permutation import order
from model.data.stored import Shard, Tokens, read_manifest, read_shard
from model.data.windows import Batches, Shards, Stream, Windows, open_shards

__all__ = [
    "Batches",
    "Boundaries",
    "Shard",
    "Shards",
    "Stream",
    "Tokens",
    "Windows",
    "open_shards",
    "order",
    "read_manifest",
    "read_shard",
]
