"""Every case of `tests/cases`, in plain Python."""

from __future__ import annotations

from collections import Counter

import pytest
from case_runner import Case, case_id, check_case, load_cases, run_case

from curate.clean import EDITS
from curate.filters import FILTERS

ALL = load_cases()


@pytest.mark.parametrize("case", ALL, ids=case_id)
def test_case(case: Case) -> None:
    check_case(case, run_case(case))


@pytest.mark.parametrize("name", FILTERS)
def test_every_filter_has_kept_and_dropped_cases(name: str) -> None:
    outcomes = Counter(
        "dropped" if case.get("drop") else "kept" for case in ALL if case["step"] == name
    )
    assert outcomes["kept"] >= 2 and outcomes["dropped"] >= 2


@pytest.mark.parametrize("name", EDITS)
def test_every_edit_has_changed_and_unchanged_cases(name: str) -> None:
    outcomes = Counter("result" in case for case in ALL if case["step"] == name)
    assert outcomes[True] >= 2 and outcomes[False] >= 1
