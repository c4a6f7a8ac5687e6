"""All checks of one folder of token shards.

Enters: the folder or URL of a tokens table, of a run that ends in one, or of an export. Leaves: a
`Verification` with every problem, not only the first. The decision: a check that cannot run because
of an earlier problem is left out, so one fault is told once and by its name. Formats that are neither
Megatron's nor bare tokens are held to their sizes and checksums.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain

import pyarrow as pa

from curate.code_points import Hashes
from curate.split import HELDOUT, TRAIN
from curate.tokens.formats import TokenShard
from curate.tokens.formats.token_shard import IDS
from curate.tokens.verification.claims import Bare, Claim, Promise, claim, leaves_the_folder
from curate.tokens.verification.files import Reading, compare, unreadable
from curate.tokens.verification.findings import Problem, Verification
from curate.tokens.verification.heldout import ids_in_training, overlap, shard_ids
from curate.tokens.verification.ids import Order, id_problems
from curate.tokens.verification.index import Index, read_index
from curate.tokens.verification.origin import Origin, Wanted, find_origin
from curate.tokens.verification.payload import payload_problems


def verify(path: str, overlap_ratio: float | None = 0.5) -> Verification:
    """Check everything; `overlap_ratio`: warn of held-out documents that share more of their 13-grams
    with training documents (None: do not look). `InputError` if there are no token shards."""
    found = _Checks(claim(path))
    found.origin_counts()
    for promise in found.claim.files:
        found.file(promise)
    for shard in found.claim.shards:
        found.ids(shard)
    found.counts()
    found.heldout_ids()
    if overlap_ratio is not None:
        found.overlap(overlap_ratio)
    return found.verification()


class _Checks:
    """One verification as it goes on."""

    def __init__(self, claimed: Claim) -> None:
        self.claim = claimed
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self.notes: list[str] = []
        self.bytes = 0
        self.done: set[str] = set()
        self.unread: set[str] = set()
        self.indexes: dict[str, Index] = {}
        self.shards = {shard.payload.file: shard for shard in claimed.shards}
        self.bare = {one.shard.payload.file: one for one in claimed.bare}
        self.owners: dict[str, list[str]] = {}
        for promise in claimed.files:
            if promise.sha256 is not None:
                self.owners.setdefault(promise.sha256, []).append(promise.file)
        self.origin: Origin | None = None
        self.wanted: Wanted | None = None

    def origin_counts(self) -> None:
        """What the table of the documents wants."""
        if self.claim.manifest is None:
            return
        self.origin = find_origin(self.claim.path, self.claim.manifest)
        if self.origin is None:
            self.notes.append("the table of its documents is not there: not compared with it")
            return
        try:
            self.wanted = self.origin.wanted()
        except (OSError, pa.ArrowException) as error:
            self.origin = None
            self.notes.append(f"the table of its documents cannot be read: {_first_line(error)}")

    def file(self, promise: Promise) -> None:
        """Size, checksum, and what the bytes of a payload say."""
        folder, mend = self.claim.folder, self.claim.mend
        if leaves_the_folder(promise.file):
            what = f"the manifest names a file outside it, {promise.file!r}"
            self.problems.append(Problem(folder.root, what, "do not trust this folder"))
            return
        reading = Reading(folder, promise.file)
        try:
            told = list(self._contents(promise.file, reading))
        except OSError as error:
            if promise.file not in self.unread:
                self.problems.append(unreadable(folder, promise.file, error, mend))
            self.unread.add(promise.file)
            return
        self.problems += compare(promise, reading, self.owners, mend)
        if promise.file not in self.done:
            self.problems += told
            self.bytes += reading.bytes
        self.done.add(promise.file)

    def _contents(self, name: str, reading: Reading) -> Iterator[Problem]:
        """Problems of what a file says; it is read to its end."""
        vocabulary, mend = int(self.claim.about["vocabulary"]), self.claim.mend
        if name in self.shards:
            shard = self.shards[name]
            lengths = self._index(shard).lengths
            yield from payload_problems(shard, reading.blocks(), vocabulary, lengths, mend)
        elif name in self.bare:
            bare: Bare = self.bare[name]
            yield from payload_problems(
                bare.shard, reading.blocks(), vocabulary, None, mend, bare.header_bytes, bare.leads
            )
        else:
            for _ in reading.blocks():
                pass

    def _index(self, shard: TokenShard) -> Index:
        """The index of a shard, read and told of once."""
        if shard.name not in self.indexes:
            try:
                index = read_index(shard, self.claim.mend)
                self.problems += index.problems
            except OSError as error:
                index = Index(None, ())
                self._missing(f"{shard.name}.idx", error)
            self.indexes[shard.name] = index
        return self.indexes[shard.name]

    def _missing(self, name: str, error: OSError) -> None:
        if name not in self.unread:
            self.unread.add(name)
            self.problems.append(unreadable(self.claim.folder, name, error, self.claim.mend))

    def ids(self, shard: TokenShard) -> None:
        """A shard's ids against its index."""
        if not self.claim.keeps_ids:
            return
        lengths, name = self._index(shard).lengths, f"{shard.name}{IDS}"
        try:
            self.problems += id_problems(shard, lengths, self._order(shard), self.claim.mend)
        except OSError as error:
            self._missing(name, error)
        except (pa.ArrowException, LookupError) as error:
            self.unread.add(name)
            what = f"cannot be read ({_first_line(error)})"
            self.problems.append(Problem(shard.folder.path(name), what, self.claim.mend))

    def _order(self, shard: TokenShard) -> Order | None:
        """How documents were put in order; None where that, or how often one may stand, is not known."""
        about = self.claim.about
        ranges = about.get("ranges", {}).get(shard.split)
        if ranges is None or "seed" not in about or about.get("order_by") or self.wanted is None:
            return None
        return Order(shard, int(about["seed"]), int(ranges), self.wanted.most_copies)

    def counts(self) -> None:
        """Documents and tokens against the manifest's own sums and the table's ledger."""
        if self.claim.manifest is None:
            return
        where, mend = f"{self.claim.path}/manifest.json", self.claim.mend
        for what in _count_faults(self.claim, self.wanted):
            self.problems.append(Problem(where, what, mend))

    def heldout_ids(self) -> None:
        """No held-out document in a training shard."""
        if not self.claim.shards:
            return
        if not self.claim.keeps_ids:
            self.notes.append("its version kept no ids: held-out documents not looked for by id")
            return
        sound = [one for one in self.claim.shards if f"{one.name}{IDS}" not in self.unread]
        train = [shard for shard in sound if shard.split == TRAIN]
        heldout = [shard for shard in sound if shard.split == HELDOUT]
        most = sum(shard.payload.documents for shard in heldout)
        if self.wanted is not None:
            most += self.wanted.documents[HELDOUT]
        mend = "split the documents first, then " + self.claim.mend
        self.problems += ids_in_training(self._heldout_hashes(heldout), most, train, mend)

    def _heldout_hashes(self, heldout: Sequence[TokenShard]) -> Callable[[], Iterator[Hashes]]:
        origin = self.origin
        return lambda: chain(shard_ids(heldout), origin.heldout_ids() if origin else ())

    def overlap(self, above_ratio: float) -> None:
        """Warn of held-out documents that are in training documents, whatever their ids."""
        there = [shard for shard in self.claim.shards if shard.payload.file not in self.unread]
        train = [shard for shard in there if shard.split == TRAIN]
        heldout = [shard for shard in there if shard.split == HELDOUT]
        if not train or not heldout:
            return
        found = overlap(heldout, train, above_ratio)
        if found.overlapping:
            of = "" if found.one_in == 1 else f" (of a sample, one 13-gram in {found.one_in:,})"
            self.warnings.append(
                Problem(
                    self.claim.folder.root,
                    f"{found.overlapping:,} of {found.documents:,} held-out documents share more than "
                    f"{above_ratio:.0%} of their 13-grams of tokens with training documents{of}, "
                    f"most {found.worst} ({found.worst_ratio:.0%})",
                    "deduplicate across splits, or take them out of the evaluation",
                )
            )

    def verification(self) -> Verification:
        """Everything that was found."""
        shards = [*self.claim.shards, *(one.shard for one in self.claim.bare)]
        return Verification(
            self.claim.path,
            len({promise.file for promise in self.claim.files}),
            self.bytes,
            len(shards),
            sum(shard.payload.documents for shard in shards),
            sum(shard.payload.tokens for shard in shards),
            tuple(dict.fromkeys(self.problems)),
            tuple(self.warnings),
            tuple(self.notes),
        )


def _count_faults(claimed: Claim, wanted: Wanted | None) -> Iterator[str]:
    about, manifest = claimed.about, claimed.manifest or {}
    documents = sum(shard.payload.documents for shard in claimed.shards)
    tokens = sum(shard.payload.tokens for shard in claimed.shards)
    by_source: Mapping[str, int] | None = about.get("tokens")
    if by_source is not None and sum(by_source.values()) != tokens:
        yield f"{sum(by_source.values()):,} tokens by source, {tokens:,} in its shards"
    kept = sum(counts["kept"] for counts in manifest.get("counts", {}).values())
    if wanted is None:
        if kept > documents:
            yield f"{kept:,} documents in its ledger, {documents:,} in its shards"
        return
    if kept != wanted.kept:
        yield f"{kept:,} documents in its ledger, {wanted.kept:,} kept in the table it was made from"
    for split, count in wanted.documents.items():
        held = sum(shard.payload.documents for shard in claimed.of_split(split))
        if held != count:
            yield (
                f"{held:,} documents in the {split} shards, the table it was made from wants "
                f"{count:,} (copies counted)"
            )


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
