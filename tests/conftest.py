"""Fixtures every layer shares: a Spark session on two cores, fixed hypothesis profiles."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).parent))
# Files are tested side by side: threads of one, and of what it starts, would wait for those of the other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

LAYERS = ("cluster", "spark", "unit")
LONGEST = ("test_readme", "test_jobs", "test_demo", "test_run", "test_model_honesty")

settings.register_profile(
    "fixed",
    max_examples=50,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.register_profile("thorough", max_examples=2000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fixed"))


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Two cores, four attempts a task, and tiny Arrow batches so that batch borders are met."""
    from spark_classes import archived

    from curate import java
    from curate.spark import JAVA_OPTIONS, LOCAL_SETTINGS, SETTINGS

    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ["JAVA_HOME"] = str(java.require())
    from pyspark.sql import SparkSession

    session = (
        SparkSession.builder.master("local[2,4]")
        .appName("curate-tests")
        .config(map={**SETTINGS, "spark.sql.execution.arrow.maxRecordsPerBatch": "3"})
        .config("spark.sql.shuffle.partitions", "4")
        .config("spark.sql.warehouse.dir", str(tmp_path_factory.mktemp("warehouse")))
        .config(map={**LOCAL_SETTINGS, "spark.driver.memory": "2g"})
        .config("spark.driver.extraJavaOptions", f"{JAVA_OPTIONS} {archived()}")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()


def pytest_configure(config: pytest.Config) -> None:
    """Files are dealt out in the order below; pytest-xdist alone begins with those of most tests."""
    config.option.loadscopereorder = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The folder of a test is its layer. Files that take minutes come first, so that the last ones
    to be run are short and no core is left idle."""
    for item in items:
        if item.path.parent.name in LAYERS[:-1]:
            item.add_marker(item.path.parent.name)

    def place(item: pytest.Item) -> tuple[int, int]:
        name, layer = item.path.stem, item.path.parent.name
        longest = LONGEST.index(name) if name in LONGEST else len(LONGEST)
        return longest, LAYERS.index(layer) if layer in LAYERS else len(LAYERS)

    items.sort(key=place)
