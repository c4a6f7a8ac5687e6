"""What web pages say of themselves."""

from __future__ import annotations

import pytest

from curate.extract.metadata import page_labels

CASES = {
    '<meta property="og:title" content="A &quot;quoted&quot; title">': {"title": 'A "quoted" title'},
    '<meta content="2024-03-05T10:00:00Z" property="article:published_time">': {
        "date": "2024-03-05T10:00:00+00:00"
    },
    "<meta name='citation_author' content='A. Beta'><meta name='citation_author' content='C. D.'>": {
        "authors": "A. Beta; C. D."
    },
    '<meta property="article:author" content="https://example.org/me">': {},
    '<link rel="canonical" href="/a?b=1&amp;c=2">': {
        "canonical_url": "https://example.org/a?b=1&c=2"
    },
    '<link rel=canonical href="javascript:x()">': {},
    '<a class=x rel="license noopener" href="https://creativecommons.org/licenses/by-sa/4.0/">': {
        "licence": "CC-BY-SA-4.0"
    },
    '<meta name="DC.rights" content="All rights reserved">': {"licence": "All rights reserved"},
    '<script type="application/ld+json">{"@graph": [{"@type": "WebSite"}, {"@type": "Article", '
    '"author": [{"name": "E. F."}], "datePublished": "2020-01-02", '
    '"license": "https://creativecommons.org/publicdomain/zero/1.0/"}]}</script>': {
        "authors": "E. F.", "date": "2020-01-02", "licence": "CC0-1.0",
    },
    '<script type="application/ld+json">{"author": [}</script>': {},
    '<html lang="de-AT" dir=ltr>': {"declared_language": "de-AT"},
    "<meta name=date content='03/04/2021'>": {},
    "<meta name=x" * 3000: {},
    '<script type="application/ld+json">{"@graph": [{"@type": "WebPage", "datePublished": "2020-01-02"}, '
    '{"author": {"@id": "#a"}}, {"@id": "#a", "name": "G. H."}]}</script>': {
        "authors": "G. H.", "date": "2020-01-02",
    },
    '<meta property="article:author" content="https://facebook.com/x">'
    '<script type="application/ld+json">{"author": "By I. J.", "description": "two\nlines"}</script>': {
        "authors": "I. J."
    },
    '<script type="application/ld+json">{"@graph": 5, "license": "&#' + "9" * 5000 + ';"}</script>': {
        "licence": "\ufffd"
    },
    '<meta name="citation_publication_date" content="2019/1/22">': {"date": "2019-01-22"},
    '<meta name=date content="0001-01-01T00:00:00">': {},
    '<meta name="author" content="A > B"><html xml:lang="fr_FR">': {
        "authors": "A > B", "declared_language": "fr",
    },
    '<meta name="DC.rights" content="CC BY 4.0">': {"licence": "CC-BY-4.0"},
    '<a rel="license" href="https://creativecommons.org/licenses/GPL/2.0/">': {
        "licence": "https://creativecommons.org/licenses/GPL/2.0/"
    },
}  # fmt: skip


@pytest.mark.parametrize(("markup", "expected"), CASES.items())
def test_labels(markup: str, expected: dict[str, str]) -> None:
    assert page_labels(markup, "https://example.org/page") == expected


@pytest.mark.parametrize(
    "unit",
    [
        "<meta ",
        "<html ",
        "<title ",
        "<title>",
        "<a rel=",
        "<a license",
        "<script ",
        "<meta a='",
        "=",
    ]
    + ["<script type=application/ld+json>", "creative commons "],
)
def test_hostile_markup_is_read_in_one_pass(unit: str) -> None:
    """Each of these took minutes; a test that hangs has failed."""
    assert not page_labels("license " + unit * (500_000 // len(unit))).get("licence")
