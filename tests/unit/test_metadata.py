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
}  # fmt: skip


@pytest.mark.parametrize(("markup", "expected"), CASES.items())
def test_labels(markup: str, expected: dict[str, str]) -> None:
    assert page_labels(markup, "https://example.org/page") == expected
