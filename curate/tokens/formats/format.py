"""What a format is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from curate.tokens.formats.folder import File, Folder
from curate.tokens.formats.token_shard import TokenShard

Write = Callable[[TokenShard, Folder], list[File]]
Finish = Callable[[Folder, str, Sequence[TokenShard], Sequence[File]], list[File]]


@dataclass(frozen=True)
class Format:
    """A way to store tokens.

    `write` makes the files of one shard. `finish` makes those that need all shards of a split, once:
    it is given the folder, the split, its shards, and the files that `write` made of them. `beside`:
    the files stand beside the payload, not in a folder of their own. `dtypes`: what it can hold.
    """

    write: Write
    finish: Finish | None = None
    beside: bool = False
    dtypes: tuple[str, ...] = ("uint16", "int32")
