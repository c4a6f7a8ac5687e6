"""Shards that exist already, in another format.

Enters: committed shards and the name of a format. Leaves: a folder with its files, `tokenizer.json`
and `manifest.json`. The decision: files are whole or absent, a shard that is done leaves a note, and
the manifest is put last. An export that was stopped goes on where it was; a folder with a manifest is
complete.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import asdict
from typing import Any

from curate.errors import InputError, OutputError, UserError
from curate.store import absolute, locked, read_json, unwritable, write_json
from curate.table import MANIFEST
from curate.tokens.formats import FORMATS, File, Folder, TokenShard, check_formats, finish
from curate.tokens.stored import StoredTokens, open_tokens

NOTES = ".unfinished"
ORIGIN = f"{NOTES}/origin.json"
TOKENIZER = "tokenizer.json"


def export_tokens(tokens_dir: str, to: str, output: str) -> int:
    """Write the shards of a tokens table, or of a run that ends in one, as `to`; returns how many
    documents.

    `UserError`: no such format, or one that cannot hold these tokens. `InputError`: no committed
    shards. `OutputError`: `output` holds something else, or cannot be written.
    """
    if to not in FORMATS:
        raise UserError(
            f"--to {to}: known are huggingface, and for token shards {', '.join(FORMATS)}"
        )
    tokens = open_tokens(tokens_dir)
    check_formats([to], str(tokens.about["dtype"]))
    output = absolute(output).rstrip("/")
    origin = {"format": to, "shards": [shard.payload.sha256 for shard in tokens.shards]}
    try:
        with locked(output) if "://" not in output else nullcontext():
            if not _is_done(output, origin):
                _write(tokens, output, origin)
    except FileNotFoundError as error:
        raise InputError(f"{error.filename or error} is missing; run tokenize again") from None
    except OSError as error:
        raise unwritable(output, error) from None
    return sum(shard.payload.documents for shard in tokens.shards)


def _is_done(output: str, origin: dict[str, Any]) -> bool:
    """Whether this very export is there. `OutputError` if something else is."""
    folder = Folder.at(output)
    finished = read_json(f"{output}/{MANIFEST}") or {}
    if finished.get("export") == origin:
        return all(folder.holds(file["file"]) for file in finished["files"])
    is_empty = not folder.fs.exists(folder.root) or not folder.fs.ls(folder.root)
    if not is_empty and read_json(f"{output}/{ORIGIN}") != origin:
        raise OutputError(f"{output} holds something else; choose another --output")
    return False


def _write(tokens: StoredTokens, output: str, origin: dict[str, Any]) -> None:
    folder, to = Folder.at(output), origin["format"]
    write_json(f"{output}/{ORIGIN}", origin)
    made = [_shard(to, shard, output) for shard in tokens.shards]
    last = finish(to, folder, tokens.shards, made)
    with folder.whole(TOKENIZER) as sink:
        for block in tokens.folder.blocks(TOKENIZER):
            sink.write(block)
    folder.clear_attempts()
    files = [*(file for found in made for file in found), *last, sink.written()]
    _commit(tokens, output, origin, files)
    folder.fs.rm(folder.path(NOTES), recursive=True)


def _shard(to: str, shard: TokenShard, output: str) -> list[File]:
    """The files of a shard: those that an earlier attempt wrote, or new ones."""
    folder, note = Folder.at(output), f"{output}/{NOTES}/{shard.name}.json"
    done = read_json(note)
    if done is None or not all(folder.holds(file["file"]) for file in done["files"]):
        done = {"files": [asdict(file) for file in FORMATS[to].write(shard, folder)]}
        write_json(note, done)
    return [File(**file) for file in done["files"]]


def _commit(
    tokens: StoredTokens, output: str, origin: dict[str, Any], files: Iterable[File]
) -> None:
    names = ("tokenizer_sha256", "vocabulary", "eos", "dtype")
    about = {name: tokens.about[name] for name in names}
    listed = [asdict(file) for file in files]
    write_json(f"{output}/{MANIFEST}", {"export": origin, **about, "files": listed})
