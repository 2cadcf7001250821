"""The parser: whole blocks and single rows must say the same of every text."""

from __future__ import annotations

import random
from typing import List

import numpy as np
import pytest
from odd_rows import CASES, random_text
from parsing import check_counts, parsed, read_row_by_row

from howdah.input.batches import batches
from howdah.input.detect import detect
from howdah.input.layout import Layout, InputOptions
from howdah.input.lines import Block
from howdah.input.parse import Parser
from howdah.input.row_counts import RowCounts


def cut_in_blocks(text: bytes, size: int) -> List[Block]:
    lines = text.split(b"\n")
    lines = [line + b"\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])
    blocks, offset = [], 0
    for i in range(0, len(lines), size):
        data = b"".join(lines[i:i + size])
        blocks.append(Block(data, None, 0, offset))
        offset += len(data)
    return blocks


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("case", CASES)
def test_whole_blocks_say_what_single_rows_say_and_lines_count_once(case: str, seed: int) -> None:
    text = random_text(case, seed)
    layout = CASES[case][1]
    options = {"keep_lines": seed % 3 == 0, "nonzero": seed % 4 == 0, "keep_refused": True}
    expected = read_row_by_row(text, layout, **options)
    for reading in (0, 1):
        parser = Parser(layout, **options)
        parser._reading = reading
        found = parsed(parser, [Block(text)])
        assert found == expected
        check_counts(text, *found[-2:])
    parser = Parser(layout, **options)
    assert parsed(parser, cut_in_blocks(text, 40)) == expected


@pytest.mark.parametrize("case, line", [
    ("tsv", b"1,2\t3\t4\t5"), ("semicolons", b"1,2;3;4;5"), ("wide blanks", b"1,2 3 4 5"),
    ("csv", b'"1,2",3,4,5'), ("csv", b"1,2,3,4,5,1e301,1,2,3,4,5"), ("csv", b"[1,2,3,4,5]"),
    ("csv with a text inside", b'1,2,"x,4",5'), ("csv with an id", b'"a"b,1,2,3,4'),
    ("csv with an id", b"\xef\xbb\xbfa,1,2,3,4"), ("csv with an id", b"a\xff,1,2,3,4"),
    ("arrays", b"1,2,3"), ("arrays", b"5[1,2,3]"), ("arrays", b"[1,2],3"), ("arrays", b"[1,2,3]4"),
    ("arrays with text", b'["\\u0041",1,2]'), ("arrays with text", b'[1,"a",2]'),
    ("arrays with text", b'["a",1,"b"]\n[1,2,3]'), ("arrays with text", b'["a\n",1,2]'),
    ("arrays with text", b'[5"a",1,2]'), ("arrays with text", b'["a\x01",1,2]'),
    ("objects", b'{"id":"n",:1,"a""b":2}'), ("objects", b'{"id":"n","b":1,"a":2}'),
    ("objects", b'{"id":"n","a":1,"b":2}{'), ("objects", b'{"id":"n","a":"1","b":2}'),
    ("objects", b'["id","n","a",1,"b",2]'), ("objects", b'{"a":1,"b":2}'),
    ("objects", b'{"id":3,"a":1,"b":2}'), ("objects", b'{"id":"\\u0041","a":1,"b":2}'),
    ("svmlight", b"1 2 3"), ("svmlight", b"1 2 3:4 5"), ("svmlight", b"1 1e1:5"),
    ("svmlight", b"1\t2:3"), ("svmlight", b"1 2:3,4:5"), ("svmlight", b"1 2:[3"),
    ("svmlight", b"1 2:1e301 3:4"), ("svmlight", b"1"), ("svmlight", b"2:3 4:5")])
def test_lines_that_look_right_are_read_alike(case: str, line: bytes) -> None:
    row, layout = CASES[case]
    rng = random.Random(case)
    good = [row(rng, 0.0) for _ in range(30)]
    for text in (line, b"\n".join([*good, line, *good]), b"\n".join([line] * 30),
                 b"\n".join([line, *good])):
        expected = read_row_by_row(text, layout, keep_refused=True)
        for reading in (0, 1):
            parser = Parser(layout, keep_refused=True)
            parser._reading = reading
            assert parsed(parser, [Block(text)]) == expected


@pytest.mark.parametrize("case", CASES)
def test_clean_text_is_read_as_a_whole(case: str) -> None:
    """The quick way is really taken: one piece for a block of clean rows."""
    rng = random.Random(case)
    row, layout = CASES[case]
    text = b"\n".join(row(rng, 0.0) for _ in range(500)) + b"\n"
    if case.startswith("objects"):
        text = text.replace(b'": ', b'":')
    parser = Parser(layout)
    parser._reading = int(case == "wide blanks")
    pieces = list(parser.parse(Block(text)))
    assert [len(piece) for piece in pieces] == [500]
    assert parser._single_lines == 0


def test_numbers_equal_pythons_to_the_last_bit() -> None:
    rng = random.Random(0)
    words = ["%.*g" % (rng.randint(1, 25), rng.gauss(0, 1) * 10.0 ** rng.randint(-320, 290))
             for _ in range(20000)]
    words += ["%d.%de%d" % (rng.randrange(10 ** 9), rng.randrange(10 ** 18), rng.randint(-330, 270))
              for _ in range(20000)]
    words += [str(rng.randrange(2 ** 64)) for _ in range(2000)]
    words += ["9007199254740993", "0." + "1" * 5000, "0." + "0" * 400 + "1", "5e-324", "-1e-400",
              "2.2250738585072011e-308", "179769313486231570" + "0" * 200]
    parser = Parser(Layout("csv", fields=1, columns=("a",), numeric=(0,)))
    rows = list(parser.parse(Block("\n".join(words).encode())))
    read = np.concatenate([piece.X for piece in rows])[:, 0]  # type: ignore
    assert read.tolist() == [float(word) for word in words]
    assert parser._whole_rows > 20000


@pytest.mark.parametrize("line, reason", [
    (b"1,2", "2 fields, expected 3"),
    (b"1,2,3,4", "4 fields, expected 3"),
    (b"1,,3", "column 'b' is empty"),
    (b"1, ,3", "column 'b' is empty"),
    (b"1,NA,3", "column 'b' is 'NA', not a number"),
    (b"1,nan,3", "column 'b' is NaN"),
    (b"1,-inf,3", "column 'b' is infinite or too large (-inf)"),
    (b"1,1e400,3", "column 'b' is infinite or too large (1e400)"),
    (b"1,1e301,3", "column 'b' is too large (1e+301; at most 1e300)"),
    (b"1,1_000,3", "column 'b' is '1_000', not a number"),
    (b"1,0x10,3", "column 'b' is '0x10', not a number"),
    (b"1,2,-3", "the weight is negative (-3.0)"),
    (b"1,2,x", "the weight is 'x', not a number"),
    (b'1,"2,3', "a quote that does not end"),
    (b"1,\xff,3", "not valid UTF-8"),
    (b"1,\x00,3", "binary data"),
    (b"0,0,3", "all values are zero, which has no direction for cosine")])
def test_reasons(line: bytes, reason: str) -> None:
    layout = Layout("csv", fields=3, columns=("a", "b"), numeric=(0, 1), weight=2)
    parser = Parser(layout, nonzero=True)
    good = b"1,2,3\n" * 50
    rows = list(parser.parse(Block(good + line + b"\n" + good, "f.csv")))
    assert sum(map(len, rows)) == 100
    assert parser.row_counts.counts() == {"used": 100, "bad": 1, "empty": 0, "headers": 0}
    (example,) = parser.row_counts.examples
    assert example["reason"] == reason
    assert (example["file"], example["offset"]) == ("f.csv", len(good))


@pytest.mark.parametrize("line, reason", [
    (b"[1,2", "not valid JSON"),
    (b"[" * 100000, "not valid JSON"),
    (b"[1]", "1 fields, expected 2"),
    (b"7", "1 fields, expected 2"),
    (b'["1",2]', "column 'a' is \"1\", not a number"),
    (b"[true,2]", "column 'a' is true, not a number"),
    (b"[null,2]", "column 'a' is null, not a number"),
    (b"[NaN,2]", "column 'a' is NaN"),
    (b"[1e999,2]", "column 'a' is infinite or too large (inf)"),
    (b"[1" + b"0" * 400 + b",2]", "column 'a' is infinite or too large (1" + "0" * 39 + ")")])
def test_reasons_of_json_rows(line: bytes, reason: str) -> None:
    parser = Parser(Layout("jsonl", fields=2, columns=("a", "b"), numeric=(0, 1)))
    assert list(parser.parse(Block(line))) == []
    assert parser.row_counts.examples[0]["reason"] == reason


@pytest.mark.parametrize("line, reason", [
    (b"1:2 3:4", "the target is missing before '1:2'"),
    (b"1 2:3 2:4", "the index 2 is not above the one before it"),
    (b"1 0:3", "the index 0, but indices count from 1 (or give --zero-based)"),
    (b"1 9:3", "the index 9, but the data has 8 columns"),
    (b"1 2:x", "the value of index 2 is 'x', not a number"),
    (b"1 2", "'2' is not index:value"),
    (b"1 1.0:2", "'1.0:2' is not index:value"),
    (b"1 %s:2" % (b"9" * 5000), "the index %s is too large (at most 2147483647)" % ("9" * 40))])
def test_reasons_of_svmlight_rows(line: bytes, reason: str) -> None:
    parser = Parser(Layout("svmlight", delimiter=" ", width=8))
    assert list(parser.parse(Block(b"1 2:3\n" + line))) != []
    assert parser.row_counts.examples[0]["reason"] == reason


def test_comment_lines_of_svmlight_are_empty_lines() -> None:
    parser = Parser(Layout("svmlight", delimiter=" "))
    (rows,) = parser.parse(Block(b"# made by hand\n\n1 1:2 # good\n"))
    assert len(rows) == 1
    assert parser.row_counts == RowCounts(used=1, empty=2)


def test_a_file_written_in_another_way_is_remembered() -> None:
    """After one block of .5 and +1 the parser starts with the reading that takes them."""
    layout = Layout("csv", fields=2, columns=("a", "b"), numeric=(0, 1))
    parser = Parser(layout)
    text = b"".join(b".%d,+%d\n" % (i, i) for i in range(1, 1001))
    first = list(parser.parse(Block(text)))
    second = list(parser.parse(Block(text)))
    assert sum(map(len, first)) == 1000
    assert [len(piece) for piece in second] == [1000]
    assert second[0].X[4].tolist() == [.5, 5.0]  # type: ignore


def test_a_file_of_bad_rows_only_is_read_once_over() -> None:
    """Once nothing but single rows helps, blocks are no longer halved and tried."""
    parser = Parser(Layout("csv", fields=2, columns=("a", "b"), numeric=(0, 1)))
    tried = []
    read = parser._whole.read

    def counting(data: bytes, reading: int):
        tried.append(len(data))
        return read(data, reading)

    parser._whole.read = counting  # type: ignore
    block = Block(b"1,2,3\n1,NA\n" * 500)
    for _ in range(3):
        list(parser.parse(block))
    tried.clear()
    for _ in range(20):
        list(parser.parse(block))
    assert tried == []
    assert parser.row_counts.bad == 23 * 1000


def test_header_lines_are_skipped_wherever_they_stand() -> None:
    layout = detect(b"x,y\n1,2\n3,4\n")
    parser = Parser(layout)
    text = b"\xef\xbb\xbfx,y\r\n1,2\r\nx,y\r\n3,4\r\nx,yy\r\nx,y"
    rows = list(parser.parse(Block(text)))
    assert np.concatenate([r.X for r in rows]).tolist() == [[1, 2], [3, 4]]  # type: ignore
    assert parser.row_counts.counts() == {"used": 2, "bad": 1, "empty": 0, "headers": 3}


def test_a_byte_order_mark_in_mid_input_begins_a_file() -> None:
    parser = Parser(Layout("csv", fields=2, columns=("a", "b"), numeric=(0, 1)), keep_lines=True)
    (rows,) = parser.parse(Block(b"1,2\n\xef\xbb\xbf3,4\n"))
    assert rows.X.tolist() == [[1, 2], [3, 4]]  # type: ignore
    assert rows.lines == [b"1,2", b"\xef\xbb\xbf3,4"]


def test_quoted_fields_and_text_ids() -> None:
    layout = detect(b'"","a","b"\n"x 1",1,2\n', InputOptions(id_column="0"))
    parser = Parser(layout)
    text = b'"x 1",1,2\n"y, z","3",4\nq,5,6\n"say ""hi""",7,8\n'
    rows = list(parser.parse(Block(text)))
    assert [t for r in rows for t in r.texts["id"]] == ["x 1", "y, z", "q", 'say "hi"']
    assert np.concatenate([r.X for r in rows])[:, 0].tolist() == [1, 3, 5, 7]  # type: ignore


def test_refused_rows_are_taken_once() -> None:
    parser = Parser(Layout("csv", fields=1, columns=("a",), numeric=(0,)), keep_refused=True)
    list(parser.parse(Block(b"1\nx\ny\n")))
    assert [example["text"] for example in parser.take_refused()] == ["x", "y"]
    assert parser.take_refused() == []


def test_an_empty_block_has_no_rows() -> None:
    parser = Parser(Layout("csv", fields=1, columns=("a",), numeric=(0,)))
    assert list(parser.parse(Block(b"\n"))) == []
    assert list(batches(parser, [], 10)) == []
    assert parser.row_counts.counts() == {"used": 0, "bad": 0, "empty": 1, "headers": 0}
