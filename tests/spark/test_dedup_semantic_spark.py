"""Semantic deduplication through Spark, against brute force, whatever the partitioning."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray
from set_steps import document, frame, outcome

from curate.dedup.semantic import embedding_model
from curate.dedup.semantic.cosine import cosines
from curate.dedup.semantic.embeddings import rounded
from curate.dedup.semantic.report import outcomes
from curate.dedup.semantic.step import DedupSemantic
from curate.document import Document
from curate.errors import InputError

if TYPE_CHECKING:
    from pyspark.sql import Row, SparkSession

REASONS = {
    "missing": "missing", "null": "missing", "nan": "not_finite", "zero": "zero",
    "long": "length", "twice": "ambiguous",
}  # fmt: skip


def planted(rows: int = 150, largest: float = 0.3) -> tuple[list[Document], NDArray[np.float64]]:
    """Documents around a few topics, `largest` of them around one, and their vectors."""
    draw = np.random.default_rng(3)
    topics = draw.normal(size=(rows // 5, 24))
    topic = np.where(draw.random(rows) < largest, 0, draw.integers(0, len(topics), rows))
    made = topics[topic] + 0.35 * draw.normal(size=(rows, 24))
    documents = [
        document(
            f"{row}", "x" * int(draw.integers(1, 60)), split="heldout" if row % 17 == 0 else "train"
        )
        for row in range(rows)
    ]
    return documents, made


def write_vectors(documents: list[Document], made: NDArray[np.float64], folder: Path) -> str:
    """Three files of small row groups, and every kind of row that is no use."""
    folder.mkdir()
    ids = [row.id for row in documents]
    others = {row.origin: row.id for row in documents if row.origin in REASONS}
    table = {"id": ids[: len(made)], "embedding": made.astype("f4").tolist()}
    unusable: dict[str, Any] = {
        "null": [None], "nan": [[float("nan")] * 24], "zero": [[0.0] * 24], "long": [[1.0] * 25],
        "twice": [made[0].tolist(), made[1].tolist()],
    }  # fmt: skip
    for origin, rows in unusable.items():
        if origin in others:
            table["id"] += [others[origin]] * len(rows)
            table["embedding"] += rows
    # the same vector twice is no contradiction; ids of no document and no id at all are passed over
    table["id"] += [ids[0], "unknown", None]
    table["embedding"] += [made[0].astype("f4").tolist(), [1.0] * 24, [1.0] * 24]
    whole = pa.table(
        {"id": table["id"], "embedding": pa.array(table["embedding"], pa.list_(pa.float32()))}
    )
    for part in range(3):
        some = whole.take(list(range(part, len(whole), 3)))
        pq.write_table(some, folder / f"{part}.parquet", row_group_size=20)
    return str(folder)


def greedy(
    documents: list[Document], made: NDArray[np.float64], threshold: float
) -> dict[str, str]:
    """{dropped: kept for it}, one pair at a time in the order of preference."""
    whole = rounded(made.astype("f4"))
    ranks = [
        (row.labels["split"] != "heldout", -len(row.text or ""), row.id)
        for row in documents[: len(made)]
    ]
    kept: list[int] = []
    dropped = {}
    for row in sorted(range(len(made)), key=lambda row: ranks[row]):
        alike = cosines(whole[[row] * len(kept)], whole[kept]) >= threshold
        if alike.any():
            dropped[documents[row].id] = documents[kept[int(alike.argmax())]].id
        else:
            kept.append(row)
    return dropped


def found_in(after: dict[str, Row]) -> dict[str, str]:
    return {
        row["id"]: row["labels"]["dedup_semantic.duplicate_of"]
        for row in after.values()
        if row["drop"]
    }


def test_one_cluster_is_brute_force(spark: SparkSession, tmp_path: Path) -> None:
    documents, made = planted()
    documents += [document(origin, "of no use") for origin in REASONS]
    documents.append(document("no text", None))
    path = write_vectors(documents, made, tmp_path / "vectors")
    step = DedupSemantic(embeddings=path, threshold=0.85, clusters=1)
    after = outcome(documents, step(frame(spark, documents, str(tmp_path))))
    expected = greedy(documents, made, 0.85)
    assert found_in(after) == expected and 20 < len(expected) < 120
    whole = {
        row.id: vector for row, vector in zip(documents, rounded(made.astype("f4")), strict=False)
    }
    for row in after.values():
        reason = REASONS.get(row["origin"], "missing" if row["text"] is None else None)
        assert row["labels"].get("dedup_semantic.unusable") == reason
        assert row["drop"] == ("dedup_semantic.near" if row["id"] in expected else None)
        similarity = row["signals"].get("dedup_semantic.similarity")
        if row["drop"] is None:
            assert similarity is None
        else:
            assert (
                similarity == cosines(whole[row["id"]][None], whole[expected[row["id"]]][None])[0]
            )
    kept = [row for row in documents if row.id not in expected]
    again = outcome(kept, step(frame(spark, kept, str(tmp_path))))
    assert not found_in(again), "with the same clusters a second pass finds nothing"


@pytest.mark.parametrize("max_cluster_rows", [50_000, 12])
def test_any_partitioning_and_order_gives_the_same(
    spark: SparkSession, tmp_path: Path, max_cluster_rows: int
) -> None:
    documents, made = planted()
    path = write_vectors(documents, made, tmp_path / "vectors")
    step = DedupSemantic(
        embeddings=path,
        threshold=0.85,
        sample_per_cluster=8,
        iterations=3,
        max_cluster_rows=max_cluster_rows,
    )
    verdicts = []
    for partitions in (1, 5):
        random.Random(partitions).shuffle(documents)
        after = outcome(documents, step(frame(spark, documents, str(tmp_path), partitions)))
        verdicts.append(
            {origin: (row["drop"], row["labels"], row["signals"]) for origin, row in after.items()}
        )
    assert verdicts[0] == verdicts[1]
    found = found_in(after)
    rows = {row["id"]: row for row in after.values()}
    assert all(rows[root]["drop"] is None for root in found.values())
    documents, made = planted()
    everything = greedy(documents, made, 0.85)
    assert len(found) > 0.6 * len(everything), "clusters lose few of the pairs"


def test_all_equal_and_nothing(spark: SparkSession, tmp_path: Path) -> None:
    documents = [document(f"{row}", "x" * (row + 1)) for row in range(30)]
    path = write_vectors(documents, np.ones((30, 24)), tmp_path / "vectors")
    step = DedupSemantic(embeddings=path, threshold=1.0, max_cluster_rows=4)
    found = found_in(outcome(documents, step(frame(spark, documents, str(tmp_path)))))
    assert set(found.values()) == {documents[29].id} and len(found) == 29, "the longest stays"
    assert outcome([], step(frame(spark, [], str(tmp_path)))) == {}


def test_mistakes_are_told_in_a_line(spark: SparkSession, tmp_path: Path) -> None:
    documents, made = planted(10)
    df = frame(spark, documents, str(tmp_path))
    path = write_vectors(documents, made, tmp_path / "vectors")
    for wrong, told in (
        (
            {"embeddings": path, "vector_column": "vector"},
            "no column 'vector'; it has id, embedding",
        ),
        ({"embeddings": path, "vector_column": "id"}, "column 'id' is string"),
        ({"embeddings": str(tmp_path / "absent")}, "absent"),
    ):
        with pytest.raises(InputError, match=told):
            DedupSemantic(**wrong)(df)  # type: ignore[arg-type]
    strangers = [document(f"stranger {row}", "text") for row in range(3)]
    with pytest.raises(InputError, match="a vector for none of the 3 documents"):
        DedupSemantic(embeddings=path)(frame(spark, strangers, str(tmp_path)))
    (tmp_path / "vectors" / "9.parquet").write_bytes(b"PAR1 torn")
    with pytest.raises(
        Exception, match="curate.errors.InputError: .*9.parquet cannot be read as Parquet"
    ):
        DedupSemantic(embeddings=path)(df).collect()


def test_report_of_thresholds(spark: SparkSession, tmp_path: Path) -> None:
    documents, made = planted()
    step = DedupSemantic(
        embeddings=write_vectors(documents, made, tmp_path / "vectors"), clusters=1
    )
    report = outcomes(frame(spark, documents, str(tmp_path)), step, (0.95, 0.8, 0.9), pairs=3)
    assert [row.threshold for row in report] == [0.8, 0.9, 0.95]
    whole = {
        row.id: vector for row, vector in zip(documents, rounded(made.astype("f4")), strict=True)
    }
    texts = {row.id: row.text for row in documents}
    for row, below in zip(report, (0.9, 0.95, 2), strict=True):
        expected = greedy(documents, made, row.threshold)
        assert (row.documents, row.dropped) == (len(documents), len(expected))
        assert 0 < len(row.pairs) <= 3
        for pair in row.pairs:
            assert expected[pair.id] == pair.duplicate_of
            assert row.threshold <= pair.similarity < below
            assert (
                pair.similarity == cosines(whole[pair.id][None], whole[pair.duplicate_of][None])[0]
            )
            assert (pair.text, pair.other_text) == (texts[pair.id], texts[pair.duplicate_of])
    assert outcomes(frame(spark, [], str(tmp_path)), step, (0.9,))[0].documents == 0


WORDS = "the a cat dog sat ran on under red blue mat tree . ,".split()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A BERT of 32 dimensions that knows fourteen words."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    folder = str(tmp_path_factory.mktemp("model"))
    known = {word: number for number, word in enumerate(["[PAD]", "[UNK]", *WORDS])}
    plain = Tokenizer(models.WordLevel(known, unk_token="[UNK]"))
    plain.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(
        tokenizer_object=plain, pad_token="[PAD]", unk_token="[UNK]", model_max_length=64
    ).save_pretrained(folder)
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=len(known), hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
        intermediate_size=64, max_position_embeddings=64,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder, safe_serialization=True)
    return folder


def texts(rows: int) -> list[str]:
    draw = random.Random(5)
    return [" ".join(draw.choices(WORDS, k=draw.randint(1, 90))) for _ in range(rows)]


def test_vectors_of_a_model_are_means_over_its_tokens(model: str, tmp_path: Path) -> None:
    import torch
    from transformers import AutoModel, AutoTokenizer

    given = [*texts(40), "unknown words only", "cat " * 10**6]
    ours = embedding_model.embed(given, model, 48)
    tokenizer, plain = AutoTokenizer.from_pretrained(model), AutoModel.from_pretrained(model).eval()
    for text, vector in zip(given, ours, strict=True):
        ids = tokenizer([text[:5000]], truncation=True, max_length=48, return_tensors="pt")
        with torch.inference_mode():
            hidden = plain(**ids).last_hidden_state[0]
        assert np.allclose(vector, hidden.mean(0).numpy(), atol=1e-5)
    for some in (given[:1], given[7:30], given[::-1]):
        alone = dict(zip(some, embedding_model.embed(some, model, 48), strict=True))
        assert all((alone[text] == ours[given.index(text)]).all() for text in some)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(InputError, match="cannot be loaded as a model"):
        embedding_model.embed(["text"], str(tmp_path), 8)


def test_a_model_instead_of_vectors(spark: SparkSession, tmp_path: Path, model: str) -> None:
    told = texts(20)
    documents = [document(f"{row}", text) for row, text in enumerate(told)]
    documents += [document(f"copy {row}", f"{text}\n") for row, text in enumerate(told[:8])]
    documents += [
        document("blank", " \n"),
        document("null", None),
        document("far", "zzz \ud83d\ude00 " * 5),
    ]
    step = DedupSemantic(model=model, threshold=0.99999, clusters=1, max_tokens=32)
    after = outcome(documents, step(frame(spark, documents, str(tmp_path), 1)))
    assert found_in(after) == {documents[row].id: after[f"copy {row}"]["id"] for row in range(8)}, (
        "the longer of two stays"
    )
    for origin in ("blank", "null"):
        assert after[origin]["labels"]["dedup_semantic.unusable"] == "missing"
