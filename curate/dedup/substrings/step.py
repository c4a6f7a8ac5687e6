"""The step `dedup_substrings`: runs of words that stand in the corpus already are cut out of the text.

Enters: kept documents. Leaves: the same rows, their text without repeated runs of `length_words` words
or more; `signals["dedup_substrings.removed_ratio"]` (of characters), the first run that went in
`labels["dedup_substrings.removed"]`, the document that holds it in `labels["….duplicate_of"]`. A
document of which fewer than `min_words` words are left keeps its text and has `drop` =
`dedup_substrings.empty`.

The decision is what goes. Read the documents best first, each from left to right: a window of
`length_words` words goes if the same words stand before it, whole, in what stays. So
  * what goes is still there: every removed word lies in a window that stays complete elsewhere;
  * no window stays twice (but for a repetition that overlaps itself: "a a a …" keeps one window).
That reading is sequential, this is not: a window that is the first of its kind, and that no repeated
window overlaps, certainly stays, so those like it go; what this leaves open is looked at again, with
fewer and fewer windows. A place where something went is a border no later window spans (its number of
words in `labels["….holes"]`), so a second run changes nothing.

Texts are read three times: fingerprints of winnowing say where windows may repeat, the windows there
are hashed, and at last the runs are cut out. Between these only hashes move, grouped by Spark alone: a
paragraph of every second document is a minimum taken where the rows are, then a join. The lists that
the second and the third reading join are broadcast while they are short, so that no text is shuffled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from curate.dedup import order
from curate.dedup.checkpoint import checkpointed, small
from curate.dedup.substrings.passes import FINGERPRINTS, WINDOWS, cutter, fingerprinter, windower
from curate.document import COLUMNS, SPARK_SCHEMA

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

_CONTENT = ["high", "low"]


@dataclass(frozen=True)
class DedupSubstrings:
    """Cut out runs of at least 50 words that the corpus holds elsewhere: exact substring deduplication
    (Lee et al. 2021, arXiv:2107.06499, §4.1; found by winnowing, Schleimer et al. 2003, instead of a
    suffix array).

    Compared are the words as they are written, punctuation included, whatever the white space between
    them; of scripts without spaces, characters. `prefer` orders who keeps the one copy, ties broken by
    the smallest id; `scope: source` looks for it among the documents of the same source only. What has
    fewer than `min_words` words left is dropped; at most `length_words`, because a document that keeps
    a window for others must stay. After `rounds` rounds what is undecided stays.
    Drops: `dedup_substrings.empty`.
    """

    name: ClassVar[str] = "dedup_substrings"
    length_words: int = 50
    prefer: tuple[str, ...] = order.PREFER
    scope: Literal["all", "source"] = "all"
    min_words: int = 20
    rounds: int = 16

    def __post_init__(self) -> None:
        order.check(self.prefer)
        if self.scope not in ("all", "source"):
            raise ValueError(f"scope must be all or source, got {self.scope!r}")
        if min(self.length_words, self.rounds) < 1:
            raise ValueError("length_words and rounds must be at least 1")
        if not 0 <= self.min_words <= self.length_words:
            raise ValueError(
                f"min_words must be from 0 to length_words ({self.length_words}), "
                f"got {self.min_words}"
            )

    def inputs(self) -> tuple[str, ...]:
        """No other files."""
        return ()

    def __call__(self, df: DataFrame) -> DataFrame:
        """Find what repeats, decide round by round, cut."""
        found = checkpointed(self._windows(df, self._candidates(df)))
        removed, rounds = None, 0
        while rounds < self.rounds and not found.isEmpty():
            gone, found = decide(found, self.length_words)
            removed = gone if removed is None else removed.unionByName(gone)
            rounds += 1
        if removed is None:
            return df.select(*COLUMNS)
        return self._cut(df, checkpointed(self._spans(removed)))

    def _candidates(self, df: DataFrame) -> DataFrame:
        """(id, repeated): for each document its fingerprints that occur at least twice."""
        from pyspark.sql import functions as f

        chosen = df.select("id", "source", "text", self._holes()).mapInArrow(
            fingerprinter(self.length_words, self.scope), FINGERPRINTS
        )
        chosen = chosen.persist()
        try:
            copies = chosen.groupBy("fingerprint").agg(f.sum("copies").alias("copies"))
            repeated = copies.where("copies > 1").select("fingerprint")
            of_document = chosen.join(repeated, "fingerprint").groupBy("id")
            return checkpointed(of_document.agg(f.collect_list("fingerprint").alias("repeated")))
        finally:
            chosen.unpersist()

    def _windows(self, df: DataFrame, candidates: DataFrame) -> DataFrame:
        """(high, low, key, place, broken): the candidate windows, hashed."""
        from pyspark.sql import functions as f

        wanted = dict.fromkeys((*order.columns(self.prefer), "source", "text"))
        rows = df.select(*wanted, self._holes()).join(small(candidates), "id")
        found = rows.mapInArrow(windower(self.length_words, self.scope, self.prefer), WINDOWS)
        return found.withColumn("broken", f.lit(False))

    def _spans(self, removed: DataFrame) -> DataFrame:
        """(id, spans, root): the runs of words to cut out, and who holds the first window of them."""
        from pyspark.sql import Window
        from pyspark.sql import functions as f

        row = Window.partitionBy("key").orderBy("place")
        before = f.lag("place").over(row)
        opens = f.coalesce(f.col("place") > before + self.length_words, f.lit(True))
        runs = removed.withColumn("run", f.sum(opens.cast("int")).over(row))
        ends = (f.max("place") + self.length_words).alias("end")
        runs = runs.groupBy("key", "run").agg(
            f.min("place").alias("start"), ends, f.min_by("root", "place").alias("root")
        )
        spans = f.sort_array(f.collect_list(f.struct("start", "end"))).alias("spans")
        found = runs.groupBy("key").agg(spans, f.min_by("root", "start").alias("root"))
        return found.select(self._id("key"), "spans", self._id("root").alias("root"))

    def _cut(self, df: DataFrame, spans: DataFrame) -> DataFrame:
        rows = df.select(*COLUMNS).join(small(spans), "id", "left")
        return rows.mapInArrow(cutter(self.name, self.min_words), SPARK_SCHEMA)

    def _holes(self) -> Column:
        from pyspark.sql import functions as f

        return f.element_at("labels", f.lit(f"{self.name}.holes")).alias("holes")

    def _id(self, key: str) -> Column:
        return order.id_of(key, self.prefer).alias("id")


def decide(found: DataFrame, length: int) -> tuple[DataFrame, DataFrame]:
    """One round. (high, low, key, place, broken) of windows -> (key, place, root) of those that go,
    `root` the key of the document that keeps a copy; and the windows that are still undecided.

    Of each content the first unbroken window may stay, those behind it (not overlapping it) may go. A
    first one that none of the latter overlaps does stay, and they do go; what they overlap is broken.
    """
    from pyspark.sql import functions as f

    here = f.struct("key", "place")
    first = f.min(f.when(~f.col("broken"), here)).alias("first")
    contents = found.groupBy(_CONTENT).agg(first, f.max(here).alias("last"))
    contents = contents.where(_is_behind("last.key", "last.place", length)).drop("last")
    marked = found.join(contents, _CONTENT).withColumn("goes", _is_behind("key", "place", length))
    touched = marked.withColumn("touched", is_touched("goes", length))
    undecided = touched.where((here == f.col("first")) & f.col("touched")).select(*_CONTENT)
    undecided = undecided.withColumn("is_open", f.lit(True))
    marked = marked.join(undecided, _CONTENT, "left").withColumns(
        {"is_open": f.col("is_open").isNotNull(), "goes": f.col("goes") & f.col("is_open").isNull()}
    )
    broken = f.col("broken") | is_touched("goes", length)
    marked = checkpointed(marked.withColumn("broken", broken).where("goes or is_open"))
    gone = marked.where("goes").select("key", "place", f.col("first.key").alias("root"))
    return gone, marked.where("is_open").select(*_CONTENT, "key", "place", "broken")


def is_touched(flag: str, length: int) -> Column:
    """Whether a window for which `flag` is true overlaps this one, or is this one; a stream each way
    over the windows of a document."""
    from pyspark.sql import Window
    from pyspark.sql import functions as f

    def nearest(place: Column) -> Column:
        row = Window.partitionBy("key").orderBy(place)
        so_far = row.rangeBetween(Window.unboundedPreceding, Window.currentRow)
        return f.last(f.when(f.col(flag), f.col("place")), ignorenulls=True).over(so_far)

    before = f.col("place") - nearest(f.col("place").asc())
    after = nearest(f.col("place").desc()) - f.col("place")
    return f.coalesce(before < length, f.lit(False)) | f.coalesce(after < length, f.lit(False))


def _is_behind(key: str, place: str, length: int) -> Column:
    """Whether a window comes after the first of its content and does not overlap it."""
    from pyspark.sql import functions as f

    elsewhere = f.col(key) > f.col("first.key")
    same = f.col(key) == f.col("first.key")
    return elsewhere | (same & (f.col(place) >= f.col("first.place") + length))
