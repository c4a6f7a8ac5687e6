"""What makes a JVM of the tests start sooner: the archive of classes that `curate` keeps.

`spark-submit` does not know of it, and compiles for long runs: a step of a few documents costs 20 CPU
seconds with these options and more than 40 without.
"""

from __future__ import annotations

from pathlib import Path

import pyspark

from curate import java
from curate.spark import CACHE, JAVA_OPTIONS


def archived() -> str:
    """JVM options that map the archive an earlier command has left; none where there is none yet."""
    spark = Path(pyspark.__file__).parent
    options = java.shared_classes(java.require(), spark, CACHE.expanduser())
    return options if "SharedArchiveFile" in options else ""


def environment() -> dict[str, str]:
    """For processes that start a JVM without `curate`."""
    return {"JAVA_TOOL_OPTIONS": f"{JAVA_OPTIONS} {archived()}"}
