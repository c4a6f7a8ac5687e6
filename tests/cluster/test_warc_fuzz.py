"""Archive files damaged at random, with fixed seeds; more of it with `python tests/fuzz_warc.py`."""

from __future__ import annotations

import pytest
from fuzz_warc import Broken, Totals, archives, check, check_tiling, fuzz

MUTATIONS = 600


@pytest.mark.parametrize("seed", [1, 2])
def test_damaged_archives_keep_every_promise(seed: int) -> None:
    totals = fuzz(MUTATIONS, seed)
    assert totals.files == MUTATIONS
    assert totals.documents > MUTATIONS
    assert totals.lost > MUTATIONS / 2


def test_the_files_are_good_before_they_are_damaged() -> None:
    for content in archives():
        totals = Totals()
        check(content, len(content) // 2, totals)
        assert totals.documents >= 5
        assert totals.lost <= 1  # the record that is larger than the limit
        assert totals.unfit == 0


def test_a_byte_without_a_frame_is_noticed() -> None:
    with pytest.raises(Broken):
        check_tiling(archives()[0], [])
