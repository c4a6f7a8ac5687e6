"""The published index: what later crawls are compared with, so that a corpus can grow.

    INDEX/
      generation-<fingerprint>/*.parquet   id, key, bands, shingles of kept documents
      index.json                           parameters and the generations that count; put last

Enters: a finished table, and the parameters of its deduplication. Leaves: one more generation. The
decision: publishing is a command of its own and names a generation by the table it came from, so that
a repeated or killed run can neither add documents twice nor half of them, and `dedup` itself stays a
function of its inputs. Signatures of other parameters cannot be compared: a mismatch is an error.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curate.dedup.documents.marks import INDEXED_SPARK
from curate.dedup.signatures.banding import Banding
from curate.errors import InputError
from curate.store import absolute, read_json, write_json

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

INDEX_FILE = "index.json"
FORMAT = 1


def parameters(banding: Banding | None, method: str, within: str) -> dict[str, Any]:
    """What two sides need to have in common."""
    return {
        "format": FORMAT,
        "method": method,
        "within": within,
        **(asdict(banding) if banding else {}),
    }


def read_index(spark: SparkSession, path: str, wanted: Mapping[str, Any]) -> DataFrame:
    """The documents of all generations. `InputError` if it is no index or has other parameters."""
    about = _about(path)
    if about is None:
        raise InputError(f"{path} is no index of kept documents; make one with curate index")
    check(path, about["parameters"], wanted)
    folders = [f"{absolute(path)}/{name}" for name in about["generations"]]
    return spark.read.schema(INDEXED_SPARK).parquet(*folders)


def add_generation(path: str, name: str, rows: DataFrame, wanted: Mapping[str, Any]) -> bool:
    """Write `rows` as the generation `name` and make it count; False if it is there already.

    Documents that an earlier generation holds are left out. `InputError`: under the id of one of them
    the index holds another document.
    """
    root = absolute(path)
    about = _about(path) or {"parameters": dict(wanted), "generations": []}
    check(path, about["parameters"], wanted)
    folder = f"generation-{name}"
    if folder in about["generations"]:
        return False
    if about["generations"]:
        rows = without_known(rows, read_index(rows.sparkSession, path, wanted), path)
    shutil.rmtree(Path(root) / folder, ignore_errors=True)
    rows.write.parquet(f"{root}/{folder}")
    write_json(f"{root}/{INDEX_FILE}", {**about, "generations": [*about["generations"], folder]})
    return True


def without_known(rows: DataFrame, known: DataFrame, path: str) -> DataFrame:
    """The rows (id, key, …) whose id is not among `known`; `InputError` if one is with another key."""
    from pyspark.sql import functions as f

    theirs = known.select("id", f.col("key").alias("theirs"))
    clashes = rows.select("id", "key").join(theirs, "id").where("not (key <=> theirs)")
    if found := sorted(row["id"] for row in clashes.limit(3).collect()):
        raise InputError(
            f"the index {path} holds other documents under the ids {', '.join(found)} …: files of "
            "two crawls have the same names; read each crawl as a source of a name of its own"
        )
    return rows.join(theirs.select("id"), "id", "left_anti")


def check(path: str, found: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Raises `InputError` that names what differs."""
    names = [name for name in {**found, **wanted} if found.get(name) != wanted.get(name)]
    if names:
        differences = ", ".join(
            f"{name} is {found.get(name)} there and {wanted.get(name)} here" for name in names
        )
        raise InputError(f"the index {path} was made with other parameters: {differences}")


def _about(path: str) -> dict[str, Any] | None:
    """What the index says of itself; None if there is none yet."""
    file = Path(absolute(path)) / INDEX_FILE
    if not file.exists():
        return None
    found = read_json(str(file))
    if not found or found.get("parameters", {}).get("format") != FORMAT:
        raise InputError(
            f"{file} is damaged, of another version, or of another tool; choose another place"
        )
    return found
