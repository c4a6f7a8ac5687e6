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
    from curate import java
    from curate.spark import LOCAL_SETTINGS, SETTINGS

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
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The folder of a test is its layer."""
    for item in items:
        for layer in ("spark", "cluster"):
            if f"/tests/{layer}/" in item.path.as_posix():
                item.add_marker(layer)
