"""The demonstration in small: every part of it, on fewer pages and with less time for the verdict."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def demo(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "curate", "demo", "--output", "d", "--pages", "120", "--seconds", "120"],
        cwd=folder, capture_output=True, text=True, timeout=600,
    )  # fmt: skip


def test_demo_tells_funnel_recall_verdict_and_page(tmp_path: Path) -> None:
    done = demo(tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    run = tmp_path / "d" / "run"
    audit = json.loads((run / "audit.json").read_text())
    verdict = json.loads((run / "ablation" / "verdict.json").read_text())
    assert audit
    assert [arm["name"] for arm in verdict["arms"]] == [
        "read",
        "extract",
        "clean-filter",
        "decontaminate",
    ]
    for told in ("03-clean-filter", "near_duplicate", "bits per byte", str(run / "report.html")):
        assert told in done.stdout
    assert "<h2" in (run / "report.html").read_text()
    again = demo(tmp_path)
    assert again.returncode == 0
    assert again.stdout.count("already done") == 7
