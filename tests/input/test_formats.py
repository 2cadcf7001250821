"""A format explains every line of the head, or is not taken."""

from __future__ import annotations

import pytest

from howdah.errors import UserError
from howdah.input.detect import detect
from howdah.input.formats import SVMLIGHT_MARK, svmlight_fault
from howdah.input.layout import InputOptions as Asked


def refusal(head: bytes, asked: Asked = Asked()) -> str:
    with pytest.raises(UserError) as caught:
        detect(head, asked, "f.csv")
    return str(caught.value)


def rows(*fields: bytes) -> bytes:
    return b"".join(b"%d.5,%b\n" % (i, field) for i, field in enumerate(fields))


TIMES = (b"2025-03-01 06:00", b"2025-03-02 13:13", b"2025-03-03 14:20", b"2025-03-04 15:45")


@pytest.mark.parametrize("times", [
    TIMES, TIMES[1:], [t + b":30" for t in TIMES], [t.replace(b"-", b"/") for t in TIMES],
    [b"01.03.2025 %d:%d" % (h, m) for h, m in ((13, 20), (14, 50), (23, 59))],
    [t[11:] for t in TIMES[1:]], [b"a " + t[11:] for t in TIMES]])
@pytest.mark.parametrize("header", [b"x,taken\n", b""])
def test_a_time_of_day_is_no_entry(times, header: bytes) -> None:
    head = header + rows(*times)
    name = "taken" if header else "1"
    assert refusal(head).startswith("Column %r of f.csv holds text" % name)
    layout = detect(head, Asked(ignore_columns=(name,)))
    assert (layout.format, layout.fields, len(layout.columns or ())) == ("csv", 2, 1)


def test_a_named_column_proves_a_header_and_the_delimiter() -> None:
    head = b"taken,x,y\n" + b"".join(b"%b:05,9.77,40\n" % time for time in TIMES)
    layout = detect(head, Asked(ignore_columns=("taken",)))
    assert (layout.format, layout.columns) == ("csv", ("x", "y"))
    layout = detect(b"a b;c,d\n1,5 2;3\n", Asked(ignore_columns=("a b",)))
    assert (layout.delimiter, layout.columns) == (";", ("c,d",))


@pytest.mark.parametrize("head", [
    b"1 06:30 16:15\n2 07:30 17:15\n", b"1 10:30 16:15\n2 11:30 17:15\n",
    b"mon 10:30\ntue 11:45\n"])
def test_opening_hours_are_text(head: bytes) -> None:
    assert "holds text" in refusal(head)


@pytest.mark.parametrize("head", [
    b"1\n2\n3 1:5.0\n", b"1 1:5\n2\n", b"# anything\na 1:2 7:3\n", b"1,3 2:1\n",
    SVMLIGHT_MARK + b"\n1\n2\n3\n", SVMLIGHT_MARK + b": why\n2024-01-01 1:2\na,b\n",
    b"a 10:30 40:50\n", b"a 3:2\nb 2:1\n", b"1 1:-0.5\n2 2:0\n", b"x 0:1\n", b"1 qid:1\n1 1:1\n"])
def test_what_is_svmlight(head: bytes) -> None:
    assert detect(head).format == "svmlight"


@pytest.mark.parametrize("line, why", [
    (b"2 3:1 2:1", "the index 2 is not above"), (b"2 3:1 3:1", "the index 3 is not above"),
    (b"2 03:1", "'03:1' is not index:value"), (b"garbage,1 x", "'x' is not index:value"),
    (b"2 1:", "'1:' is not"), (b"2 1:2:3", "'1:2:3' is not"), (b"1:2 3:4", "'1:2' is no target"),
    (b"2 " + b"9" * 30000 + b":1", "'9999")])
def test_a_line_that_svmlight_does_not_explain_is_named(line: bytes, why: str) -> None:
    head = b"1 1:1 2:5\n7 3:2.5\n3 1:1 9:1\n" + line + b"\n"
    message = refusal(head)
    assert why in message and "--format svmlight" in message and len(message) < 400
    assert detect(head, Asked(format="svmlight")).sparse


def test_svmlight_is_not_what_a_header_or_a_column_was_named_for() -> None:
    head = b"a 1:1 2:5\nb 3:2.5 4:1\n"
    assert "no named columns" in refusal(head, Asked(weight_column="w"))
    assert detect(b"k t\n" + b"1 12:30\n" * 3, Asked(ignore_columns=("t",))).columns == ("k",)


@pytest.mark.parametrize("row, fault", [
    ([], False), ([b"1"], False), ([b"a,b"], True), ([b"a,b", b"1:2"], False),
    ([b"1", b"0:1", b"1:x"], False), ([b"1", b"qid:7", b"1:1"], False), ([b"1", b"1"], True)])
def test_faults_of_a_row(row, fault: bool) -> None:
    assert (svmlight_fault(row) is not None) is fault


@pytest.mark.parametrize("head", [
    b'[\n {\n  "x": 1\n }\n]\n', b'{\n "x": 1,\n "y": 2\n}\n', b'[[1, 2],\n[3, 4]]\n',
    b'[\n{"x": 1},\n{"x": 2}\n]\n', b'[[1, 2], [3, 4]]', b'[{"x": 1}, {"x": 2}]\n',
    b'[{"x": 1},\n{"x": 2}]\n', b'[[\n1,\n2\n]]\n'])
@pytest.mark.parametrize("asked", [Asked(), Asked(format="jsonl")])
def test_a_json_document_is_not_json_lines(head: bytes, asked: Asked) -> None:
    assert "f.csv is one JSON document" in refusal(head, asked)


def test_brackets_may_begin_other_text() -> None:
    head = b"[a],1,2\n[b],3,4\n"
    assert detect(head, Asked(id_column="0")).columns == ("1", "2")
    assert detect(b"[1|2\n[3|4\n", Asked(delimiter="|", ignore_columns=("0",))).format == "csv"


@pytest.mark.parametrize("head", [
    b"length;width\n11,57;699,52\n50,39;296,65\n", b"11,57\t699,52\n1,5\t2,5\n",
    b'a,b\n"1,5","2,5"\n"3,5","4"\n', b"1,5 2,5\n3,5 4,5\n", b"x;y\n1,234;2\n5,678;3\n"])
def test_a_decimal_comma_is_named(head: bytes) -> None:
    message = refusal(head)
    assert "decimal comma" in message and "--ignore-columns" not in message


@pytest.mark.parametrize("head", [
    b"# sensor 4\n# calibrated\nx,y\n1,2\n3,4\n", b"# a, b\nx,y\n1,2\n3,4\n",
    b"#one\n1,2\n3,4\n", b"# one two\n1 2 3\n3 4 5\n"])
def test_comments_above_the_rows_are_named(head: bytes) -> None:
    message = refusal(head)
    assert "begins with a comment ('#" in message and "--ignore" not in message
    assert detect(head, Asked(header=False)).header is None


def test_a_header_may_begin_as_a_comment_does() -> None:
    assert detect(b"#x,y\n1,2\n3,4\n").columns == ("#x", "y")
    assert detect(b"#x\n1\n2\n").columns == ("#x",)


@pytest.mark.parametrize("head, told", [
    (b"x,y\n1,2,3\n2,3,4\n", "2 names (x, y), but the rows below have 3 fields; if the first"),
    (b'x y\n"r1" 2 3\n"r2" 3 4\n', "2 names (x, y), but the rows below have 3 fields"),
    (b"x,y\n1,2,\n2,3,\n", "2 names (x, y), but the rows below have 3 fields"),
    (b"x,y,z\n1,2\n2,3\n", "3 names (x, y, z), but the rows below have 2 fields; give each"),
    (b"x,y\n1,2,3,4\n2,3,4,5\n", "2 names (x, y), but the rows below have 4 fields; give each")])
def test_a_header_of_another_width_is_refused(head: bytes, told: str) -> None:
    for asked in (Asked(), Asked(header=True), Asked(ignore_columns=("x",))):
        assert told in refusal(head, asked)


def test_a_first_line_that_is_no_header_is_a_bad_row_as_before() -> None:
    assert detect(b"1,oops,3\n1,2\n3,4\n").header is None
    assert detect(b"1\n1,2\n3,4\n").fields == 2


@pytest.mark.parametrize("asked", [
    Asked(id_column="a", weight_column="a"), Asked(id_column="a", label_column="0"),
    Asked(label_column="-2", target_column="a"), Asked(weight_column="0", target_column="-2")])
def test_one_column_plays_one_part(asked: Asked) -> None:
    assert "both name the column 'a'" in refusal(b"a,b\n1,2\n", asked)
    assert "both name the column 'a'" in refusal(b'{"a": 1, "b": 2}\n', asked)
