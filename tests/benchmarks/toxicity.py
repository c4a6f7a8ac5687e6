"""What the toxicity step finds and what it costs: recall and false positives on labelled comments.

    python tests/benchmarks/toxicity.py COMMENTS.jsonl[.gz] --label is_toxic --toxic Toxic
    python tests/benchmarks/toxicity.py hatecheck.jsonl.gz --label label_gold --toxic hateful

One JSON object a line with `text` (or `test_case`, `comment`) and the label. Prints the backend that
ran, the share of toxic texts dropped (recall) and the share of the others dropped (false positives).
"""

from __future__ import annotations

import argparse
import gzip
import json
from pathlib import Path

from curate.document import Document
from curate.filters.toxicity import Toxicity

FIELDS = ("text", "comment", "test_case")


def main() -> None:
    """Run the step on every text of a labelled file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--label", required=True)
    parser.add_argument("--toxic", required=True)
    given = parser.parse_args()
    raw = given.file.read_bytes()
    lines = (gzip.decompress(raw) if given.file.suffix == ".gz" else raw).decode().splitlines()
    dropped, total, backend = {True: 0, False: 0}, {True: 0, False: 0}, ""
    for number, line in enumerate(lines):
        item = json.loads(line)
        text = next(item[field] for field in FIELDS if field in item)
        row = Document(str(number), "bench", str(number), text=text)
        Toxicity()(row)
        toxic = item[given.label] == given.toxic
        total[toxic] += 1
        dropped[toxic] += row.drop is not None
        backend = row.labels.get("toxicity.backend", backend)
    print(f"backend {backend}, {len(lines)} texts")
    for toxic, name in ((True, "recall"), (False, "false positives")):
        share = dropped[toxic] / max(1, total[toxic])
        print(f"{name}: {dropped[toxic]} of {total[toxic]} = {share:.1%}")


if __name__ == "__main__":
    main()
