"""Detection of how the input is written."""

from __future__ import annotations

import json

import pytest

from howdah.errors import UserError
from howdah.input.detect import detect
from howdah.input.layout import InputOptions as Asked, Layout, is_number, split_fields
from howdah.input.lines import Block
from howdah.input.parse import Parser


def refusal(head: bytes, asked: Asked = Asked()) -> str:
    with pytest.raises(UserError) as caught:
        detect(head, asked, "points.csv")
    return str(caught.value)


@pytest.mark.parametrize("head, name, delimiter, columns", [
    (b"1,2\n3,4\n", "csv", ",", ("0", "1")),
    (b"1, 2\n3, 4\n", "csv", ",", ("0", "1")),
    (b"a,b\n1,2\n", "csv", ",", ("a", "b")),
    (b"1\t2\n", "tsv", "\t", ("0", "1")),
    (b"1;2\n3;4\n", "csv", ";", ("0", "1")),
    (b"1 2\n3 4\n", "blank", " ", ("0", "1")),
    (b"  1   2\n 3  4  \n", "blank", " ", ("0", "1")),
    (b"5\n6\n", "csv", ",", ("0",)),
    (b"5", "csv", ",", ("0",)),
    (b"x\n5\n6\n", "csv", ",", ("x",)),
    (b"[1, 2]\n[3, 4]\n", "jsonl", ",", ("0", "1")),
    (b'{"a": 1, "b c": 2}\n', "jsonl", ",", ("a", "b c")),
    (b"\xef\xbb\xbfa,b\r\n1,2\r\n", "csv", ",", ("a", "b")),
    (b"\n\n1,2\n\n", "csv", ",", ("0", "1")),
    (b"garbage\n[1, 2]\n[3, 4]\n", "jsonl", ",", ("0", "1"))])
def test_formats(head: bytes, name: str, delimiter: str, columns: tuple) -> None:
    layout = detect(head)
    assert (layout.format, layout.columns) == (name, columns)
    assert name == "jsonl" or layout.delimiter == delimiter
    assert layout.numeric == tuple(range(len(columns)))
    assert not layout.sparse and layout.n_columns == len(columns)


@pytest.mark.parametrize("head", [
    b"1 1:0.5 7:2\n-1 3:1\n", b"+1 1:0.5\n", b"spam 1:1\n", b"1 qid:3 1:0.5 # note\n",
    b"# written by dump_svmlight_file\n1 0:1\n", b"1,3 2:1\n", b"1 1:1\n1\n1 1:x\n2 2:2\n"])
def test_svmlight(head: bytes) -> None:
    layout = detect(head)
    assert layout.format == "svmlight" and layout.sparse
    assert layout.n_columns is None
    assert detect(head, Asked(zero_based=True)).zero_based


def test_names_of_sparse_columns_count_as_the_file_does() -> None:
    assert Layout("svmlight", width=3).column_names() == ["1", "2", "3"]
    assert Layout("svmlight", width=3, zero_based=True).column_names() == ["0", "1", "2"]


@pytest.mark.parametrize("text", ["Doe, John\t1\t2", "a b\t1\t2", "a;b,c\t1\t2"])
def test_the_delimiter_is_the_one_that_makes_numbers(text: str) -> None:
    head = "\n".join([text] * 5).encode()
    layout = detect(head, Asked(id_column="0"))
    assert (layout.format, layout.fields, layout.columns) == ("tsv", 3, ("1", "2"))


def test_one_bad_row_does_not_change_the_delimiter() -> None:
    assert detect(b"1;2\n1,5\n" + b"3;4\n" * 9).delimiter == ";"


@pytest.mark.parametrize("head, header", [
    (b"a,b\n1,2\n", "a,b"),
    (b"a,b\n", "a,b"),
    (b"1,2\n", None),
    (b"1,2\n3,4\n", None),
    (b"1,NA\n3,4\n", None),
    (b"NA,NA\n3,4\n", None),
    (b"1,oops\n3,4\n", None),
    (b'"x 1","y, z"\n1,2\n', '"x 1","y, z"'),
    (b"a,b\nNA,1\n", "a,b"),
    (b"a, b\n1,2\n", "a, b")])
def test_header(head: bytes, header) -> None:
    assert detect(head).header == header


@pytest.mark.parametrize("head", [
    b'"a" , "b, c"\n1,2\n', b'  a, "b, c" \n1,2\n', b'a ,"b, c"\n1,2\n',
    b'"a";"b, c" \n1;2\n3;4\n', b'\xef\xbb\xbf"a", "b, c"\r\n1,2\r\n'])
def test_blanks_around_names_and_their_quotes_are_none_of_theirs(head: bytes) -> None:
    assert detect(head).columns == ("a", "b, c")


def test_a_quote_that_does_not_end_makes_no_header() -> None:
    assert detect(b'a, "b\n1,2\n3,4\n').header is None


@pytest.mark.parametrize("asked", [
    Asked(ignore_columns=("b",)), Asked(weight_column="b"), Asked(id_column="b")])
def test_a_name_of_two_columns_chooses_none(asked: Asked) -> None:
    assert refusal(b"a,b,b\n1,2,3\n", asked).endswith(
        " is 'b', but 2 columns have this name (a, b, b); give the column's number, from 0.")


def test_a_name_of_two_columns_does_no_harm_where_it_is_not_used() -> None:
    assert detect(b"a,b,b\n1,2,3\n").columns == ("a", "b", "b")
    assert detect(b"a,b,b\n1,2,3\n", Asked(ignore_columns=("1",))).columns == ("a", "b")


@pytest.mark.parametrize("head, named", [
    (b"a,b\n1,2\n", True), (b"1,2\n3,4\n", False), (b'{"a": 1}\n', True), (b"[1, 2]\n", False),
    (b"1 1:1\n", False)])
def test_whether_columns_have_names(head: bytes, named: bool) -> None:
    assert detect(head).named is named


def test_header_by_hand() -> None:
    years = b"2019,2020\n1,2\n"
    assert detect(years).header is None
    layout = detect(years, Asked(header=True))
    assert (layout.header, layout.columns) == ("2019,2020", ("2019", "2020"))
    # The row of names is then a bad row, and an error by default.
    layout = detect(b"a,b\n1,2\n3,4\n5,6\n", Asked(header=False))
    assert (layout.header, layout.columns) == (None, ("0", "1"))


def test_an_option_that_names_a_column_proves_the_header() -> None:
    head = b"name,kind\nx,1\ny,2\n"
    assert detect(head, Asked(id_column="name")).columns == ("kind",)
    text_only_ids = b"country,2019,2020\nAT,5,6\nDE,7,8\n"
    layout = detect(text_only_ids, Asked(id_column="country"))
    assert layout.columns == ("2019", "2020")


HEAD = b"id,x,label,y,w\np 1,1,setosa,2,0.5\np 2,3,virginica,4,1\n"


@pytest.mark.parametrize("names", [("id", "label", "w"), ("0", "2", "4"), ("-5", "-3", "-1")])
def test_columns_by_name_and_by_number(names) -> None:
    layout = detect(HEAD, Asked(id_column=names[0], ignore_columns=(names[1],),
                                weight_column=names[2]))
    assert layout.columns == ("x", "y")
    assert (layout.numeric, layout.weight, layout.texts) == ((1, 3), 4, {"id": 0})
    assert layout.unread_texts == (0, 2)
    assert layout.fields == 5
    assert layout.without_texts() == Layout(**{**layout.__dict__, "texts": {}})


def test_columns_by_number_without_a_header() -> None:
    layout = detect(b"7,1,2\n8,3,4\n", Asked(id_column="0", ignore_columns=("-1",)))
    assert (layout.header, layout.columns, layout.texts) == (None, ("1",), {"id": 0})


def test_ids_may_look_like_numbers_or_not() -> None:
    for head in (b"id,x\n007,1\n008,2\n", b"id,x\nA7,1\nB8,2\n"):
        layout = detect(head, Asked(id_column="id"))
        assert (layout.header, layout.columns) == ("id,x", ("x",))


def test_text_columns_that_no_option_names_are_refused() -> None:
    message = refusal(HEAD)
    assert message.startswith("Column 'id' of points.csv holds text ('p 1' in its first rows)")
    assert "--id-column id" in message and "--ignore-columns id" in message
    message = refusal(HEAD, Asked(id_column="id"))
    assert "'label'" in message and "--ignore-columns label" in message
    for head in (b'{"a": 1, "b": "x"}\n', b'[1, "x"]\n', b'{"a": 1, "b": [1, 2]}\n',
                 b'{"a": 1, "b": true}\n', b'{"a": 1, "b": "5"}\n'):
        assert "holds text" in refusal(head)


def test_a_bad_word_here_and_there_is_no_text_column() -> None:
    assert detect(b"1,2\n1,oops\n1,NA\n3,4\n").columns == ("0", "1")
    assert detect(b'[1, 2]\n["x", 2]\n[3, 4]\n').columns == ("0", "1")


@pytest.mark.parametrize("asked, message", [
    (Asked(id_column="q"), "--id-column is 'q', but the input has no such column; it has: a, b."),
    (Asked(weight_column="2"), "--weight-column is 2, but the input has the columns 0 to 1."),
    (Asked(ignore_columns=("-3",)), "--ignore-columns is -3, but the input has the columns 0"),
    (Asked(ignore_columns=("a", "b")), "points.csv has no numeric column left to work on"),
    (Asked(delimiter=",,"), "--delimiter is ',,'; it must be one character"),
    (Asked(delimiter="1"), "--delimiter is '1'; it must be one character"),
    (Asked(delimiter="\0"), "--delimiter is '\\x00'; it must be one character")])
def test_wishes_that_do_not_fit(asked: Asked, message: str) -> None:
    assert refusal(b"a,b\n1,2\n", asked).startswith(message)


@pytest.mark.parametrize("head", [b"", b"\n \n\r\n", b"\xef\xbb\xbf"])
def test_no_rows(head: bytes) -> None:
    assert refusal(head) == "points.csv holds no rows; give an input with at least one row."


def test_what_is_not_text() -> None:
    assert "is it text?" in refusal(b"\xff\xfd\x00\n\xff\x00\n")
    assert "cannot be read as a header" in refusal(b"gr\xf6\xdfe,b\n1,2\n", Asked(header=True))
    assert detect(b"gr\xf6\xdfe,b\n1,2\n").header is None


def test_everything_can_be_set_by_hand() -> None:
    layout = detect(b"1|2\n3|4\n", Asked(delimiter="|"))
    assert (layout.format, layout.delimiter, layout.fields) == ("csv", "|", 2)
    assert detect(b"1 2\n", Asked(format="blank", header=True)).header == "1 2"
    assert detect(b"1\n2\n", Asked(format="svmlight")).format == "svmlight"
    assert "--format is 'xml'" in refusal(b"1,2\n", Asked(format="xml"))


def test_svmlight_has_no_named_columns() -> None:
    head = b"spam 1:1\n"
    assert detect(head, Asked(id_column="target")).texts == {"id": 0}
    assert "no named columns" in refusal(head, Asked(weight_column="1"))
    assert "'target'" in refusal(head, Asked(id_column="name"))


def test_a_weight_is_a_number_whatever_else_names_its_column() -> None:
    both = "--weight-column and --target-column both name the column 'w'"
    assert both in refusal(b"w,a\n1,2\n", Asked(weight_column="w", target_column="0"))
    layout = detect(b"w,a\nx,2\n", Asked(weight_column="w", ignore_columns=("w",)))
    assert (layout.weight, layout.unread_texts) == (0, ())
    parser = Parser(layout)
    assert list(parser.parse(Block(b"x,2\n"))) == [] and parser.row_counts.bad == 1


def test_json_objects_and_arrays() -> None:
    layout = detect(b'{"id": "n", "a": 1, "w": 2}\n', Asked(id_column="id", weight_column="w"))
    assert (layout.keys, layout.columns, layout.texts, layout.weight) == (
        ("id", "a", "w"), ("a",), {"id": 0}, 2)
    layout = detect(b'["n", 1, 2]\n', Asked(id_column="0", ignore_columns=("-1",)))
    assert (layout.keys, layout.columns, layout.numeric) == (None, ("1",), (1,))
    assert "neither objects nor arrays" in refusal(b"[]\n{}\n")


@pytest.mark.parametrize("head, asked", [
    (HEAD, Asked(id_column="id", ignore_columns=("label",), weight_column="w")),
    (b'{"a": 1}\n', Asked()), (b"1 1:1\n", Asked(zero_based=True))])
def test_a_layout_survives_json(head: bytes, asked: Asked) -> None:
    layout = detect(head, asked)
    assert Layout.from_dict(json.loads(json.dumps(layout.to_dict()))) == layout


@pytest.mark.parametrize("text, number", [
    ("1", True), ("-1.5e-3", True), (" 2 ", True), (".5", True), ("5.", True), ("+1", True),
    ("", False), (".", False), ("1_000", False), ("0x1F", False), ("nan", False), ("inf", False),
    ("1e400", False), ("\u0661", False), ("1,5", False), ("1e", False),
    pytest.param("1" * 50_000 + "x", False, id="digits")])
def test_is_number(text: str, number: bool) -> None:
    assert is_number(text) is number


def test_blanks_are_ascii_blanks_only() -> None:
    assert split_fields("a\u00a0b  1\t2 ", " ") == ["a\u00a0b", "1", "2"]
    assert split_fields("a\x1cb 1", " ") == ["a\x1cb", "1"]
