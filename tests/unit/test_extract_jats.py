"""JATS articles: their text in order, what their front matter says, and whatever else is called XML."""

from __future__ import annotations

import gzip
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.extract.papers.jats import extract_jats
from curate.extract.papers.jats_front import commons_name
from curate.source.articles import JATS, read_jats
from curate.source.origin import Origin

HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?><!DOCTYPE article PUBLIC "-//NLM//DTD JATS (Z39.96) Journal '
    'Archiving and Interchange DTD v1.2 20190208//EN" "JATS-archivearticle1.dtd">'
    '<article xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:mml="http://www.w3.org/1998/Math/MathML" '
    'xmlns:ali="http://www.niso.org/schemas/ali/1.0/" article-type="research-article" xml:lang="en">'
)
FRONT = """<front><journal-meta><journal-title-group><journal-title>Journal of Lamps</journal-title>
</journal-title-group><publisher><publisher-name>Keeper Press</publisher-name></publisher></journal-meta>
<article-meta><article-id pub-id-type="pmc">PMC77</article-id>
<article-id pub-id-type="doi">10.1000/l.1</article-id>
<title-group><article-title>Effects of &alpha;-light on <italic>Larus</italic><xref ref-type="fn">*</xref>
</article-title></title-group><contrib-group>
<contrib contrib-type="author"><name><surname>Weiß</surname><given-names>Ada M.</given-names></name>
<xref ref-type="aff"><sup>1</sup></xref></contrib>
<contrib contrib-type="author"><collab>The Lamp Group</collab></contrib>
<contrib contrib-type="editor"><name><surname>Nobody</surname></name></contrib></contrib-group>
<pub-date pub-type="collection"><year>2020</year></pub-date>
<pub-date pub-type="epub"><day>3</day><month>Apr</month><year>2020</year></pub-date>
<history><date date-type="received"><year>2019</year></date></history>
<permissions><license><ali:license_ref>https://creativecommons.org/licenses/by-nc/4.0/</ali:license_ref>
<license-p>Open.</license-p></license></permissions>
<abstract><sec><title>Background</title><p>Gulls see
<inline-formula><alternatives><tex-math id="m">\\documentclass[12pt]{minimal}
\\usepackage{amsmath} \\begin{document}$$x^2 &lt; 1$$\\end{document}</tex-math><mml:math><mml:mi>x</mml:mi>
</mml:math><inline-graphic xlink:href="a.gif"/></alternatives></inline-formula> light.</p></sec></abstract>
<abstract abstract-type="graphical"><p>A picture.</p></abstract></article-meta></front>"""
BODY = """<body><sec id="s1"><label>1</label><title>Introduction</title>
<p>CD4<sup>+</sup> cells, 10<sup>-3</sup>, H<sub>2</sub>O, V<sub>max</sub>
[<xref ref-type="bibr" rid="b1">1</xref>]. First:<list list-type="order"><list-item><p>one</p></list-item>
<list-item><p>two</p><list list-type="bullet"><list-item><p>deep</p></list-item></list></list-item></list>
and after.<fn><p>A note.</p></fn></p>
<disp-formula id="e1"><label>(1)</label><mml:math><mml:msup><mml:mi>y</mml:mi><mml:mn>2</mml:mn></mml:msup>
<mml:mo>=</mml:mo><mml:mfrac><mml:mi>a</mml:mi><mml:mrow><mml:mi>b</mml:mi><mml:mo>+</mml:mo><mml:mi>c</mml:mi>
</mml:mrow></mml:mfrac></mml:math></disp-formula>
<sec><title>Deeper</title><disp-quote><p>Text &amp; more.</p></disp-quote>
<fig><label>Figure 1</label><caption><title>A lamp.</title><p>Lit at night.</p></caption>
<graphic xlink:href="x"/></fig>
<table-wrap><label>Table 1</label><caption><p>Counts.</p></caption><table><thead><tr><th>Year</th>
<th colspan="2">Gulls</th></tr></thead><tbody><tr><td rowspan="2">1900</td><td>3</td><td>a|b</td></tr>
<tr><td>4</td><td>5</td></tr></tbody></table>
<table-wrap-foot><fn><label>a</label><p>Foot.</p></fn></table-wrap-foot></table-wrap></sec></sec></body>"""
BACK = """<back><ack><p>We thank all.</p></ack><fn-group><fn><label>1</label><p>No conflict.</p></fn></fn-group>
<ref-list><title>References</title><ref><mixed-citation>Smith 1900.</mixed-citation></ref></ref-list></back>
<sub-article article-type="reply"><body><p>A letter.</p></body></sub-article></article>"""
TEXT = r"""# Effects of α-light on Larus

## Abstract

### Background

Gulls see $x^2 < 1$ light.

## 1 Introduction

CD4⁺ cells, 10⁻³, H₂O, Vmax [1]. First:

1. one
2. two
   - deep

and after.[^1]

y^2 = a/(b+c) (1)

### Deeper

> Text & more.

Figure 1. A lamp. Lit at night.

Table 1. Counts.

| Year | Gulls |  |
| --- | --- | --- |
| 1900 | 3 | a\|b |
|  | 4 | 5 |

a Foot.

## Acknowledgements

We thank all.

## Footnotes

1 No conflict.

[^1]: A note."""


def body(markup: str, front: str = "") -> str:
    return extract_jats(f"{HEAD}{front}<body>{markup}</body></article>".encode()).text


def test_an_article() -> None:
    page = extract_jats((HEAD + FRONT + BODY + BACK).encode())
    assert page.text == TEXT
    assert page.labels == {
        "title": "Effects of α-light on Larus", "authors": "Ada M. Weiß; The Lamp Group",
        "date": "2020-04-03", "licence": "CC-BY-NC-4.0", "identifier": "doi:10.1000/l.1", "pmcid": "PMC77",
        "canonical_url": "https://doi.org/10.1000/l.1", "journal": "Journal of Lamps",
        "publisher": "Keeper Press", "declared_language": "en", "article_type": "research-article",
    }  # fmt: skip
    assert (
        "## References\n\n- Smith 1900."
        in extract_jats((HEAD + FRONT + BODY + BACK).encode(), references=True).text
    )


def test_namespaces_encodings_and_sets_of_articles() -> None:
    article = (HEAD + FRONT + BODY + BACK).split("?>", 1)[1].split("]>")[-1]
    article = article[article.index("<article") :].replace(
        "<article ", '<article xmlns="https://jats.nlm.nih.gov/ns/archiving/1.3/" ', 1
    )
    wrapped = (
        f'<?xml version="1.0" encoding="iso-8859-1"?><pmc-articleset>{article}</pmc-articleset>'
    )
    page = extract_jats(wrapped.replace("&alpha;", "&#945;").encode("latin-1"))
    assert page.text == TEXT and page.labels["authors"].startswith("Ada M. Weiß")


def test_named_characters_are_not_lost_and_others_stay() -> None:
    assert body("<p>&beta;&nbsp;&mdash; &lt;b&gt; &custom; end</p>") == "β — <b> &custom; end"


def test_floats_definitions_code_and_figures_in_paragraphs() -> None:
    markup = (
        "<p>Before <fig><caption><p>Seen.</p></caption></fig> after.</p>"
        "<def-list><def-item><term>lux</term><def><p>a unit</p></def></def-item></def-list>"
        "<preformat>a\n  b</preformat><p>An <ext-link>address</ext-link><break/>here</p>"
    )
    assert body(markup).split("\n\n") == [
        "Before", "Seen.", "after.", "lux: a unit", "```\na\n  b\n```", "An address here",
    ]  # fmt: skip
    floats = f"{HEAD}<floats-group><fig><label>F1</label></fig></floats-group></article>"
    assert extract_jats(floats.encode()).text == "F1."


def test_entities_neither_fetch_nor_multiply() -> None:
    bomb = '<!DOCTYPE article [<!ENTITY a "aaaaaaaaaa">' + "".join(
        f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9)
    )
    secret = '<!ENTITY file SYSTEM "file:///etc/passwd">]>'
    page = extract_jats(
        f"{bomb}{secret}<article><body><p>x &j; &file; y</p></body></article>".encode()
    )
    assert len(page.text) < 100 and "root" not in page.text


def test_damage_is_mended_and_said() -> None:
    page = extract_jats((HEAD + FRONT + BODY).encode()[:-700])
    assert page.text.startswith("# Effects of α-light") and "1. one" in page.text
    assert "xml.error" in page.labels
    assert body("<p>a < b & c</p><p>next</p>").endswith("next")
    deep = "<sec>" * 5000 + "<p>x</p>"
    assert isinstance(body(deep), str)


@given(st.binary(max_size=200), st.sampled_from([b"", HEAD.encode(), HEAD.encode() + b"<body><p>"]))
def test_any_bytes_are_a_page(content: bytes, head: bytes) -> None:
    assert isinstance(extract_jats(head + content).text, str)


def test_a_table_in_a_table_is_written_once() -> None:
    depth = 60  # each table more doubled the time
    nested = "<table><tr><td>" * depth + "word" + "</td></tr></table>" * depth
    assert (
        extract_jats(f"<article><body>{nested}</body></article>".encode()).text.count("word") == 1
    )
    inner = "<table><tr><td>one</td><td>two</td></tr></table>"
    page = extract_jats(f"<body><table><tr><td>a</td><td>{inner}</td></tr></table></body>".encode())
    assert page.text.count("one") == 1


def test_white_space_before_the_markup_costs_nothing() -> None:
    assert extract_jats(b" " * 500_000 + b"<article><body>x</body></article>").text


@pytest.mark.parametrize(
    ("stated", "name"),
    [
        ("https://creativecommons.org/licenses/by/3.0/us/", "CC-BY-3.0"),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "CC0-1.0"),
        ("terms of the Creative Commons Attribution-NonCommercial License, which", "CC-BY-NC"),
        ("Creative Commons Attribution-ShareAlike 4.0 International License", "CC-BY-SA-4.0"),
        ("Creative Commons Attribution 4.0 International (CC BY 4.0)", "CC-BY-4.0"),
        ("https://creativecommons.org/publicdomain/mark/1.0/", "CC-PDM-1.0"),
        ("https://creativecommons.org/licenses/GPL/2.0/", None),
        ("CC by the author", None),
        ("All rights reserved", None),
    ],
)
def test_licences(stated: str, name: str | None) -> None:
    assert commons_name(stated) == name


def test_a_file_is_a_row() -> None:
    content = (HEAD + FRONT + BODY + BACK).encode()
    (row,) = read_jats(BytesIO(gzip.compress(content)), Origin("s", "PMC77.nxml.gz"))
    assert (row.content, row.media_type, row.drop) == (content, JATS, None)
    assert [row.drop for row in read_jats(BytesIO(b""), Origin("s", "a.nxml"))] == [
        "record.empty_file"
    ]
