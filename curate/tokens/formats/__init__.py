"""Token shards in every format that a trainer reads: one small module a format.

    megatron     .bin .idx             Megatron-LM, NeMo, nanotron; `curate train`; always written
    datatrove    .bin.index .metadata  datatrove, nanotron, on the same payload
    olmo         .npy .csv.gz          OLMo-core, Dolma; the payload linked, not copied
    nanogpt      train.bin val.bin     nanoGPT, and anything that maps bare tokens
    llm.c        .bin with a header    llm.c, modded-nanogpt
    mds          .mds index.json       MosaicML Streaming, llm-foundry
    litdata      .bin index.json       litdata, litgpt
    parquet      .parquet              datasets, TRL, anything that reads Parquet
    arrow        .arrow                datasets, mapped into memory
    webdataset   .tar                  webdataset

Enters: a finished shard (`TokenShard`). Leaves: its files in another format. A format is registered
here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from curate.errors import UserError
from curate.tokens.formats.datatrove import DATATROVE
from curate.tokens.formats.folder import File, Folder
from curate.tokens.formats.format import Format
from curate.tokens.formats.litdata import LITDATA
from curate.tokens.formats.llm_c import LLM_C
from curate.tokens.formats.mds import MDS
from curate.tokens.formats.megatron import MEGATRON
from curate.tokens.formats.nanogpt import NANOGPT
from curate.tokens.formats.olmo import OLMO
from curate.tokens.formats.token_lists import ARROW, PARQUET
from curate.tokens.formats.token_shard import TokenShard
from curate.tokens.formats.webdataset import WEBDATASET

__all__ = ["FORMATS", "File", "Folder", "Format", "TokenShard", "check_formats", "finish", "home"]

FORMATS: dict[str, Format] = {
    "megatron": MEGATRON,
    "datatrove": DATATROVE,
    "olmo": OLMO,
    "nanogpt": NANOGPT,
    "llm.c": LLM_C,
    "mds": MDS,
    "litdata": LITDATA,
    "parquet": PARQUET,
    "arrow": ARROW,
    "webdataset": WEBDATASET,
}


def check_formats(names: Iterable[str], dtype: str | None = None) -> None:
    """`UserError` for a name that is no format, or for one that cannot hold tokens of `dtype`.

    >>> check_formats(["tfrecord"])
    Traceback (most recent call last):
    curate.errors.UserError: unknown token format 'tfrecord'; known are: megatron, datatrove, olmo, nanogpt, llm.c, mds, litdata, parquet, arrow, webdataset
    """
    for name in names:
        if name not in FORMATS:
            raise UserError(f"unknown token format '{name}'; known are: {', '.join(FORMATS)}")
        if dtype is not None and dtype not in FORMATS[name].dtypes:
            raise UserError(
                f"token format '{name}' holds {' or '.join(FORMATS[name].dtypes)}, and this "
                f"tokenizer needs {dtype}; leave it out, or take a smaller vocabulary"
            )


def home(name: str, folder: Folder) -> Folder:
    """Where `tokenize` puts a format: beside the payload, or in a folder of its name."""
    return folder if name not in FORMATS or FORMATS[name].beside else folder.below(name)


def finish(
    name: str, folder: Folder, shards: Sequence[TokenShard], files: Sequence[Sequence[File]]
) -> list[File]:
    """The files of a format that need all shards of a split. `files`: what each shard became."""
    last = FORMATS[name].finish
    if last is None:
        return []
    made: list[File] = []
    for split in dict.fromkeys(shard.split for shard in shards):
        pairs = [pair for pair in zip(shards, files, strict=True) if pair[0].split == split]
        parts = [file for _, found in pairs for file in found]
        made += last(folder, split, [shard for shard, _ in pairs], parts)
    return made
