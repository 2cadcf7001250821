"""Several files of one input, each with a header: its names say which column is which."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from scripts import refused, succeed

from howdah.errors import UserError
from howdah.input.detect import detect
from howdah.input.layout import Layout, InputOptions
from howdah.input.lines import Block, read_slice
from howdah.input.parse import Parser

ROWS = b"1,2\n3,4\n"
LAYOUT = detect(b"height,weight\n" + ROWS)
COUNTED = {"used": 2, "bad": 0, "empty": 0, "headers": 1}


def parsed(layout: Layout, *blocks: Block) -> Parser:
    parser = Parser(layout)
    for block in blocks:
        for _ in parser.parse(block):
            pass
    return parser


def refusal(layout: Layout, *blocks: Block) -> str:
    with pytest.raises(UserError) as caught:
        parsed(layout, *blocks)
    return str(caught.value)


def as_a_file(data: bytes) -> Block:
    return Block(data, "b.csv")


def of_no_file(data: bytes) -> Block:
    """As Spark gives it."""
    return Block(data)


def in_mid_file(data: bytes) -> Block:
    return Block(data, "b.csv", 0, 5000)


ANYWHERE = [as_a_file, of_no_file, in_mid_file]


@pytest.mark.parametrize("place", ANYWHERE)
@pytest.mark.parametrize("header", [
    b"height,weight", b"height,weight\r", b"\xef\xbb\xbfheight,weight", b'"height","weight"',
    b' height , weight ', b'"height" , "weight"', b'height,"weight"\r'])
def test_a_header_written_in_another_way_is_a_header(header: bytes, place) -> None:
    parser = parsed(LAYOUT, place(header + b"\n" + ROWS))
    assert parser.row_counts.counts() == COUNTED


@pytest.mark.parametrize("place", ANYWHERE)
@pytest.mark.parametrize("header", [
    b"weight,height", b"weight,height\r", b"\xef\xbb\xbfweight,height", b'"weight", "height"'])
def test_a_header_in_another_order_is_refused(header: bytes, place) -> None:
    block = place(header + b"\n" + ROWS)
    assert refusal(LAYOUT, block) == (
        "%s has the header weight, height from column 0 on, where the input's first file has"
        " height, weight; give all files the same columns in the same order, or run them apart."
        % (block.file or "A file of the input"))


@pytest.mark.parametrize("header", [b"height,depth", b"depth,breadth", b"height,weight,depth",
                                    b"height", b'"Height","Weight"', b"height;weight,depth"])
def test_a_file_that_begins_with_other_names_is_refused(header: bytes) -> None:
    message = refusal(LAYOUT, as_a_file(header + b"\n" + ROWS))
    assert message.startswith("b.csv has the header ") and "where the input's first file" in message
    message = refusal(LAYOUT, as_a_file(b"\r\n\n" + header + b"\n" + ROWS))
    assert message.startswith("b.csv has the header ")


@pytest.mark.parametrize("line", [
    b"NA,NA", b"nan,inf", b"oops,2", b"?,-", b"...,---", b"garbage", b"# made by hand", b"1,2,3",
    b"a,b,c", b"57;699,1", b"\xff\xfe,a", b'"height,weight', b"height,1"])
def test_other_first_lines_are_rows_good_or_bad(line: bytes) -> None:
    parser = parsed(LAYOUT, as_a_file(line + b"\n" + ROWS))
    assert parser.row_counts.counts() == {"used": 2, "bad": 1, "empty": 0, "headers": 0}


@pytest.mark.parametrize("block", [of_no_file(b"depth,breadth\n" + ROWS),
                                   in_mid_file(b"depth,breadth\n" + ROWS),
                                   Block(b"depth,breadth\n" + ROWS, "b.csv", 4096)])
def test_other_names_elsewhere_are_a_bad_row(block: Block) -> None:
    assert parsed(LAYOUT, block).row_counts.counts() == {**COUNTED, "bad": 1, "headers": 0}


def test_names_that_are_numbers_are_known_by_those_that_are_none() -> None:
    """A reading would take such a header for a row, so the first line of a file is looked at."""
    layout = detect(b"country,2023,2024\nAT,1,2\n", InputOptions(id_column="country"))
    again = b'"country", "2023", "2024"\nAT,1,2\nDE,3,4\n'
    parser = parsed(layout, as_a_file(again), Block(again, "c.csv"))
    assert parser.row_counts.counts() == {"used": 4, "bad": 0, "empty": 0, "headers": 2}
    assert "has the header 2024, 2023 from column 1 on" in refusal(
        layout, as_a_file(b"country,2024,2023\nAT,1,2\n"))


def test_a_row_that_has_the_numbers_of_the_header_is_a_row() -> None:
    layout = detect(b"0,1\n1,2\n3,4\n", InputOptions(header=True))
    assert parsed(layout, as_a_file(b"1,0\n" + ROWS)).row_counts.used == 3


def test_names_that_stand_twice_cannot_change_places() -> None:
    layout = detect(b"size,size,cost\n1,2,3\n")
    assert parsed(layout, as_a_file(b"size,size,cost\r\n1,2,3\r\n")).row_counts.counts() == {
        "used": 1, "bad": 0, "empty": 0, "headers": 1}
    assert "has the header cost, size from column 1 on" in refusal(
        layout, as_a_file(b"size,cost,size\n1,2,3\n"))


@pytest.mark.parametrize("delimiter", ["\t", ";", " "])
def test_every_delimiter_has_its_headers(delimiter: str) -> None:
    def written(*lines: str) -> bytes:
        return "".join(delimiter.join(line) + "\n" for line in lines).encode()

    layout = detect(written("xy", "12", "34"))
    assert layout.delimiter == delimiter
    assert parsed(layout, as_a_file(written("xy", "12"))).row_counts.headers == 1
    assert "y, x from column 0 on" in refusal(layout, as_a_file(written("yx", "12")))


@pytest.mark.parametrize("name", ["b.csv", "b.csv.gz"])
def test_only_the_first_slice_of_a_file_begins_it(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    data = b"depth,breadth\n" + ROWS * 100
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    with pytest.raises(UserError, match="has the header depth, breadth"):
        parsed(LAYOUT, *read_slice(str(path)))
    if name == "b.csv":
        assert parsed(LAYOUT, *read_slice(str(path), 10)).row_counts.counts() == {
            **COUNTED, "used": 200, "headers": 0}


# the scripts

@pytest.fixture
def two(tmp_path: Path) -> list:
    """Two files of an input, the second one with its columns changed over."""
    (tmp_path / "a.csv").write_text("height,weight\n1,700\n2,710\n30,2\n")
    (tmp_path / "b.csv").write_text("weight,height\n705,1.5\n3,31\n1,30\n")
    return [tmp_path / "a.csv", tmp_path / "b.csv"]


@pytest.mark.slow
@pytest.mark.parametrize("bad_rows", ["error", "skip"])
@pytest.mark.parametrize("runner", ["inline", "local"])
@pytest.mark.parametrize("script, args", [
    ("driver", "-k 2"), ("kmeans_sample", "-k 2"), ("kmeans_round", "--centroids model"),
    ("pack", ""), ("kmeans_assign", "--model model"), ("knn", "-n 1 --index index")])
def test_every_job_refuses_files_in_another_order(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, two: list, script: str, args: str,
        runner: str, bad_rows: str) -> None:
    monkeypatch.chdir(tmp_path)
    succeed("driver", two[0], "-k", 2, "--output-dir", "model")
    succeed("knn_index", two[0], "-o", "index")
    message = refused(script, *two, *args.split(), "--bad-rows", bad_rows, "-r", runner,
                      "--output-dir", "new")
    assert message.startswith("%s has the header weight, height" % two[1])
    assert not Path("new").exists()


@pytest.mark.parametrize("bad_rows", ["error", "skip"])
def test_an_index_refuses_files_in_another_order(
        tmp_path: Path, two: list, bad_rows: str) -> None:
    assert "has the header weight, height" in refused(
        "knn_index", *two, "--bad-rows", bad_rows, "-o", tmp_path / "index")
    assert not (tmp_path / "index").exists()
