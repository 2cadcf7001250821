"""What the launcher says of bad rows, and where it finds them."""

from __future__ import annotations

import gzip
import random
from pathlib import Path
from typing import List

import pytest

from howdah.errors import UserError
from howdah.input.layout import Layout
from howdah.input.lines import Block, read_slice
from howdah.input.parse import Parser
from howdah.input.row_counts import RowCounts
from howdah.launch import bad_rows as badrows
from howdah.launch.bad_rows import line_number, refuse_bad_rows
from howdah.launch.files.files import Files

LAYOUT = Layout("csv", fields=2, columns=("a", "b"), numeric=(0, 1), header="a,b")


def some_lines(seed: int) -> List[bytes]:
    """Lines of many lengths; the bad rows are few words that come again and again."""
    rng = random.Random(seed)
    return [rng.choice([b"1,2", b"1234567,1234567", b"", b"NA,1", b"x" * 300, b"1,2,3", b"a,b",
                        "\u00e9".encode() * 150, b"\xff\xfe,1"]) for _ in range(60)]


def refused_by(blocks) -> List[dict]:
    parser = Parser(LAYOUT, keep_refused=True)
    for block in blocks:
        for _ in parser.parse(block):
            pass
    return parser.take_refused()


def is_bad(line: bytes) -> bool:
    return line not in (b"1,2", b"1234567,1234567", b"", b"a,b")


@pytest.fixture(params=[3, 50, 1 << 20])
def files(request, monkeypatch: pytest.MonkeyPatch) -> Files:
    """Files that come in pieces of few or many bytes."""
    whole = Files.cat

    def in_pieces(self, path):
        data = b"".join(whole(self, path))
        return (data[i:i + request.param] for i in range(0, len(data), request.param))

    monkeypatch.setattr(Files, "cat", in_pieces)
    return Files()


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
@pytest.mark.parametrize("last", [True, False])
def test_every_bad_row_of_a_local_file_is_found(
        ending: bytes, name: str, last: bool, files: Files, tmp_path: Path) -> None:
    for seed, mark in enumerate([b"", b"\xef\xbb\xbf"]):
        lines = some_lines(seed)
        text = mark + ending.join(lines) + (ending if last else b"")
        path = tmp_path / name
        path.write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
        examples = refused_by(read_slice(str(path)))
        found = [line_number(example, files) for example in examples]
        assert found == [i for i, line in enumerate(lines, 1) if is_bad(line)]


@pytest.mark.parametrize("start", [1, 2, 50, 333, 1000, 2500])
def test_bad_rows_of_slices_are_found(start: int, files: Files, tmp_path: Path) -> None:
    lines = some_lines(3)
    path = tmp_path / "a.csv"
    path.write_bytes(b"\n".join(lines) + b"\n")
    examples = refused_by([*read_slice(str(path), 0, start), *read_slice(str(path), start)])
    found = [line_number(example, files) for example in examples]
    assert found == [i for i, line in enumerate(lines, 1) if is_bad(line)]


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
@pytest.mark.parametrize("start", [1, 3, 4, 5, 50, 333, 1000, 2500])
def test_bad_rows_of_hadoops_splits_are_found(
        start: int, ending: bytes, files: Files, tmp_path: Path) -> None:
    """Hadoop gives lines from the first newline at `start` or later, without carriage returns."""
    for seed in range(4):
        lines = some_lines(seed)
        text = ending.join(lines) + ending
        path = tmp_path / "a.csv"
        path.write_bytes(text)
        first = text.find(b"\n", start) + 1
        block = Block(text[first:].replace(b"\r\n", b"\n"), "file://%s" % path, start, 0)
        found = [line_number(example, files) for example in refused_by([block])]
        skipped = text[:first].count(b"\n")
        assert found == [i for i, line in enumerate(lines, 1) if is_bad(line) and i > skipped]


def test_what_cannot_be_found_has_no_number(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"1,2\nNA,1\n")
    example = {"file": str(tmp_path / "a.csv"), "start": 0, "offset": 4, "reason": "",
               "text": "NA,1"}
    assert line_number(example, Files()) == 2
    assert line_number({**example, "text": "NA,2"}, Files()) is None
    assert line_number({**example, "offset": 3}, Files()) is None
    assert line_number({**example, "offset": 400}, Files()) is None
    assert line_number({**example, "file": None}, Files()) is None
    assert line_number({**example, "file": str(tmp_path / "gone.csv")}, Files()) is None
    assert line_number({**example, "file": "hdfs:///a.csv"}, Files()) is None
    assert line_number({**example, "file": "a.csv.bz2", "start": 9}, Files()) is None


def test_the_search_ends_in_files_that_are_too_long(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.csv").write_bytes(b"1,2\n" * 1000000 + b"NA,1\n")
    (example,) = refused_by(read_slice(str(tmp_path / "a.csv")))
    assert line_number(example, Files()) == 1000001
    monkeypatch.setattr(badrows, "MOST_BYTES_TO_SEARCH", 1 << 20)
    assert line_number(example, Files()) is None


def tally_of(path: Path) -> RowCounts:
    parser = Parser(LAYOUT)
    for block in read_slice(str(path)):
        for _ in parser.parse(block):
            pass
    return parser.row_counts


def test_bad_rows_are_an_error_that_shows_the_first_five(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"a,b\n1,2\n" + b"NA,1\n" * 7)
    with pytest.raises(UserError) as caught:
        refuse_bad_rows(tally_of(path), "error", Files())
    first, *rows = str(caught.value).split("\n")
    assert first == "7 of 8 rows cannot be used; correct them, or give --bad-rows skip:"
    assert rows == ["  %s, line %d: column 'a' is 'NA', not a number: 'NA,1'" % (path, i)
                    for i in range(3, 8)] + ["  and 2 more"]
    refuse_bad_rows(tally_of(path), "skip", Files())


def test_an_input_without_a_usable_row(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"a,b\n\nNA,1\n")
    with pytest.raises(UserError) as caught:
        refuse_bad_rows(tally_of(path), "skip", Files())
    assert str(caught.value) == (
        "No row of the input can be used (3 lines read: 0 rows used, 1 bad rows skipped, 1 empty"
        " lines, 1 header lines).\n  %s, line 3: column 'a' is 'NA', not a number: 'NA,1'" % path)
    refuse_bad_rows(RowCounts(used=1), "error", Files())
