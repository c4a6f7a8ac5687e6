"""Project Gutenberg's texts: headers of all years, credits, metadata, and paragraphs from lines."""

from __future__ import annotations

import textwrap
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.document import Document
from curate.errors import InputError
from curate.extract.books.hyphen import mend
from curate.extract.books.unwrap import unwrap
from curate.source.gutenberg import read_gutenberg, split_book
from curate.source.origin import Origin

SENTENCES = (
    "It was late in the autumn when the keeper of the light climbed the worn steps for the last "
    "time, and the wind from the sea brought rain with it. He had kept the lamp for thirty years, "
    "and in all of them it had failed but once, on the night of the great storm. "
)
PROSE = "\n\n".join(textwrap.fill(SENTENCES * n, 70) for n in (2, 1, 3))
PARAGRAPHS = "\n\n".join((SENTENCES * n).strip() for n in (2, 1, 3))
MODERN = """\ufeffThe Project Gutenberg eBook of The Lamp

This ebook is for the use of anyone anywhere in the United States and
most other parts of the world at no cost and with almost no restrictions.

Title: The Lamp,
       and Other Tales

Author: Ada Lovell

Author: Ben Ortiz

Release date: August 20, 2006 [eBook #1234]
                Most recently updated: March 1, 2021

Language: English

Credits: Produced by the Online Distributed Proofreading Team


*** START OF THE PROJECT GUTENBERG EBOOK THE LAMP,
AND OTHER TALES ***




Produced by Jane Roe and the Online Distributed Proofreading Team

[Transcriber's Note: Spelling was kept.

Two errors were mended.]


THE LAMP

CHAPTER I

{}


*** END OF THE PROJECT GUTENBERG EBOOK THE LAMP, AND OTHER TALES ***
Updated editions will replace the previous one.
"""
MIDDLE = """The Project Gutenberg EBook of The Lamp, by Ada Lovell

Title: The Lamp
Author: Ada Lovell
Posting Date: December 7, 2008 [EBook #77]
Release Date: June, 1993
Language: German
Character set encoding: ISO-8859-1

*** START OF THIS PROJECT GUTENBERG EBOOK THE LAMP ***

E-text prepared by Jane Roe

THE LAMP

CHAPTER I

{}



End of the Project Gutenberg EBook of The Lamp, by Ada Lovell

*** END OF THIS PROJECT GUTENBERG EBOOK THE LAMP ***

***** This file should be named 77-8.txt or 77-8.zip *****
"""
OLD = """***The Project Gutenberg Etext of The Lamp, by Ada Lovell***

June, 1993  [Etext #68]

*****This file should be named lamp10.txt or lamp10.zip******

**START**THE SMALL PRINT!**FOR PUBLIC DOMAIN ETEXTS**START**
Why is this "Small Print!" statement here?
*END*THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.29.93*END*

This etext was prepared by Jane Roe of Springfield.

THE LAMP

CHAPTER I

{}

End of The Project Gutenberg Etext of The Lamp, by Ada Lovell
"""
BOOK = f"THE LAMP\n\nCHAPTER I\n\n{PARAGRAPHS}"
LICENCE = "Project Gutenberg License, public domain in the USA"


def read(text: str | bytes, name: str = "lamp.txt", **options: str) -> Document:
    content = text.encode() if isinstance(text, str) else text
    (row,) = read_gutenberg(BytesIO(content), Origin("s", name, options))
    return row


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        (MODERN, {"title": "The Lamp, and Other Tales", "authors": "Ada Lovell; Ben Ortiz", "date": "2006-08-20",
                  "declared_language": "en", "identifier": "gutenberg:1234"}),
        (MIDDLE, {"title": "The Lamp", "authors": "Ada Lovell", "date": "1993-06", "declared_language": "de",
                  "identifier": "gutenberg:77"}),
        (OLD, {"title": "The Lamp", "authors": "Ada Lovell", "identifier": "gutenberg:68", "date": "1993-06"}),
    ],
    ids=["modern", "middle", "old"],
)  # fmt: skip
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_headers_of_all_years(text: str, labels: dict[str, str], line_end: str) -> None:
    row = read(text.format(PROSE).replace("\n", line_end))
    assert row.text == BOOK
    assert row.labels == {
        **labels,
        "licence": LICENCE,
        "gutenberg.marks": "start and end",
        "charset": "utf-8",
    }


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("*** START OF THE PROJECT GUTENBERG EBOOK, THE LAMP ***", "*** END OF THE PROJECT GUTENBERG EBOOK, THE LAMP ***"),
        ("***START OF THE PROJECT GUTENBERG EBOOK THE LAMP***", "***END OF THE PROJECT GUTENBERG EBOOK THE LAMP***"),
        ("*** START OF THIS PROJECT GUTENBERG ETEXT THE LAMP ***", "End of Project Gutenberg's The Lamp, by Ada Lovell"),
        ("*END THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.07.00*END*", "End of this Project Gutenberg Etext"),
        ("*END*THE SMALL PRINT! FOR PUBLIC DOMAIN EBOOKS*Ver.02/11/02*END*", "*** END OF THE PROJECT GUTENBERG EBOOK X ***"),
        ("*** START OF THIS PROJECT GUTENBERG EBOOK THE LAMP", "*** END OF THIS PROJECT GUTENBERG EBOOK THE LAMP"),
        ("*** START OF THIS PROJECT GUTENBERG EBOOK THE LAMP\nOF THE SEA ***", "*** END OF THIS PROJECT GUTENBERG EBOOK X ***"),
        ("*** START OF THIS PROJECT GUTENBERG EBOOK X ***", "Ende dieses Projekt Gutenberg Etextes Die Lampe"),
        ("*** START OF THIS PROJECT GUTENBERG EBOOK X ***", "Fin de Project Gutenberg's La Lampe, by Ada Lovell"),
        ("*** START OF THIS PROJECT GUTENBERG EBOOK X ***", "  *** START: FULL LICENSE ***"),
    ],
)  # fmt: skip
def test_marks(start: str, end: str) -> None:
    text, labels = split_book(
        f"Title: X\n\n{start}\n\nThe first line.\n\nThe last.\n\n{end}\nlicence"
    )
    assert text == "The first line.\n\nThe last."
    assert labels["gutenberg.marks"] == "start and end"


def test_a_book_that_speaks_of_the_project_is_not_cut() -> None:
    inner = "CHAPTER\n\nEnd of Project Gutenberg's first part\n\n" + PROSE * 9
    assert split_book(MIDDLE.format(inner))[0].endswith(PROSE)


def test_a_text_without_marks_says_so() -> None:
    row = read(PROSE, "1234-8.txt")
    assert row.text == PARAGRAPHS
    assert row.labels == {
        "charset": "utf-8",
        "gutenberg.marks": "none",
        "identifier": "gutenberg:1234",
    }
    header_only = read(OLD.format(PROSE).split("End of The Project")[0])
    assert header_only.labels["gutenberg.marks"] == "start"


def test_copyrighted_books_are_told_apart() -> None:
    header = "This is a *COPYRIGHTED* Project Gutenberg Etext, Details Above".replace("*", "")
    assert split_book(f"{header}\n\n*** START OF THIS PROJECT GUTENBERG EBOOK X ***\n\nx")[1][
        "licence"
    ].endswith("copyrighted")


def test_the_header_names_the_charset() -> None:
    text = MIDDLE.replace("ISO-8859-1", "ISO-8859-2").format("Żółta łódź. " * 3)
    row = read(text.encode("iso8859-2"))
    assert row.labels["charset"] == "iso8859-2" and "Żółta łódź" in (row.text or "")


def test_what_is_no_text_is_a_row() -> None:
    assert read(b"").drop == "record.empty_file"
    assert read(b"\x7fELF\x02\x01\x00\x00\x00").drop == "record.binary"


def test_options() -> None:
    text = f"He _never_ said\n_so_.\n\n{PROSE}"
    assert (read(text).text or "").startswith("He never said\nso.")
    assert read(text, lines="keep").text == f"He never said\nso.\n\n{PROSE}"
    assert "_never_" in (read(text, italics="keep").text or "")
    with pytest.raises(InputError, match="lines is 'maybe'; it can be join or keep"):
        read(text, lines="maybe")


KEPT = {
    "verse": "Shall I compare thee to a summer's day?\nThou art more lovely and more temperate:\n"
    "Rough winds do shake the darling buds of May,\nAnd summer's lease hath all too short a date:",
    "verse set in": "    O rose, thou art sick;\n      the invisible worm\n    that flies in the night",
    "heading": "CHAPTER II.\nIN WHICH THE KEEPER RETURNS",
    "speech": "KEEPER.\nWho is there?",
    "table": "Oil           12 pounds a year\nBread         8 pounds a year\nCandles   none",
    "contents": "   I. The Lamp ......... 1\n  II. The Sea  ......... 9",
    "letter": "                      Your servant,\n                           A. LOVELL.",
    "caption": "[Illustration: The tower]",
}


@pytest.mark.parametrize("name", KEPT)
def test_lines_that_are_kept(name: str) -> None:
    assert (
        unwrap(f"{PROSE}\n\n{KEPT[name]}\n\n{PROSE}")
        == f"{PARAGRAPHS}\n\n{KEPT[name]}\n\n{PARAGRAPHS}"
    )


@pytest.mark.parametrize(
    ("block", "joined"),
    [
        (textwrap.indent(textwrap.fill(SENTENCES * 2, 66), "    "), (SENTENCES * 2).strip()),
        (textwrap.fill(SENTENCES, 70, initial_indent="  "), SENTENCES.strip()),
        ("He lit the lamp in the tower of the harbour as he had always done--\nand then he slept.",
         "He lit the lamp in the tower of the harbour as he had always done--and then he slept."),
        ("In all those years there had been only one night of so great a stor-\nm.",
         "In all those years there had been only one night of so great a storm."),
    ],
)  # fmt: skip
def test_lines_that_are_joined(block: str, joined: str) -> None:
    assert unwrap(f"{PROSE}\n\n{block}\n\n{PROSE}") == f"{PARAGRAPHS}\n\n{joined}\n\n{PARAGRAPHS}"


def test_a_broken_word_is_mended_by_the_book() -> None:
    words = {"lighthouse", "well-known"}
    assert mend("the light-", "house", words, False) == "the lighthouse"
    assert mend("a well-", "known man", words, True) == "a well-known man"
    assert mend("day-to-", "day", {"today"}, True) == "day-to-day"
    assert mend("an un-", "known word", set(), False) == "an un-known word"
    assert mend("an un-", "known word", set(), True) == "an unknown word"


def test_paragraphs_that_are_lines_already_stay() -> None:
    text = "\n".join([SENTENCES.strip()] * 12) + "\n\nThe end."
    assert unwrap(text) == text


@given(st.lists(st.integers(1, 6), min_size=1, max_size=8), st.integers(55, 80))
def test_what_was_wrapped_comes_back(lengths: list[int], width: int) -> None:
    paragraphs = [(SENTENCES * n).strip() for n in [*lengths, 4]]
    wrapped = "\n\n".join(textwrap.fill(paragraph, width) for paragraph in paragraphs)
    assert unwrap(wrapped) == "\n\n".join(paragraphs)


@given(st.text("aB .-_*\n\t|", max_size=300))
def test_no_word_is_lost(text: str) -> None:
    assert "".join(unwrap(text).split()).replace("-", "") == "".join(text.split()).replace("-", "")


START = "*** START OF THE PROJECT GUTENBERG EBOOK"


@pytest.mark.parametrize(
    "header",
    [
        START + "\n" + "\n".join(["a" * 6_000] * 4),
        START + " X ***\n*END" + " " * 25_000 + "x",
        "Title: x\n   " + "a" * 25_000 + f"\n{START} X ***\n",
        "Project Gutenberg's a" + "*" * 25_000 + f"b\n{START} X ***\n",
        "Project Gutenberg's a" + " " * 25_000 + f"b\n{START} X ***\n",
    ],
)
def test_hostile_headers_end(header: str) -> None:
    _, labels = split_book(f"{header}\n\n{PROSE}")
    assert labels["gutenberg.marks"] == "start"


def test_a_long_run_of_blanks_is_no_page_number() -> None:
    text = "a" + " " * 300_000 + "b [Pg 12] c"
    row = next(
        iter(read_gutenberg(BytesIO(text.encode()), Origin("s", "a.txt", {"lines": "keep"})))
    )
    assert row.text == text.replace(" [Pg 12]", "")


def test_an_indented_field_is_no_part_of_the_one_before_it() -> None:
    _, labels = split_book(
        f"Title: The Lamp\n   Author: Ada Lovell\n\n{START} THE LAMP ***\n\n{PROSE}"
    )
    assert (labels["title"], labels["authors"]) == ("The Lamp", "Ada Lovell")


def test_a_book_of_marks_only_is_empty() -> None:
    marks = f"{START} X ***\n\n*** END OF THE PROJECT GUTENBERG EBOOK X ***\n"
    row = next(iter(read_gutenberg(BytesIO(marks.encode()), Origin("s", "a.txt"))))
    assert (row.text, row.drop) == (None, "record.empty")
