"""Court opinions and patents: which field is the opinion, where a patent begins, what is said of both."""

from __future__ import annotations

import bz2
import csv
import io
import json
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.document import Document
from curate.extract.papers.patent import MEDIA_TYPE, extract_patent
from curate.source.courts import read_courts
from curate.source.origin import Origin
from curate.source.patents import read_patents

PATENT = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE us-patent-grant SYSTEM "us-patent-grant-v45-2014-04-03.dtd" [ ]>
<us-patent-grant lang="EN" dtd-version="v4.5 2014-04-03" id="us-patent-grant" country="US">
<us-bibliographic-data-grant>
<publication-reference><document-id><country>US</country><doc-number>{number}</doc-number>
<kind>B2</kind><date>20190305</date></document-id></publication-reference>
<classifications-cpc><main-cpc><classification-cpc><section>F</section><class>21</class>
<subclass>S</subclass><main-group>2</main-group><subgroup>00</subgroup></classification-cpc>
</main-cpc></classifications-cpc>
<invention-title id="d2e43">Lamp &amp; lens for a lighthouse</invention-title>
<us-parties><inventors><inventor sequence="001"><addressbook><last-name>Fresnel</last-name>
<first-name>Augustin</first-name></addressbook></inventor></inventors></us-parties>
</us-bibliographic-data-grant>
<abstract id="abstract"><p id="p-0001">A lamp, with a lens.</p></abstract>
<description id="description"><?BRFSUM description="Brief Summary" end="lead"?>
<heading id="h-1" level="1">BACKGROUND</heading>
<p id="p-2">Area in cm<sup>2</sup> of <figref idref="D">FIG. 1</figref> at 5 &mu;m, CO<sub>2</sub>.</p>
<p id="p-3"><tables><table><tgroup cols="2"><tbody><row><entry>Lens</entry><entry>Power</entry></row>
<row><entry>A</entry><entry>3</entry></row></tbody></tgroup></table></tables></p>
<p id="p-4"><maths><math><mfrac><mi>a</mi><mi>b</mi></mfrac></math></maths></p>
</description>
<claims id="claims"><claim id="CLM-00001" num="00001"><claim-text>1. A lamp comprising:
<claim-text>a wick; and</claim-text><claim-text>a lens.</claim-text></claim-text></claim>
<claim id="CLM-00002"><claim-text>2. The lamp of <claim-ref idref="CLM-00001">claim 1</claim-ref>,
lit.</claim-text></claim></claims>
</us-patent-grant>
"""
SEQUENCE = '<?xml version="1.0"?>\n<sequence-cwu id="S"><publication-reference/></sequence-cwu>\n'
OPINION = {
    "id": 7,
    "type": "010combined",
    "absolute_url": "/opinion/7/roe-v-doe/",
    "html_with_citations": "",
    "html_columbia": " ",
    "html_lawbox": "<p>The judgment is affirmed.</p>",
    "plain_text": "worse",
    "author_str": "Holmes",
}
CLUSTER = {"case_name": "Roe v. Doe", "date_filed": "1923-05-07", "docket": {"court_id": "scotus"}}


def opinions(content: bytes, path: str = "opinions.json") -> list[Document]:
    return list(read_courts(BytesIO(content), Origin("s", path)))


def patents(content: bytes, limit: int = 1 << 20) -> list[Document]:
    return list(read_patents(BytesIO(content), Origin("s", "ipg190305.xml", {}, limit)))


def test_an_opinion() -> None:
    (row,) = opinions(json.dumps({**OPINION, "cluster": CLUSTER}).encode())
    assert row.content == b"<p>The judgment is affirmed.</p>" and row.media_type == "text/html"
    assert row.url == "https://www.courtlistener.com/opinion/7/roe-v-doe/"
    assert row.labels == {
        "id": "7", "title": "Roe v. Doe", "date": "1923-05-07", "court": "scotus", "authors": "Holmes",
        "opinion.type": "010combined", "opinion.field": "html_lawbox", "licence": "public domain",
        "canonical_url": row.url, "charset": "utf-8",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("filled", "field"),
    [
        ("html plain_text html_with_citations", "html_with_citations"),
        ("plain_text xml_harvard html", "xml_harvard"),
        ("plain_text html", "html"),
        ("plain_text", "plain_text"),
    ],
)
def test_the_best_field_is_taken(filled: str, field: str) -> None:
    (row,) = opinions(json.dumps(dict.fromkeys(filled.split(), "words")).encode())
    assert row.labels["opinion.field"] == field
    assert (row.text is None) == (field != "plain_text")


def test_a_page_of_results_and_a_cluster_of_opinions() -> None:
    page = {"count": 3, "results": [OPINION, {**CLUSTER, "sub_opinions": [OPINION, {"id": 8}]}]}
    rows = opinions(json.dumps(page).encode())
    assert [(row.origin, row.drop) for row in rows] == [
        ("opinions.json#1", None),
        ("opinions.json#1+1", None),
        ("opinions.json#1+2", "record.no_text"),
    ]
    assert rows[1].labels["title"] == "Roe v. Doe"


def test_the_bulk_file_is_postgresqls() -> None:
    written = io.StringIO()
    writer = csv.writer(written, doublequote=False, escapechar="\\", quoting=csv.QUOTE_ALL)
    text = 'He said "no", \\ and left.\nAffirmed.'
    writer.writerows(
        [("id", "plain_text", "html", "date_filed"), ("1", text, "", ""), ("2", "", "", "")]
    )
    rows = opinions(bz2.compress(written.getvalue().encode()), "opinions-2024-05-06.csv.bz2")
    assert [(row.text, row.drop) for row in rows] == [(text, None), (None, "record.no_text")]


def test_patents_are_parted_at_their_declarations() -> None:
    first, second = (PATENT.format(number=number).encode() for number in ("10220000", "10220001"))
    cut = second[: len(second) // 2] + b"\n"
    rows = patents(first + SEQUENCE.encode() + cut + second)
    at = len(first) + len(SEQUENCE)
    assert [(row.origin.partition("#")[2], row.drop) for row in rows] == [
        ("0", None),
        (str(len(first)), "record.not_text"),
        (str(at), None),
        (str(at + len(cut)), None),
    ]
    assert rows[0].content == first and rows[0].media_type == MEDIA_TYPE
    assert [row.drop for row in patents(first + second, 99)] == ["record.too_large"] * 2
    assert "# Lamp & lens" in extract_patent(rows[2].content or b"").text


def test_a_patent_becomes_text() -> None:
    page = extract_patent(PATENT.format(number="10220000").encode())
    assert page.labels == {
        "title": "Lamp & lens for a lighthouse", "identifier": "US10220000B2", "date": "2019-03-05",
        "authors": "Augustin Fresnel", "patent.kind": "grant", "patent.class": "F21S 2/00",
        "licence": "public domain",
    }  # fmt: skip
    assert page.text == (
        "# Lamp & lens for a lighthouse\n\n## Abstract\n\nA lamp, with a lens.\n\n## Description\n\n"
        "### BACKGROUND\n\nArea in cm² of FIG. 1 at 5 μm, CO₂.\n\n"
        "| Lens | Power |\n| --- | --- |\n| A | 3 |\n\na/b\n\n## Claims\n\n"
        "1. A lamp comprising:\n  a wick; and\n  a lens.\n\n2. The lamp of claim 1, lit."
    )


def test_patents_of_hupd() -> None:
    value = {
        "title": "Lamp", "publication_number": "US20150001-A1", "date_published": "20150101", "decision": "ACCEPTED",
        "abstract": "A lamp.", "claims": "1. A lamp.", "background": "Dark.", "full_description": "All of it.",
        "inventor_list": [{"inventor_name_first": "ADA", "inventor_name_last": "WEISS"}],
    }  # fmt: skip
    (row,) = patents(json.dumps(value).encode())
    assert row.text is not None and "Dark" not in row.text
    assert row.text.startswith("# Lamp\n\n## Abstract\n\nA lamp.\n\n## Description\n\nAll of it.")
    assert (row.labels["identifier"], row.labels["authors"]) == ("US20150001-A1", "Ada Weiss")
    assert [row.drop for row in patents(b'{"title": "x"}')] == ["record.no_text"]


@given(st.binary(max_size=200), st.sampled_from([b"", b"{", b"<?xml", b"<?xml?><us-patent-grant>"]))
def test_any_bytes_are_rows(content: bytes, head: bytes) -> None:
    for rows in (opinions(head + content), patents(head + content)):
        assert rows and len({row.id for row in rows}) == len(rows)
    extract_patent(head + content)
