"""What is found out about a file as a whole, and why one is refused."""

import codecs
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.catalog.importing.survey import survey
from services.catalog.importing.text import UnreadableError
from tests.unit.services.catalog.importing.reading import SAMPLES, look_through, problems, read

ACCENTS = "Name,Price\nCafé GH₵,45\n"
TABLE = "Name;Price;Stock\nShea;45;3\n"


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (ACCENTS.encode(), "utf-8"),
        (codecs.BOM_UTF8 + ACCENTS.encode(), "utf-8"),
        (ACCENTS.encode("utf-16"), "utf-16"),
        (codecs.BOM_UTF16_BE + ACCENTS.encode("utf-16-be"), "utf-16"),
        (ACCENTS.encode("utf-16-le"), "utf-16"),
        (ACCENTS.replace("₵", "S").encode("cp1252"), "windows-1252"),
    ],
)
@pytest.mark.parametrize("piece", [1, 7, 1000])
def test_the_encoding_is_found_out(content: bytes, encoding: str, piece: int) -> None:
    found = look_through(content, piece=piece)
    assert found.shown_encoding == encoding
    (wish,) = read(content, piece=piece)
    assert wish.name.startswith("Café GH")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_out(delimiter: str) -> None:
    found = look_through(TABLE.replace(";", delimiter))
    assert (found.delimiter, found.rows, list(found.columns.at)) == (delimiter, 1, ["name", "price", "stock"])


def test_excels_hint_about_the_delimiter_is_no_row() -> None:
    (wish,) = read("sep=;\r\nName;Price\r\nShea;45\r\n")
    assert (wish.row, wish.name) == (2, "Shea")


@pytest.mark.parametrize(
    ("sample", "form"),
    [
        ("shop.csv", "sedifex"),
        ("windows.csv", "sedifex"),
        ("woocommerce.csv", "woocommerce"),
        ("shopify.csv", "shopify"),
    ],
)
def test_whose_columns_a_file_has_is_found_out(sample: str, form: str) -> None:
    assert look_through((SAMPLES / sample).read_bytes()).format == form


@pytest.mark.parametrize(
    "header", ["Handle,Title", "Title,URL handle,Description", "Title,Variant Price", "handle,TITLE,Body (HTML)"]
)
def test_shopifys_columns_are_known_old_and_new(header: str) -> None:
    assert look_through(f"{header}\na,b,c\n").format == "shopify"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "This file is empty"),
        (b"\n\n", "This file is empty"),
        (b"Name,Price\n", "no rows below"),
        (b"Foo,Price\nx,1\n", "No column for the product's name was found. The first row has: 'Foo', 'Price'"),
        (b"Handle,Title\n", "no rows below"),
        (b"PK\x03\x04\x14\x00", "workbook"),
        (b"\xd0\xcf\x11\xe0\xa1", "old Excel workbook"),
        (b"%PDF-1.7", "PDF"),
        (b"Name\nx\0y\n", "not a text file"),
        (b"\xff\xfe\x00", "letters of this file cannot be read"),
        (b"Name\n\x81\x8d\n", "letters of this file cannot be read"),
        ("Name\nGH₵ é\nü\n".encode() + b"\xff\n", "Line 4 of this file is written in another encoding"),
        (b'Name,Price\nx,1\n"abc,4\ny,3\n', "The quotation marks in row 3 do not match"),
        (b'Name,Price\n"a"b,4\n', "The quotation marks in row 2 do not match"),
        (b"Name,Price,Price\nx,1,2\n", "Two columns are called 'Price'"),
        (b"Name\n" + b"x" * (1024 * 1024 + 1), "letters"),
        (b'Name\n"' + b"x\n" * 200_000 + b'"', "The quotation marks in row 2 do not match"),
        (b"Name" + b",x" * 1_000, "more than 1,000 columns"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_in_plain_words(content: bytes, said: str) -> None:
    with pytest.raises(UnreadableError, match=said.replace("(", r"\(")):
        look_through(content, piece=65_536)


def test_there_is_a_limit_to_rows() -> None:
    rows = b"Name\n" + b"x\n" * 200_000
    assert survey(lambda: [rows], None).rows == 200_000
    with pytest.raises(UnreadableError, match="more than 200,000 rows"):
        survey(lambda: [rows, b"x\n"], None)


def test_a_row_that_speaks_of_the_same_product_again_is_refused() -> None:
    content = "Name,SKU,Price\nShea,A,1\nShea,B,2\nMilo,,3\nMilo,,4\nGari,A,5\nShea,,6\n"
    assert [(row, column, value) for row, column, value, _ in problems(content)] == [
        (5, "Name", "Milo"),
        (6, "SKU", "A"),
        (7, "Name", "Shea"),
    ]
    assert problems(content)[0][3].startswith("stands in row 4 already")


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=300),
        st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass")),
        st.lists(
            st.lists(st.sampled_from(['"', "x", "45", "1,2", "é", "", "\n", "Name", "id:1", "variation"]), max_size=6),
            max_size=6,
        ).map(lambda rows: ("Name,Price,Type,Regular price,Parent\n" + "\n".join(map(",".join, rows))).encode()),
        st.lists(st.lists(st.text(max_size=8), min_size=3, max_size=3), max_size=6).map(
            lambda rows: ("Handle,Title,Variant Price\n" + "\n".join(map(",".join, rows))).encode("utf-8", "replace")
        ),
    ),
    st.integers(1, 40),
)
def test_whatever_comes_in_is_read_or_refused_in_words(content: bytes, piece: int) -> None:
    with suppress(UnreadableError):
        wishes = read(content, piece=piece)
        assert all(wish.values or wish.problems for wish in wishes)
        assert [wish.row for wish in wishes] == sorted(wish.row for wish in wishes)
