"""Rows in between: computed once, and sent to every task if they are few.

Enters: a DataFrame. Leaves: the same rows. What an iteration has computed forgets how, because the
plans of loops would grow without end; it lies on storage that survives a lost executor if the session
has a checkpoint directory (on a cluster the runner sets one), else on the executors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

BROADCAST_ROWS = 1_000_000


def checkpointed(df: DataFrame) -> DataFrame:
    """The rows computed now, and a plan that no longer holds how they came about."""
    if df.sparkSession.sparkContext.getCheckpointDir():
        return df.checkpoint()
    return df.localCheckpoint()


def small(df: DataFrame) -> DataFrame:
    """To be broadcast, if there are few rows: what they are joined with is then not shuffled."""
    from pyspark.sql import functions as f

    return f.broadcast(df) if df.limit(BROADCAST_ROWS).count() < BROADCAST_ROWS else df
