"""Blocks of whole lines, and slices of files."""

from __future__ import annotations

import bz2
import fcntl
import gzip
import io
import os
import sys
from pathlib import Path
from typing import List

import pytest

from howdah.errors import UserError
from howdah.input import lines
from howdah.input.lines import (
    Block,
    blocks_of_lines,
    is_splittable,
    open_text,
    read_blocks,
    read_slice,
    task_input,
    widen_pipe,
)

TEXTS = [b"a\nbb\n\nccc\n", b"a\nbb\nccc", b"\n", b"\n\n\n", b"", b"one line without an end",
         b"a\r\n\r\nb\r\n", b"\nstarts empty\n"]


def joined(blocks: List[Block]) -> bytes:
    return b"".join(block.data for block in blocks)


@pytest.mark.parametrize("text", TEXTS)
def test_the_slices_give_each_line_once_wherever_they_are_cut(text: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(text)
    for first in range(len(text) + 2):
        for second in range(first, len(text) + 2):
            slices = [list(read_slice(str(path), *edges))
                      for edges in [(0, first), (first, second), (second, None)]]
            assert b"".join(map(joined, slices)) == text
            for part, (start, stop) in zip(slices, [(0, first), (first, second)]):
                for block in part:
                    assert start <= block.offset < stop
                    assert block.offset == 0 or text[block.offset - 1:block.offset] == b"\n"


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("text", TEXTS)
def test_blocks_are_whole_lines_with_their_offsets(
        text: bytes, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "BLOCK_BYTES", size)
    blocks = list(read_blocks(io.BytesIO(text), "f", 5, 40))
    assert joined(blocks) == text
    offset = 40
    for block in blocks:
        assert (block.file, block.start, block.offset) == ("f", 5, offset)
        offset += len(block.data)
    assert all(block.data.endswith(b"\n") for block in blocks[:-1])


def test_a_long_file_comes_in_blocks_of_limited_size(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    path.write_bytes(b"0123456789,0123456789\n" * 50000)
    blocks = list(read_slice(str(path)))
    assert len(blocks) > 3
    assert max(len(block.data) for block in blocks) < lines.BLOCK_BYTES + 100
    assert joined(blocks) == path.read_bytes()


def test_a_line_longer_than_a_block_stays_whole(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    path.write_bytes(b"a\n" + b"x" * (3 * lines.BLOCK_BYTES) + b"\nb\n")
    blocks = list(read_slice(str(path)))
    assert joined(blocks) == path.read_bytes()
    assert all(block.data.endswith(b"\n") for block in blocks)


@pytest.mark.parametrize("ending, compress", [(".gz", gzip.compress), (".bz2", bz2.compress)])
def test_compressed_files_are_read_whole(ending: str, compress, tmp_path: Path) -> None:
    path = tmp_path / ("a.csv" + ending)
    path.write_bytes(compress(b"a\nb\n"))
    assert not is_splittable(str(path))
    assert [(b.data, b.offset) for b in read_slice(str(path), 0, None)] == [(b"a\nb\n", 0)]
    with open_text(str(path)) as file:
        assert file.read() == b"a\nb\n"


def test_single_lines_become_blocks_that_tell_no_file() -> None:
    given = [b"line %d" % i for i in range(50000)]
    blocks = list(blocks_of_lines(given))
    assert len(blocks) > 1
    assert joined(blocks).split(b"\n") == [*given, b""]
    assert {block.file for block in blocks} == {None}
    assert list(blocks_of_lines([])) == []


@pytest.mark.parametrize("names", [
    ("mapreduce_map_input_file", "mapreduce_map_input_start"),
    ("map_input_file", "map_input_start")])
def test_hadoop_tells_a_task_its_place(names, monkeypatch: pytest.MonkeyPatch) -> None:
    assert task_input() == (None, 0)
    monkeypatch.setenv(names[0], "hdfs:///data/a.csv")
    monkeypatch.setenv(names[1], "134217728")
    assert task_input() == ("hdfs:///data/a.csv", 134217728)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no say in a pipe's size")
def test_a_pipe_holds_a_megabyte_and_a_file_stays_as_it_is(tmp_path: Path) -> None:
    F_GETPIPE_SZ = 1032
    ends = os.pipe()
    with open(ends[0], "rb") as reading, open(ends[1], "wb"):
        widen_pipe(reading)
        assert fcntl.fcntl(reading, F_GETPIPE_SZ) == 1 << 20
    (tmp_path / "a").write_bytes(b"1\n")
    with open(tmp_path / "a", "rb") as file:
        widen_pipe(file)
        assert file.read() == b"1\n"


@pytest.mark.parametrize("module", [gzip, bz2])
def test_a_compressed_file_that_was_cut_is_named(tmp_path, module):
    path = tmp_path / ("x.gz" if module is gzip else "x.bz2")
    path.write_bytes(module.compress(b"1,2\n" * 100_000)[:-20])
    with pytest.raises(UserError, match="%s is damaged or cut" % path.name):
        list(read_slice(str(path)))
