"""Which Java runs Spark, and the archive of classes that makes it start faster."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from curate.java import shared_classes


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path, Path]:
    """A Java, a Spark and a cache folder that is not there yet."""
    java, spark = tmp_path / "java", tmp_path / "spark"
    (spark / "jars").mkdir(parents=True)
    (spark / "jars" / "spark-core.jar").write_bytes(b"jar")
    java.mkdir()
    (java / "release").write_text('JAVA_VERSION="17.0.1"')
    return java, spark, tmp_path / "a cache"


def archive_of(options: str) -> Path:
    return Path(options.split("=", 1)[1].split('"')[0])


def test_the_first_command_leaves_an_archive_and_the_next_one_takes_it(
    places: tuple[Path, Path, Path],
) -> None:
    first = shared_classes(*places)
    assert first.startswith('"-XX:ArchiveClassesAtExit=')
    archive_of(first).write_bytes(b"\xf0\x0b\xab\xa8 and classes")
    second = shared_classes(*places)
    assert second.startswith('"-XX:SharedArchiveFile=')
    assert archive_of(second) == archive_of(first)


def test_an_archive_that_was_cut_off_is_made_again(places: tuple[Path, Path, Path]) -> None:
    archive_of(shared_classes(*places)).write_bytes(bytes(100))
    assert shared_classes(*places).startswith('"-XX:ArchiveClassesAtExit=')


@pytest.mark.parametrize("changed", ["java", "spark", "conf"])
def test_another_java_spark_or_classpath_has_an_archive_of_its_own(
    places: tuple[Path, Path, Path], changed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = archive_of(shared_classes(*places))
    if changed == "java":
        (places[0] / "release").write_text('JAVA_VERSION="17.0.2"')
    elif changed == "spark":
        (places[1] / "jars" / "spark-core.jar").unlink()
        (places[1] / "jars" / "spark-core-4.jar").write_bytes(b"jar")
    else:
        monkeypatch.setenv("SPARK_CONF_DIR", "/etc/spark")
    assert archive_of(shared_classes(*places)) != before


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_cache_that_cannot_be_written_is_done_without(places: tuple[Path, Path, Path]) -> None:
    places[2].mkdir()
    places[2].chmod(0o500)
    assert shared_classes(*places) == ""


def test_a_cache_that_is_a_file_and_a_java_without_a_release_are_done_without(
    places: tuple[Path, Path, Path],
) -> None:
    java, spark, cache = places
    cache.write_text("no folder")
    assert shared_classes(java, spark, cache) == ""
    cache.unlink()
    (java / "release").unlink()
    assert shared_classes(java, spark, cache) == ""
