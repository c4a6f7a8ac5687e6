"""Who is dropped, by one look at the documents in their order. No Spark in here.

Enters: edges (node, root, similarity) in Arrow batches sorted by node and root, root < node; a null
root says that the node may get more edges later. Leaves: for every node that is dropped its edge to
the earliest kept root. The decision: a node is dropped if one of its roots is kept; it is kept if all
of them are dropped; and it is undecided if that depends on what is still to come.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter

import pyarrow as pa

EDGES = pa.schema([("node", pa.binary()), ("root", pa.binary()), ("similarity", pa.float64())])
EDGES_SPARK = "node binary, root binary, similarity double"
Edge = tuple[bytes, bytes | None, float | None]
BATCH_ROWS = 10_000


def greedy(incoming: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The pass over sorted edges, as `mapInArrow` wants it. Memory: the ids of what is not kept."""
    edges = (
        row
        for batch in incoming
        for row in zip(*(batch.column(name).to_pylist() for name in EDGES.names), strict=True)
    )
    held: list[Edge] = []
    for edge in dropping(edges):
        held.append(edge)
        if len(held) == BATCH_ROWS:
            yield _batch(held)
            held = []
    yield _batch(held)


def dropping(edges: Iterable[Edge]) -> Iterator[Edge]:
    """The edges that drop their node, of edges sorted by node and root (null anywhere).

    >>> list(dropping([(b"b", b"a", 0.9), (b"c", b"b", 0.9), (b"d", b"c", 0.8)]))
    [(b'b', b'a', 0.9), (b'd', b'c', 0.8)]
    """
    dropped: set[bytes] = set()
    undecided: set[bytes] = set()
    for node, group in groupby(edges, itemgetter(0)):
        is_open = False
        found: Edge | None = None
        for edge in group:
            root = edge[1]
            if root is None or root in undecided:
                is_open = True
            elif found is None and root not in dropped:
                found = edge
        if found is not None:
            dropped.add(node)
            yield found
        elif is_open:
            undecided.add(node)


def _batch(rows: list[Edge]) -> pa.RecordBatch:
    columns = list(zip(*rows, strict=True)) or [(), (), ()]
    return pa.RecordBatch.from_arrays(
        [pa.array(values, field.type) for values, field in zip(columns, EDGES, strict=True)],
        schema=EDGES,
    )
