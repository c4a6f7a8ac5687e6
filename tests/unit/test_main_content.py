"""The main content of web pages: segments, features, choice, text."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.extract.main_content import main_content
from curate.extract.main_content.classifier import bundled, choose
from curate.extract.main_content.copies import without_copies
from curate.extract.main_content.features import columns, features
from curate.extract.main_content.render import render
from curate.extract.main_content.segments import Segmented, segment

PROSE = "The keeper wrote every evening about the weather, the ships and the price of oil. "
PAGE = f"""<html lang=en><head><title>The keeper's log</title><script>var a = "unseen";</script></head>
<body><nav class="menu"><ul><li><a href=/>Home</a><li><a href=/about>About us</a></ul></nav>
<main><article class="post-content"><h1>The keeper's log</h1>
<p>{PROSE * 3}</p><p>Second: {PROSE * 3}<a href=/x>and a link</a></p>
<ul><li>first light</li><li>second light<ol><li>of the north</li><li>of the south</li></ol></li></ul>
<pre><code>def light():
    return   "on"
</code></pre>
<table><tr><th>year</th><th>ships</th></tr><tr><td>1901</td><td>12</td></tr></table>
<p>Third: {PROSE * 4}</p></article></main>
<aside class="related"><a href=/1>Ten more lights</a><a href=/2>Subscribe now</a></aside>
<footer><p>Copyright 2024 <a href=/legal>Legal notice</a></p></footer></body></html>"""


def page_of(markup: str) -> Segmented:
    return segment(markup)


def everything(markup: str, tables: str = "markdown") -> str:
    page = page_of(markup)
    return render(page, page.segments, tables)  # type: ignore[arg-type]


def test_an_article_without_its_frame() -> None:
    text = main_content(PAGE, "https://example.org/log/2024/keeper")
    assert text.count(PROSE.strip()) == 10
    assert not any(word in text for word in ("unseen", "Home", "Subscribe", "Copyright"))


def test_segments_end_at_block_level_tags() -> None:
    page = page_of("<div>a <b>bold</b> <a href=x>link</a><p>one<br>two</p>tail</div><div>  </div>")
    assert [(s.text, s.link_chars) for s in page.segments] == [
        ("a bold link", 4), ("one two", 0), ("tail", 0),
    ]  # fmt: skip


def test_white_space_of_code_stays() -> None:
    assert 'def light():\n    return   "on"' in everything(PAGE)
    assert everything("<pre>a\n<br>  <span> b</span>\n</pre>") == "a\n\n   b"


@pytest.mark.parametrize(
    ("tables", "expected"),
    [
        ("markdown", "| year | ships |\n| --- | --- |\n| 1901 | 12 |"),
        ("text", "year\tships\n1901\t12"),
    ],
)
def test_tables(tables: str, expected: str) -> None:
    assert expected in everything(PAGE, tables)


def test_tables_of_layout_are_paragraphs() -> None:
    markup = f"<table><tr><td>{PROSE * 9}</td><td>b</td></tr><tr><td>c</td><td>d</td></tr></table>"
    assert everything(markup) == f"{(PROSE * 9).strip()}\n\nb\n\nc\n\nd"


def test_lists_keep_their_marks_and_depth() -> None:
    expected = "- first light\n- second light\n  1. of the north\n  2. of the south"
    assert expected in everything(PAGE)


def test_text_that_only_scripts_would_show_is_found() -> None:
    page = page_of(f"<noscript><div class=post><p>{PROSE}</p></div></noscript>")
    assert [s.text for s in page.segments] == [PROSE.strip()]


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 500)), min_size=1, max_size=60))
def test_the_choice_is_never_worse_than_a_threshold(segments: list[tuple[float, int]]) -> None:
    probabilities = np.array([p for p, _ in segments])
    words = np.array([float(n) for _, n in segments])

    def expected_f1(chosen: np.ndarray) -> float:
        found = (probabilities * words)[chosen].sum()
        return 2 * found / max(words[chosen].sum() + (probabilities * words).sum(), 1e-9)

    best = expected_f1(choose(probabilities, words))
    assert all(expected_f1(probabilities > t) <= best + 1e-9 for t in (0.2, 0.5, 0.8))


TAGS = st.sampled_from("div p a span li ul table tr td pre br script h2 noscript img".split())
MARKUP = st.recursive(
    st.text(max_size=30),
    lambda inner: st.builds(
        lambda tag, parts, close: f"<{tag} class='main nav-x'>{''.join(parts)}" + f"</{tag}>" * close,
        TAGS, st.lists(inner, max_size=4), st.integers(0, 2),
    ),
    max_leaves=25,
)  # fmt: skip


@given(MARKUP)
def test_any_markup_gives_finite_features_and_text(markup: str) -> None:
    page = segment(markup)
    if not page.segments:
        assert main_content(markup) == ""
        return
    matrix = features(page, "https://example.org/a?b", markup)
    assert matrix.shape == (len(page.segments), len(bundled().mean))
    assert np.isfinite(matrix).all()
    parents, ends = page.containers.parents, page.containers.ends
    for place, (parent, end) in enumerate(zip(parents, ends, strict=True)):
        assert parent <= place < end <= ends[parent]
    assert main_content(markup).strip()


def test_every_feature_has_a_name_of_its_own() -> None:
    names = [name for block, _ in columns(page_of(PAGE), None, PAGE) for name in block]
    assert len(names) == len(set(names)) == len(bundled().mean)


def feature(name: str, markup: str, url: str | None = None) -> list[float]:
    page = page_of(markup)
    names = [name for block, _ in columns(page, url, markup) for name in block]
    return features(page, url, markup)[:, names.index(name)].tolist()


def test_what_the_head_declares_is_looked_for_in_the_text() -> None:
    body = json.dumps(f"{PROSE} {PROSE}")
    markup = f"""<head><title>Two lights – The Log</title>
    <meta property="og:description" content="The keeper wrote every evening">
    <script type="application/ld+json">{{"@type": "NewsArticle", "articleBody": {body}}}</script>
    </head><body><ul><li>Menu</ul><h1>Two lights</h1><p>{PROSE}<p>Nothing of it here."""
    assert feature("in_body", markup) == [0, 0, 1, 0]
    assert feature("title_distance", markup) == pytest.approx([-0.693, 0, 0.693, 1.099], abs=1e-3)
    assert feature("of_description", markup) == [0, 0, 1, 0]
    assert feature("ld_0", markup) == [1] * 4


@pytest.mark.parametrize("rest", ['"cut', "[]}", '"\\x"', '"\\ud800"', ""])
def test_a_damaged_article_body_is_none(rest: str) -> None:
    markup = f'<script>{{"articleBody": {rest}</script><p>{PROSE}'
    assert feature("page_in_body", markup) == [0]


@pytest.mark.parametrize("url", ["http://[::1/a", "//", "a b", "http://x:y/"])
def test_a_damaged_address_costs_nothing(url: str) -> None:
    assert main_content(PAGE, url)


def test_the_container_of_the_prose_is_known() -> None:
    teasers = "".join(f"<div><p>{PROSE}</p></div>" for _ in range(3))
    markup = f"<div>{teasers}</div><div><p>{PROSE}</p><p>{PROSE}</p><p>{PROSE}</p></div>"
    assert feature("best_in", markup) == [0, 0, 0, 1, 1, 1]
    assert feature("prose1_score", markup) == pytest.approx([1 / 3] * 3 + [1] * 3, abs=1e-3)


def test_a_text_of_two_parts_of_a_page_counts_once() -> None:
    deep = f"<div><div><div><p>{PROSE}</p></div></div></div>"
    page = page_of(f"<div>{deep}</div>{deep}<ul><li>{PROSE}</li><li>{PROSE}</li></ul>")
    probabilities, words = np.array([0.5, 0.9, 0.7, 0.6]), np.full(4, 16.0)
    kept = without_copies(page.segments, page.containers.parents, probabilities, words)
    assert kept.tolist() == [0, 0.9, 0, 0]
    kept = without_copies(page.segments[2:], page.containers.parents, probabilities[2:], words[2:])
    assert kept.tolist() == [0.7, 0.6]


def test_deep_nesting_costs_no_stack() -> None:
    assert "deep" in everything("<div>" * 1500 + "deep" + "<p>text")
    assert "deep" in everything("<b>" * 1500 + "deep")
