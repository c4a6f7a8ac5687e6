"""The step `dedup_lines`: lines, paragraphs or runs of sentences that the corpus holds more than once.

Enters: kept documents. Leaves: the same rows, their text without what stands elsewhere already;
`signals["dedup_lines.removed_ratio"]` (of characters), the first removed piece in
`labels["dedup_lines.removed"]`, and in `labels["dedup_lines.duplicate_of"]` the id of the document that
holds it in the place that counts. A document of which too little is left keeps its text and has `drop` =
`dedup_lines.empty`.

The decision: which occurrence stays is a minimum over (order of the document, place in it), so
partitions, row order and retries change nothing. Texts are read twice, once for hashes and once to be
cut, and move only if the list of holes is too long to broadcast; in between move 64-bit hashes. At
10**11 different units about 300 pairs of them share a hash by chance, and so one of each pair goes.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from curate.dedup import order
from curate.dedup.checkpoint import checkpointed
from curate.dedup.lines import bloom, occurrences
from curate.dedup.lines.passes import GONE, MARKS, RUNS, Compared, Cutter, Scope
from curate.dedup.lines.units import Unit
from curate.document import COLUMNS, SPARK_SCHEMA
from curate.store import absolute

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from curate.dedup.lines.bloom import Published

BROADCAST_TILES = 1_000_000


@dataclass(frozen=True)
class DedupLines:
    """Remove lines, paragraphs or runs of `span` sentences that occur more than once.

    `sentences`, `span` 3: C4 (Raffel et al. 2020, arXiv:1910.10683, §2.2). The code released with it
    compares lines instead: that is `unit: line`. Text that any repeated run covers goes, runs may
    overlap (as in datatrove's `sentence_dedup`); every sentence that goes still stands somewhere, but
    of overlapping runs not always in one piece. Sentences that close up over a hole are looked at
    again, for `rounds` rounds at most, so a second pass finds nothing. `line`: what CCNet (Wenzek et
    al. 2020, arXiv:1911.00359, §3.1) calls a paragraph.

    Compared are lower-cased texts without accents and punctuation, every digit as 0 (CCNet); what holds
    no letter is never a duplicate. `min_words`: nor is a unit of fewer words (C4 removes lines of fewer
    than 5 before it compares); None compares all. `scope`: what is compared: `all` documents, those of
    a `source`, or those of a `file` (the `origin` up to `#`; CCNet compares within shards). `keep`:
    the `first` occurrence stays, in the best document by `prefer`, or `none` does. `count`: only what
    occurs so often is a duplicate. A document that loses something is dropped if nothing is left, or
    fewer than `min_left_words` words, or less than `min_left_ratio` of its characters; what it held for
    others is then lost with it.

    `publish`: a folder for a Bloom filter of all units of this input, with `false_positive_rate`;
    `seen`: such filters of earlier crawls, and what they hold goes, every occurrence of it. A filter is
    sized by what it holds and never updated: publishing again replaces it, and a step does not meet its
    own units. But the same documents under another step that has `seen` their filter lose everything.
    Rates of several filters add up.
    """

    name: ClassVar[str] = "dedup_lines"
    unit: Unit = "line"
    span: int = 3
    min_words: int | None = 5
    scope: Scope = "all"
    keep: Literal["first", "none"] = "first"
    count: int = 2
    prefer: tuple[str, ...] = order.PREFER
    min_left_words: int | None = None
    min_left_ratio: float | None = None
    rounds: int = 8
    seen: tuple[str, ...] = ()
    publish: str | None = None
    false_positive_rate: float = 0.001

    def __post_init__(self) -> None:
        order.check(self.prefer)
        least = {"span": 1, "count": 2, "rounds": 1, "min_words": 1, "min_left_words": 1}
        for name, low in least.items():
            if (value := getattr(self, name)) is not None and value < low:
                raise ValueError(f"{name} must be at least {low}, got {value}")
        for name in ("min_left_ratio", "false_positive_rate"):
            if (value := getattr(self, name)) is not None and not 0 < value < 1:
                raise ValueError(f"{name} must be between 0 and 1, got {value}")
        if self.publish is not None and absolute(self.publish) in map(absolute, self.seen):
            raise ValueError(f"publish: {self.publish} is in seen too; publish to a new folder")

    def compared(self) -> Compared:
        """What two filters must have in common."""
        span = self.span if self.unit == "sentences" else 1
        return Compared(self.unit, span, self.min_words or 1, self.scope)

    def inputs(self) -> tuple[str, ...]:
        """The headers of the filters it compares with."""
        return tuple(bloom.header_path(path) for path in self.seen)

    def __call__(self, df: DataFrame) -> DataFrame:
        """Find the repeated units among all kept rows of `df`, then cut them out."""
        compared = self.compared()
        facts = asdict(compared)
        earlier = [bloom.open_filter(absolute(path), facts) for path in self.seen]
        texts = df.where("drop is null and text is not null").select(*compared.columns(self.prefer))
        marks = texts.mapInArrow(compared.marker(self.prefer), MARKS).persist()
        try:
            holes = self._holes(marks, earlier)
        finally:
            marks.unpersist()
        return df.select(*COLUMNS) if holes is None else self._cut(df, holes)

    def _holes(self, marks: DataFrame, earlier: list[Published]) -> DataFrame | None:
        """(node, gone, place, root): of a document that loses something, the tiles it loses, the first
        of them, and the node that keeps that one, or null.

        A round after the first looks only at runs that have closed up over a hole: nothing else is new.
        """
        if self.compared().span == 1:
            found = self._going(occurrences.exploded(marks, "units"), earlier, self.publish)
            if found is None:
                return None
            return checkpointed(_by_document(found).withColumnRenamed("places", "gone"))
        holes = None
        for turn in range(self.rounds):
            runs = self._runs(marks, holes)
            units = occurrences.exploded(runs, "runs")
            if holes is not None:
                closed = occurrences.counted(occurrences.exploded(runs, "closed"))
                known = occurrences.measured(closed)
                if not known.rows:
                    break
                units = occurrences.matching(units, known).drop("number")
            found = self._going(units, earlier, None if turn else self.publish)
            if found is None:
                break
            holes = checkpointed(self._erased(marks, holes, _by_document(found)))
        return holes

    def _runs(self, marks: DataFrame, holes: DataFrame | None) -> DataFrame:
        """The runs that are left."""
        if holes is not None:
            marks = marks.join(holes.select("node", "gone"), "node", "left")
        return marks.mapInArrow(self.compared().spanner(), RUNS)

    def _going(
        self, units: DataFrame, earlier: list[Published], publish: str | None
    ) -> DataFrame | None:
        """(node, place, root) of the occurrences that go; None if none does."""
        counts = occurrences.counted(units)
        known = None
        if earlier or publish is not None:
            counts = checkpointed(counts)
        if publish is not None:
            facts = asdict(self.compared())
            bloom.publish(counts, absolute(publish), self.false_positive_rate, facts)
        for published in earlier:
            found = bloom.members(counts, published)
            known = found if known is None else known.unionByName(found)
        repeated = occurrences.measured(occurrences.repeated(counts, self.count, known))
        if not repeated.rows:
            return None
        return occurrences.going(units, repeated, self.keep == "first")

    def _erased(self, marks: DataFrame, holes: DataFrame | None, found: DataFrame) -> DataFrame:
        """The holes with what was found in a round."""
        from pyspark.sql import functions as f

        none = f.lit(None)
        if holes is None:
            both = found.withColumn("gone", none.cast("array<int>"))
        else:
            before = holes.select("node", "gone", f.struct("place", "root").alias("before"))
            now = found.select("node", "places", f.struct("place", "root").alias("now"))
            both = now.join(before, "node", "full_outer")
            both = both.select("node", "places", "gone", f.least("now", "before").alias("first"))
            both = both.select("node", "places", "gone", "first.place", "first.root")
        joined = marks.select("node", "units").join(both, "node")
        return joined.mapInArrow(self.compared().eraser(), GONE)

    def _cut(self, df: DataFrame, holes: DataFrame) -> DataFrame:
        """Cut the tiles out. A short list of holes is broadcast, so that no text is shuffled."""
        from pyspark.sql import functions as f

        node, root = (order.id_of(name, self.prefer) for name in ("node", "root"))
        listed = holes.select(node.alias("id"), "gone", root.alias("root"))
        tiles = listed.agg(f.sum(f.size("gone")).alias("tiles")).first()
        if tiles is None or (tiles["tiles"] or 0) < BROADCAST_TILES:
            listed = f.broadcast(listed)
        joined = df.join(listed, "id", "left").select(*COLUMNS, "gone", "root")
        cutter = Cutter(self.name, self.unit, self.min_left_words, self.min_left_ratio)
        return joined.mapInArrow(cutter, SPARK_SCHEMA)


def _by_document(found: DataFrame) -> DataFrame:
    """(node, place, root) -> (node, places, place, root), the last two of the first place."""
    from pyspark.sql import functions as f

    first = f.min(f.struct("place", "root")).alias("first")
    places = f.sort_array(f.collect_list("place")).alias("places")
    grouped = found.groupBy("node").agg(places, first)
    return grouped.select("node", "places", "first.place", "first.root")
