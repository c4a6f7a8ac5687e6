"""Finds the Java that Spark needs, or gets one.

Spark 4 runs on Java 17 or 21, and needs a full JDK or JRE with the module `jdk.incubator.vector`
(trimmed builds from Python wheels lack it and do not start). Run as `python -m curate.java` it
installs one where it can (through `install-jdk`, which needs the internet) and prints where it is.

The classes that one command loads are kept for the next (`shared_classes`): Java parses and verifies
12,000 of them, which is most of what a short Spark job costs.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from curate.errors import CurateError, MissingError

VERSIONS = (17, 21)
ADVICE = {
    "linux": "sudo apt-get install openjdk-17-jre-headless",
    "darwin": "brew install openjdk@17",
    "win32": "winget install EclipseAdoptium.Temurin.17.JRE",
}


def find() -> Path | None:
    """The home of a Java 17 or 21: JAVA_HOME, then the PATH, then the usual places."""
    for home in _candidates():
        if version(home) in VERSIONS:
            return home
    return None


def require() -> Path:
    """`find()`, or one line that says how to get a Java."""
    home = find()
    if home is None:
        command = ADVICE.get(sys.platform, ADVICE["linux"])
        raise MissingError(
            f"Spark needs Java 17 or 21 and none was found; install one with: {command}"
        )
    return home


def install() -> Path:
    """`find()`, or download a JDK 17 into the home folder with `install-jdk`."""
    home = find()
    if home is not None:
        return home
    import jdk

    print("no Java 17 or 21 found: installing a JDK 17 into ~/.jdk", file=sys.stderr)
    try:
        return Path(jdk.install("17", jre=False))
    except Exception:
        return require()


def shared_classes(home: Path, spark: Path, cache: Path) -> str:
    """JVM options that map the classes an earlier command has left in the folder `cache`, or leave
    those of this one at its end (JEP 350); none if the folder cannot be written.

    `home`: of Java; `spark`: of Spark. The JVM checks the archive against its own build and the
    classpath and does without if they differ; its header is written last, so one without is cut off.
    """
    facts = [os.environ.get(name, "") for name in ("SPARK_HOME", "SPARK_CONF_DIR")]
    try:
        jars = sorted((jar.name, jar.stat().st_mtime_ns) for jar in (spark / "jars").iterdir())
        facts += [str(home), (home / "release").read_text(), str(spark), str(jars)]
        mark = hashlib.sha256("\0".join(facts).encode()).hexdigest()[:16]
        archive = cache / f"classes-{mark}.jsa"
        cache.mkdir(parents=True, exist_ok=True)
        is_there = archive.is_file() and _begins(archive)
    except OSError:
        return ""
    if not is_there and not os.access(cache, os.W_OK):
        return ""
    option = "SharedArchiveFile" if is_there else "ArchiveClassesAtExit"
    return f'"-XX:{option}={archive}" -Xshare:auto -Xlog:cds=off -Xlog:cds+dynamic=off'


def _begins(archive: Path) -> bool:
    """Whether a file has a header: four bytes that are not 0."""
    with archive.open("rb") as file:
        return any(file.read(4))


def version(home: Path) -> int | None:
    """The major version of the Java at `home`; None if it does not run."""
    java = home / "bin" / ("java.exe" if sys.platform == "win32" else "java")
    try:
        done = subprocess.run([str(java), "-version"], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r'version "(?:1\.)?(\d+)', done.stderr)
    return int(found.group(1)) if found and done.returncode == 0 else None


def _candidates() -> Iterator[Path]:
    if os.environ.get("JAVA_HOME"):
        yield Path(os.environ["JAVA_HOME"])
    on_path = shutil.which("java")
    if on_path:
        yield Path(on_path).resolve().parent.parent
    for folder in (
        Path.home() / ".jdk",
        Path("/usr/lib/jvm"),
        Path("/Library/Java/JavaVirtualMachines"),
    ):
        if folder.is_dir():
            for entry in sorted(folder.iterdir()):
                yield (
                    entry / "Contents" / "Home" if (entry / "Contents" / "Home").is_dir() else entry
                )


if __name__ == "__main__":
    try:
        print(install())
    except CurateError as error:
        print(f"curate: {error}", file=sys.stderr)
        sys.exit(error.exit_status)
