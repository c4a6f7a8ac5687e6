"""The main content of web pages: segments, features, choice, text."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.extract.main_content import main_content
from curate.extract.main_content.classifier import bundled, choose
from curate.extract.main_content.features import columns, features
from curate.extract.main_content.render import render
from curate.extract.main_content.segments import Segmented, parse, segment

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
    root = parse(markup)
    assert root is not None
    return segment(root)


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
    root = parse(markup)
    page = segment(root) if root is not None else None
    if page is None or not page.segments:
        assert main_content(markup) == ""
        return
    matrix = features(page, "https://example.org/a?b", markup)
    assert matrix.shape == (len(page.segments), len(bundled().mean))
    assert np.isfinite(matrix).all()
    assert main_content(markup).strip()


def test_every_feature_has_a_name_of_its_own() -> None:
    names = [name for name, _ in columns(page_of(PAGE), None, PAGE)]
    assert len(names) == len(set(names)) == len(bundled().mean)


def test_deep_nesting_costs_no_stack() -> None:
    assert "deep" in everything("<div>" * 1500 + "deep" + "<p>text")
    assert "deep" in everything("<b>" * 1500 + "deep")
