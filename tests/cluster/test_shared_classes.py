"""The archive of classes with a real JVM: left by one command, mapped by the next."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from curate.java import require

COUNT = """
from curate.spark import session
spark = session("local[1]", log="{log}")
print(spark.range(10).count())
arguments = spark._jvm.java.lang.management.ManagementFactory.getRuntimeMXBean().getInputArguments()
print([str(one).split("=")[0] for one in arguments if "Archive" in str(one)])
"""


def count(home: Path) -> str:
    """What a small job prints, everything included."""
    environment = {**os.environ, "HOME": str(home), "JAVA_HOME": str(require())}
    done = subprocess.run(
        [sys.executable, "-c", COUNT.format(log=home / "log")],
        env=environment,
        cwd=home,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_command_leaves_its_classes_for_the_next(tmp_path: Path) -> None:
    home = tmp_path / "a home"
    home.mkdir()
    assert count(home) == "10\n['-XX:ArchiveClassesAtExit']\n"
    archive = None
    for _ in range(120):
        archive = next((home / ".cache" / "curate").glob("*.jsa"), None)
        if archive is not None and any(archive.open("rb").read(4)):
            break
        time.sleep(0.5)
    assert archive is not None
    assert count(home) == "10\n['-XX:SharedArchiveFile']\n"
