"""An executor that is killed in the middle of deduplication changes nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from spark_classes import environment

ROOT = Path(__file__).parents[2]
JOB = '''
import json, os, random, signal, sys, time
from pathlib import Path

from pyspark.sql import SparkSession

from curate.dedup import Dedup
from curate.dedup.documents import components, near
from curate.document import SPARK_SCHEMA, Document, batches, document_id
from curate.spark import SETTINGS
import pyarrow as pa
import pyarrow.parquet as pq


def executors():
    """Process ids of the executors below this process."""
    parents, names = {}, {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                parents[int(entry)] = int(Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()[1])
                names[int(entry)] = Path(f"/proc/{entry}/cmdline").read_text()
            except OSError:
                pass
    def is_ours(pid):
        while pid in parents and pid != os.getpid():
            pid = parents[pid]
        return pid == os.getpid()
    return sorted(pid for pid, name in names.items() if "CoarseGrainedExecutorBackend" in name and is_ours(pid))


def texts():
    draw = random.Random(1)
    for family in range(30):
        words = [f"w{draw.randrange(5000)}" for _ in range(100)]
        for _ in range(4):
            words[draw.randrange(100)] = f"e{draw.randrange(9999)}"
            yield " ".join(words)


def outcome(df):
    rows = Dedup()(df).select("id", "drop", "labels", "signals").collect()
    return sorted((row["id"], row["drop"], sorted(row["labels"].items()), sorted(row["signals"].items())) for row in rows)


folder = sys.argv[1]
rows = [Document(document_id("s", str(n)), "s", str(n), text=text) for n, text in enumerate(texts())]
pq.write_table(pa.Table.from_batches(list(batches(rows))), f"{folder}/rows.parquet")
spark = (
    SparkSession.builder.master("local-cluster[2,1,1024]")
    .config(map={**SETTINGS, "spark.executor.memory": "512m", "spark.sql.shuffle.partitions": "4"})
    .config("spark.driver.host", "127.0.0.1").config("spark.ui.enabled", "false")
    .getOrCreate()
)
spark.sparkContext.setLogLevel("OFF")
spark.sparkContext.setCheckpointDir(f"{folder}/checkpoints")
near.ONE_TASK_EDGES = 1  # components, however few edges there are
df = spark.read.schema(SPARK_SCHEMA).parquet(f"{folder}/rows.parquet").repartition(4)
undisturbed = outcome(df)
killed = []
for module in (near, components):
    def fatal(frame, checkpointed=module.checkpointed, name=module.__name__):
        made = checkpointed(frame)
        if name not in [k[0] for k in killed] and (alive := executors()):
            os.kill(alive[0], signal.SIGKILL)
            killed.append((name, alive[0]))
        return made
    module.checkpointed = fatal
disturbed = outcome(df)
print(json.dumps({"killed": killed, "equal": disturbed == undisturbed, "dropped": sum(row[1] is not None for row in undisturbed)}))
'''


def test_a_killed_executor_changes_nothing(tmp_path: Path) -> None:
    script = tmp_path / "job.py"
    script.write_text(JOB)
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path)],
        env={
            **os.environ,
            **environment(),
            "PYTHONPATH": str(ROOT),
            "PYSPARK_PYTHON": sys.executable,
        },
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert [name.rpartition(".")[2] for name, _ in found["killed"]] == ["near", "components"]
    assert found["equal"]
    assert found["dropped"] > 60
