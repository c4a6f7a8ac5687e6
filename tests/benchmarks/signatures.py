"""What MinHash signatures cost: the published tools and this package, in turns, on the same texts.

    python tests/benchmarks/signatures.py [TEXTS.jsonl] [--field text] [--documents 1500] [--rounds 5]

Without a file, documents of 170 words are made. Prints, as medians over the rounds, documents a
second, microseconds a shingle and the ratio to the tool, for datasketch (from lists of shingles, and
from texts) and for datatrove (the signature of hashed shingles, and from texts) and rensa, where they
are installed. Stops if one value differs (rensa's own scheme has other values). The tools and this
package alternate, and processor time is counted, so that a busy machine slows both alike.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from datasketch import MinHash

from curate.dedup.signatures.published import PUBLISHED
from curate.dedup.signatures.shingles import of_bytes

VOCABULARY = 20_000
WORDS = 170
Way = Callable[[], Any]


def made(documents: int) -> list[str]:
    """Texts of words as frequent as Zipf's law has them."""
    draw = random.Random(0)
    letters = "etaoinshrdlucmfwypvbgk"
    words = ["".join(draw.choices(letters, k=draw.randint(2, 9))) for _ in range(VOCABULARY)]
    weights = [1 / rank for rank in range(1, VOCABULARY + 1)]
    return [" ".join(draw.choices(words, weights, k=WORDS)) for _ in range(documents)]


def read(path: Path, field: str, documents: int) -> list[str]:
    """The first texts of a JSON lines file."""
    lines = (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8")
    with lines:
        return [json.loads(line)[field] for _, line in zip(range(documents), lines, strict=False)]


def compare(title: str, shingles: int, documents: int, ways: dict[str, Way], rounds: int) -> None:
    """Run all ways in turn; the first is what the others are measured by."""
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            start = time.process_time()
            way()
            spent[name].append(time.process_time() - start)
    print(f"{title}: {documents} documents, {shingles} shingles")
    first = next(iter(spent.values()))
    for name, seconds in spent.items():
        ratio = median(theirs / ours for theirs, ours in zip(first, seconds, strict=True))
        rate, each = documents / median(seconds), median(seconds) / shingles * 1e6
        print(f"  {name:<44} {rate:>9,.0f} docs/s {each:>7.3f} us/shingle {ratio:>6.1f} x")


def datasketch(texts: list[str], rounds: int) -> None:
    """`MinHash.update_batch` for each document, from shingles and with the making of shingles."""
    mode = PUBLISHED["datasketch"]
    permutations, seed = mode.permutations, mode.seed
    lists = [mode.shingles(text, mode.n) for text in texts]

    def sketch(shingles: list[bytes]) -> Any:
        sketched = MinHash(permutations, seed)
        sketched.update_batch(shingles)
        return sketched.hashvalues

    def split(text: str) -> list[bytes]:
        words = text.split()
        runs = range(len(words) - mode.n + 1)
        return [" ".join(words[at : at + mode.n]).encode() for at in runs]

    ways: dict[str, Way] = {
        "datasketch, update_batch of lists": lambda: [sketch(shingles) for shingles in lists],
        "datasketch, one MinHash copied (bulk)": lambda: [
            sketched.hashvalues
            for sketched in MinHash.bulk(lists, num_perm=permutations, seed=seed)
        ],
        "curate, from the same lists": lambda: mode.signatures(of_bytes(lists), permutations, seed),
    }
    expected = ways["datasketch, update_batch of lists"]()
    for way in ways.values():
        assert np.array_equal(expected, way())
    shingles = sum(map(len, lists))
    compare("datasketch, shingles given", shingles, len(texts), ways, rounds)
    ways = {
        "datasketch, from texts": lambda: [sketch(split(text)) for text in texts],
        "curate, from texts": lambda: mode.signatures(
            mode.shingled(texts, mode.n), permutations, seed
        ),
    }
    assert np.array_equal(expected, ways["datasketch, from texts"]())
    assert np.array_equal(expected, ways["curate, from texts"]())
    compare("datasketch, texts given", shingles, len(texts), ways, rounds)


def datatrove(texts: list[str], rounds: int) -> None:
    """datatrove's `get_shingles` and `get_signature` for each document."""
    try:
        from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupSignature
        from datatrove.utils.hashing import HashConfig
    except ImportError:
        print("datatrove is not installed")
        return
    mode = PUBLISHED["datatrove-sha1"]
    step = MinhashDedupSignature(
        "unused-signatures", MinhashConfig(hash_config=HashConfig(64, "sha1"))
    )
    hashed = [step.get_shingles(text) for text in texts]
    kept = [at for at, hashes in enumerate(hashed) if len(hashes)]
    hashed, texts = [hashed[at] for at in kept], [texts[at] for at in kept]
    joined, sizes = np.concatenate(hashed).ravel(), [len(hashes) for hashes in hashed]
    offsets = np.cumsum([0, *sizes])

    def theirs(signature: list[list[int]]) -> list[int]:
        return [value for bucket in signature for value in bucket]

    ways: dict[str, Way] = {
        "datatrove, get_signature": lambda: [step.get_signature(hashes) for hashes in hashed],
        "curate, permutations of the same hashes": lambda: mode.permute(
            joined, offsets, mode.permutations, mode.seed
        ),
    }
    expected = [theirs(signature) for signature in ways["datatrove, get_signature"]()]
    assert np.array_equal(expected, ways["curate, permutations of the same hashes"]())
    compare("datatrove, hashes given", sum(sizes), len(texts), ways, rounds)
    ways = {
        "datatrove, from texts": lambda: [
            step.get_signature(step.get_shingles(text)) for text in texts
        ],
        "curate, from texts": lambda: mode.signatures(
            mode.shingled(texts, mode.n), mode.permutations, mode.seed
        ),
    }
    assert np.array_equal(expected, ways["curate, from texts"]())
    compare("datatrove, texts given", sum(sizes), len(texts), ways, rounds)


def rensa(texts: list[str], rounds: int) -> None:
    """rensa's own scheme; its values are not compared."""
    try:
        from rensa import RMinHash
    except ImportError:
        print("rensa is not installed")
        return
    mode = PUBLISHED["datasketch"]
    lists = [[each.decode() for each in mode.shingles(text, mode.n)] for text in texts]

    def sketch(shingles: list[str]) -> Any:
        sketched = RMinHash(mode.permutations, mode.seed)
        sketched.update(shingles)
        return sketched.digest()

    encoded = [[each.encode() for each in shingles] for shingles in lists]
    ways: dict[str, Way] = {
        "rensa, update of lists": lambda: [sketch(shingles) for shingles in lists],
        "curate, datasketch's values from lists": lambda: mode.signatures(
            of_bytes(encoded), mode.permutations, mode.seed
        ),
    }
    compare("rensa, shingles given", sum(map(len, lists)), len(texts), ways, rounds)


def main() -> None:
    """Parse the arguments, run the comparisons."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("texts", nargs="?", type=Path)
    parser.add_argument("--field", default="text")
    parser.add_argument("--documents", type=int, default=1500)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    if given.texts:
        texts = read(given.texts, given.field, given.documents)
    else:
        texts = made(given.documents)
    datasketch(texts, given.rounds)
    rensa(texts, given.rounds)
    datatrove(texts[: given.documents // 5], given.rounds)


if __name__ == "__main__":
    main()
