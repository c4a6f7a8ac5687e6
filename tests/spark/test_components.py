"""Connected components against union-find."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from curate.dedup.documents.components import components, is_stars

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Edges = list[tuple[int, int]]


def union_find(edges: Edges) -> dict[int, int]:
    parent: dict[int, int] = {}

    def root(node: int) -> int:
        while parent.setdefault(node, node) != node:
            node = parent[node]
        return node

    for left, right in edges:
        low, high = sorted((root(left), root(right)))
        parent[high] = low
    return {node: root(node) for node in parent if root(node) != node}


def random_graphs(seed: int, graphs: int) -> Edges:
    """Many small graphs of all densities, far apart in their numbers."""
    draw = random.Random(seed)
    edges: Edges = []
    for graph in range(graphs):
        size = draw.randint(2, 14)
        for _ in range(draw.randint(1, size + 3)):
            low, high = sorted(draw.sample(range(size), 2))
            edges.append((1000 * graph + high, 1000 * graph + low))
    return sorted(set(edges))


PATH = [(number + 1, number) for number in range(200)]
ZIGZAG = [(number + 100, number) for number in range(100)] + [
    (number + 100, number + 1) for number in range(99)
]
STAR = [(number, 0) for number in range(1, 50)]


@pytest.mark.parametrize("edges", [random_graphs(1, 300), PATH, ZIGZAG, STAR, []])
def test_equals_union_find(spark: SparkSession, edges: Edges) -> None:
    found = components(spark.createDataFrame(edges, "node int, root int"))
    assert {row["node"]: row["root"] for row in found.collect()} == union_find(edges)
    assert found.count() == len(union_find(edges))


@pytest.mark.parametrize(
    ("edges", "stars"),
    [
        (STAR, True),
        ([], True),
        ([(2, 1), (3, 2)], False),
        ([(3, 1), (3, 2)], False),
        ([(2, 1), (4, 3)], True),
    ],
)
def test_stars(spark: SparkSession, edges: Edges, stars: bool) -> None:
    assert is_stars(spark.createDataFrame(edges, "node int, root int")) is stars
