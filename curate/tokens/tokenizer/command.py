"""The command `curate train-tokenizer`.

Enters: a finished table of documents. Leaves: `tokenizer.json`, which the step `tokenize` and
transformers read, and `report.json`: how it was trained, and how it and others do on unseen texts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from curate.document import SPARK_SCHEMA
from curate.errors import InputError
from curate.store import absolute, write_bytes, write_json
from curate.table import Table, code_version
from curate.tokens.tokenizer.encoding import Encoding
from curate.tokens.tokenizer.fertility import Row, measure, table
from curate.tokens.tokenizer.files import read
from curate.tokens.tokenizer.sample import training_rates, training_texts, unseen_texts
from curate.tokens.tokenizer.training import Training, train

MEASURED_BYTES = 16 << 20
OURS = "this one"


@dataclass(frozen=True)
class Sampling:
    """`exponent`: how much a stratum's share follows its size, see `rates`."""

    sample_bytes: int = 1 << 30
    exponent: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.sample_bytes < 1 or not 0 <= self.exponent <= 1:
            raise InputError("--sample-bytes has to be at least 1, --exponent from 0 to 1")


def train_tokenizer(
    table_dir: str,
    output: str,
    training: Training,
    sampling: Sampling,
    against: Sequence[str] = (),
    master: str | None = None,
    say: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Train on a sample of a table's kept documents, measure on others, write both files.

    Raises `InputError` for what the user can mend, before any work where that is possible.
    """
    from curate.run import workshop

    others = {path: read(path) for path in against}
    documents, output = Table(absolute(table_dir)), absolute(output)
    files = documents.files(kept=True)
    if not files:
        raise InputError(f"{table_dir} has no kept documents to train a tokenizer on")
    if output == absolute(documents.path):
        raise InputError(f"{output} is the table itself; choose another --output")
    with workshop(output, master, say) as shop:
        df = shop.spark.read.schema(SPARK_SCHEMA).parquet(*files)
        drawn = training_rates(df, sampling.sample_bytes, sampling.exponent)
        counted = _Counted(training_texts(df, drawn, sampling.seed, 2 * sampling.sample_bytes))
        if not drawn:
            raise InputError(f"{table_dir} has no training documents with a text")
        encoding = train(counted, training)
        say(f"trained on {counted.texts:,} texts, {counted.text_bytes:,} bytes")
        unseen = unseen_texts(df, drawn, sampling.seed, MEASURED_BYTES)
        rows = measure(unseen, {OURS: encoding, **others})
    write_bytes(f"{output}/tokenizer.json", encoding.json.encode())
    report = _report(encoding, training, sampling, counted, rows)
    write_json(f"{output}/report.json", report)
    nothing = "nothing to measure on: every text was drawn; a smaller --sample-bytes leaves some"
    for line in table(rows) if rows[0].texts else [nothing]:
        say(line)
    say(f"{output}/tokenizer.json: {encoding.vocabulary:,} rows of an embedding")
    return report


class _Counted:
    """Texts that are counted while they pass."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.given, self.texts, self.text_bytes = texts, 0, 0

    def __iter__(self) -> Any:
        for text in self.given:
            self.texts += 1
            self.text_bytes += len(text.encode())
            yield text


def _report(
    encoding: Encoding,
    training: Training,
    sampling: Sampling,
    counted: _Counted,
    rows: Sequence[Row],
) -> dict[str, Any]:
    return {
        "training": asdict(training),
        "sampling": asdict(sampling),
        "trained_on": {"texts": counted.texts, "text_bytes": counted.text_bytes},
        "vocabulary": encoding.vocabulary,
        "sha256": encoding.sha256,
        "measured_on": "texts it was not trained on",
        "rows": [row.to_json() for row in rows],
        "code": code_version(),
    }
