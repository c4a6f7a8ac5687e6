"""Charsets: declared ones keep their authority, undeclared ones are known by their letters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.extract.charset import decode

POLISH = "Każdy człowiek ma prawo do życia, wolności i bezpieczeństwa swojej osoby. Również śmiało."
HUNGARIAN = (
    "Minden személynek joga van az élethez, a szabadsághoz és a személyi biztonsághoz, őrült hűség."
)
RUSSIAN = "Каждый человек имеет право на жизнь, на свободу и на личную неприкосновенность. Я знаю, что Россия и вся её земля велика."
UKRAINIAN = "Кожна людина має право на життя, на свободу і на особисту недоторканність її."
FRENCH = (
    "Tout individu a droit à la vie, à la liberté et à la sûreté de sa personne, où que ce soit."
)
TURKISH = "Yaşamak, hürriyet ve kişi emniyeti her ferdin hakkıdır; işçiler değişik ülkelerden geldiğini söyledi."
GREEK = "Κάθε άτομο έχει δικαίωμα στη ζωή, την ελευθερία και την προσωπική του ασφάλεια."
HEBREW = "כל אדם יש לו הזכות לחיים, לחרות ולבטחון אישי."
ARABIC = "لكل فرد الحق في الحياة والحرية وسلامة شخصه."
THAI = "คนทุกคนมีสิทธิในการดำรงชีวิต เสรีภาพ และความมั่นคงแห่งตัวตน"
LITHUANIAN = (
    "Kiekvienas žmogus turi teisę į gyvybę, laisvę ir asmens saugumą, čia gyvenančių žmonių."
)
JAPANESE = "すべて人は、生命、自由及び身体の安全に対する権利を有する。カタカナも読む。"
CHINESE = "人人有权享有生命、自由和人身安全。任何人不得使为奴隶或奴役。"
TRADITIONAL = "人人有權享有生命、自由和人身安全。任何人不得使為奴隸或奴役。"
KOREAN = "모든 사람은 생명과 신체의 자유와 안전에 대한 권리를 가진다."
UNDECLARED = [
    (POLISH, "cp1250"), (POLISH, "iso8859-2"), (HUNGARIAN, "cp1250"), (HUNGARIAN, "iso8859-2"),
    (RUSSIAN, "cp1251"), (RUSSIAN, "koi8-r"), (RUSSIAN, "iso8859-5"), (RUSSIAN, "cp866"),
    (RUSSIAN, "mac-cyrillic"), (UKRAINIAN, "koi8-u"), (UKRAINIAN, "cp1251"), (FRENCH, "cp1252"),
    (TURKISH, "cp1254"), (GREEK, "cp1253"), (GREEK, "iso8859-7"), (HEBREW, "cp1255"),
    (ARABIC, "cp1256"), (ARABIC, "iso8859-6"), (THAI, "cp874"), (LITHUANIAN, "cp1257"),
    (LITHUANIAN, "iso8859-4"), (JAPANESE, "cp932"), (JAPANESE, "euc_jp"), (JAPANESE, "iso2022_jp"),
    (CHINESE, "gb18030"), (CHINESE, "hz"), (TRADITIONAL, "big5"), (KOREAN, "euc_kr"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "declared", "text", "encoding", "by"),
    [
        (b"\xef\xbb\xbfcaf\xc3\xa9", "latin-1", "café", "utf-8", "bom"),
        ("café".encode("utf-16"), None, "café", "utf-16-le", "bom"),
        (b"caf\xe9", "ISO-8859-1", "café", "cp1252", "http"),
        ("привет".encode("koi8_r"), "koi8-r", "привет", "koi8-r", "http"),
        ('<meta charset="windows-1251">привет'.encode("cp1251"), None, None, "cp1251", "meta"),
        (
            '<meta http-equiv=x content="text/html; charset=Shift_JIS">日本'.encode("cp932"),
            None,
            None,
            "cp932",
            "meta",
        ),
        (POLISH.encode("cp1250"), "windows-1252", None, "cp1252", "http"),
        ("naïve café".encode(), "iso-8859-1", "naïve café", "utf-8", "valid"),
        ("日本語".encode("iso2022_jp"), "iso-2022-jp", "日本語", "iso2022_jp", "http"),
        (b"<p>plain", "utf-16", "<p>plain", "utf-8", "valid"),
        (b"plain", "no-such-charset", "plain", "utf-8", "valid"),
        (b"", None, "", "utf-8", "valid"),
        (b"if (~{a}) {b} ~{}", None, "if (~{a}) {b} ~{}", "utf-8", "valid"),
        (b"\x1b[31mred\x1b[0m", None, "\x1b[31mred\x1b[0m", "utf-8", "valid"),
    ],
)
def test_declared_or_valid(
    content: bytes, declared: str | None, text: str | None, encoding: str, by: str
) -> None:
    decoded = decode(content, declared)
    assert (decoded.encoding, decoded.by, decoded.replaced) == (encoding, by, 0)
    assert text is None or decoded.text == text


@pytest.mark.parametrize(("text", "encoding"), UNDECLARED)
@pytest.mark.parametrize(
    "page", ["{}", "<html><body class=a><h1>Menu</h1>\n<p>{}</p></body></html>"]
)
def test_undeclared_is_known_by_its_letters(text: str, encoding: str, page: str) -> None:
    decoded = decode(page.format(text).encode(encoding))
    assert (decoded.text, decoded.by) == (page.format(text), "detected")


@pytest.mark.parametrize(
    "words",
    ["Grüße", "Größe", "price £5", "£10.50 each", "© 2020", "§ 5", "½ cup", "à la carte", "¡Hola!"],
)
def test_a_few_western_words_are_no_other_script(words: str) -> None:
    assert decode(words.encode("cp1252")).text == words


def test_the_text_is_judged_and_not_the_markup_before_it() -> None:
    page = f"<html><script>{'var menu = [];' * 999}</script><p>{POLISH}</p></html>"
    assert decode(page.encode("iso8859-2")).text == page


def test_the_language_of_the_page_decides_where_letters_cannot() -> None:
    song = "<p>þarký".encode("latin-1")
    assert decode(b'<html lang="is">' + song).text.endswith("þarký")
    assert decode(b'<html lang="tr">' + song).text.endswith("şarkı")


def test_one_broken_byte_is_not_another_charset() -> None:
    decoded = decode(("größer als " * 50).encode() + b"\xff", "utf-8")
    assert (decoded.encoding, decoded.replaced) == ("utf-8", 1)
    assert decode(("grün und größer als " * 20).encode("cp1252"), "utf-8").text.startswith(
        "grün und größer"
    )


@pytest.mark.parametrize("encoding", ["cp932", "euc_jp"])
def test_a_broken_byte_in_japanese_costs_itself(encoding: str) -> None:
    decoded = decode((JAPANESE * 20).encode(encoding) + b"\x81")
    assert (decoded.encoding, decoded.replaced) == (encoding, 1)
    assert decoded.text.startswith(JAPANESE)


@given(
    st.binary(max_size=200),
    st.one_of(st.none(), st.text(max_size=20), st.sampled_from(["utf-7", "idna", "hex", "utf-16"])),
)
def test_decoding_never_raises(content: bytes, declared: str | None) -> None:
    decoded = decode(content, declared)
    assert isinstance(decoded.text, str)
