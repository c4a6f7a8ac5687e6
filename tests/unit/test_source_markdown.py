"""Front matter: YAML and TOML to labels, and what only looks like it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.source.markdown import split_front_matter

YAML = """---
title: "A day: at sea"
date: 2021-03-04
author:
  - name: Ada Lovell
    url: https://e.org
  - Ben Ortiz
license: CC-BY-4.0
lang: en
tags: [a, b]
---
"""
TOML = """+++
title = "A day: at sea"
date = 2021-03-04
authors = ["Ada Lovell", "Ben Ortiz"]
license = "CC-BY-4.0"
language = "en"
+++
"""
LABELS = {
    "title": "A day: at sea",
    "authors": "Ada Lovell; Ben Ortiz",
    "date": "2021-03-04",
    "licence": "CC-BY-4.0",
    "declared_language": "en",
}
BODY = "# One\n\n<!-- kept -->\n---\ntext\n"


@pytest.mark.parametrize("block", [YAML, TOML, "\ufeff" + YAML, YAML[:-4] + "...\n"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_front_matter(block: str, line_end: str) -> None:
    labels, text = split_front_matter((block + "\n" + BODY).replace("\n", line_end))
    assert (labels, text) == (LABELS, BODY.replace("\n", line_end))


@pytest.mark.parametrize(
    "text",
    [
        "# One\n\n---\ntitle: no\n---\n",
        "---\n\nA rule, and text.\n\n---\n\nmore",
        "---\n- a\n- list\n---\n",
        "---\ntitle: [broken\n---\ntext",
        "---\ntitle: without an end\n\ntext",
        "+++\ntitle = broken\n+++\n",
        "---\na: &a [x, x]\nb: &b [*a, *a]\ntitle: *b\n---\n",
        "---\ntitle: !!python/object:os.system x\n---\n",
        "--- a: b ---",
        "",
    ],
)
def test_what_is_not_front_matter_stays(text: str) -> None:
    assert split_front_matter(text) == ({}, text)


def test_odd_values() -> None:
    labels, text = split_front_matter(
        "---\nTitle: 1984\nauthor:\ndate: soon\nlicense: {name: MIT}\n---\nx"
    )
    assert (labels, text) == ({"title": "1984", "licence": "MIT"}, "x")
    assert split_front_matter("---\n---\nx") == ({}, "---\n---\nx")


@given(st.text("-+=:[]{}&*!\n a1\"'", max_size=80))
def test_any_text_keeps_its_end(noise: str) -> None:
    labels, text = split_front_matter(f"---\n{noise}\n---\nEND")
    assert text.endswith("END")


@pytest.mark.parametrize(
    "block",
    [
        "---\na: !!timestamp soon\n---\n",
        "---\na: !!bool maybe\n---\n",
        "---\na: !!int ''\n---\n",
        "---\ntitle: 0x" + "f" * 5_000 + "\n---\n",
        "+++\ntitle = 0x" + "f" * 5_000 + "\n+++\n",
    ],
)
def test_values_that_are_none_stay(block: str) -> None:
    assert split_front_matter(block + BODY) == ({}, block + BODY)
