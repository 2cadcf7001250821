"""Files by path, glob and folder; the inputs of a run and their slices."""

from __future__ import annotations

import bz2
import gzip
import os
from contextlib import ExitStack
from pathlib import Path
from typing import List

import pytest

from howdah.errors import UserError
from howdah.input.layout import InputOptions
from howdah.input.lines import read_slice
from howdah.launch.files.files import Files
from howdah.launch.files.local import aside
from howdah.launch.files.paths import is_uri, join, local_path
from howdah.launch.inputs import HEAD_BYTES, find_inputs, list_inputs, slices, whole_lines


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder as Hadoop leaves it, with a subfolder."""
    for name in ("part-1", "part-0", "_SUCCESS", ".part-0.crc", "sub/part-2", "_temporary/part-3",
                 ".hidden/part-4"):
        path = tmp_path / "out" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"1,2\n")
    return tmp_path / "out"


def names(found: list, folder: Path) -> List[str]:
    return [os.path.relpath(path, folder) for path, _ in found]


def test_folders_globs_and_single_files(folder: Path) -> None:
    files = Files()
    assert names(files.ls(str(folder)), folder) == ["part-0", "part-1", "sub/part-2"]
    assert names(files.ls(str(folder) + "/"), folder) == ["part-0", "part-1", "sub/part-2"]
    assert names(files.ls(str(folder / "part-*")), folder) == ["part-0", "part-1"]
    assert names(files.ls(str(folder / "*")), folder) == ["part-0", "part-1", "sub/part-2"]
    assert files.ls(str(folder / "part-0")) == [(str(folder / "part-0"), 4)]
    assert names(files.ls("file://%s" % folder), folder) == ["part-0", "part-1", "sub/part-2"]


def test_a_hidden_file_is_read_when_it_is_asked_for(folder: Path) -> None:
    files = Files()
    assert names(files.ls(str(folder / "_SUCCESS")), folder) == ["_SUCCESS"]
    assert names(files.ls("file://%s/_SUCCESS" % folder), folder) == ["_SUCCESS"]
    assert names(files.ls(str(folder / "_temporary")), folder) == ["_temporary/part-3"]


def test_a_name_with_glob_characters(tmp_path: Path) -> None:
    path = tmp_path / "a[1].csv"
    path.write_bytes(b"1\n")
    assert Files().ls(str(path)) == [(str(path), 2)]
    assert Files().exists(str(path))


def test_a_name_with_glob_characters_is_not_what_it_would_match(tmp_path: Path) -> None:
    for name in ("a[1].csv", "a1.csv"):
        (tmp_path / name).write_bytes(b"1\n")
    assert names(Files().ls(str(tmp_path / "a[1].csv")), tmp_path) == ["a[1].csv"]
    assert names(Files().ls(str(tmp_path / "a[0-9].csv")), tmp_path) == ["a1.csv"]


def test_only_inputs_are_globs(folder: Path) -> None:
    assert Files().exists(str(folder / "part-0"))
    assert not Files().exists(str(folder / "part-?"))
    with pytest.raises(UserError, match="holds no files"):
        list_inputs([str(folder / "_SUCC*")], Files())
    with pytest.raises(UserError, match="does not exist"):
        list_inputs([str(folder / "none*")], Files())


@pytest.mark.parametrize("ending, compress", [
    ("", bytes), (".gz", gzip.compress), (".bz2", bz2.compress)])
def test_contents_are_decompressed(ending: str, compress, tmp_path: Path) -> None:
    text = b"0123456789\n" * 200000
    path = str(tmp_path / ("a.csv" + ending))
    files = Files()
    files.replace(path, compress(text))
    assert files.head(path, 15) == text[:15]
    assert len(list(files.cat(path))) > 1
    assert files.read(path) == text


def test_writing_replaces_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = str(tmp_path / "new" / "a")
    Files().replace(path, b"old")
    Files().replace(path, b"new")
    assert Files().read(path) == b"new"
    assert os.listdir(tmp_path / "new") == ["a"]
    Files().rm(str(tmp_path / "new"))
    assert not os.path.exists(tmp_path / "new")


def test_a_file_written_aside_appears_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "new" / "sub" / "a"
    with aside(str(path)) as partial:
        Path(partial).write_bytes(b"1")
        assert not path.exists() and os.path.dirname(partial) != str(path.parent)
    assert path.read_bytes() == b"1" and os.listdir(path.parent) == ["a"]


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    """No file, and no folder that was made for one; also with several files at once."""
    (tmp_path / "old").write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt), ExitStack() as stack:
        for place in (tmp_path / "old", tmp_path / "new" / "a", tmp_path / "new" / "sub" / "b"):
            Path(stack.enter_context(aside(str(place)))).write_bytes(b"new")
        raise KeyboardInterrupt
    assert os.listdir(tmp_path) == ["old"] and (tmp_path / "old").read_bytes() == b"old"


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"precious")
    for name in ("a", "a.partial"):
        os.symlink("precious", tmp_path / name)
    Files().replace(str(tmp_path / "a"), b"new")
    assert (tmp_path / "a").read_bytes() == b"new" and not os.path.islink(tmp_path / "a")
    assert (tmp_path / "precious").read_bytes() == b"precious"


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(b"1,2\n")
    with pytest.raises(UserError, match="a.csv.gz cannot be read"):
        Files().head(str(path), 10)
    path.write_bytes(gzip.compress(b"1,2\n" * 1000)[:20])
    with pytest.raises(UserError, match="a.csv.gz cannot be read"):
        Files().head(str(path), 10000)


def test_uris_need_a_runner_that_knows_them() -> None:
    with pytest.raises(UserError, match="-r"):
        Files().ls("hdfs:///data")
    assert is_uri("s3://b/k") and not is_uri("file:///x") and not is_uri("/x")
    assert local_path("file:///x/y") == local_path("file:/x/y") == local_path("/x/y") == "/x/y"
    assert join("hdfs:///a/", "b") == join("hdfs:///a", "b") == "hdfs:///a/b"


def test_inputs_are_listed_and_looked_into(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"")
    (tmp_path / "b.csv").write_bytes(b"\n\n")
    (tmp_path / "c.csv.gz").write_bytes(gzip.compress(b"x,y\n1,2\n"))
    inputs = find_inputs([str(tmp_path)], Files(), InputOptions())
    assert names(inputs.files, tmp_path) == ["a.csv", "b.csv", "c.csv.gz"]
    assert inputs.layout.columns == ("x", "y")
    assert inputs.bytes == sum(path.stat().st_size for path in tmp_path.iterdir())


def test_what_is_missing_or_empty(tmp_path: Path) -> None:
    def refused(path: Path) -> str:
        with pytest.raises(UserError) as caught:
            find_inputs([str(path)], Files(), InputOptions())
        return str(caught.value)

    assert refused(tmp_path / "no.csv") == "The input %s does not exist." % (tmp_path / "no.csv")
    (tmp_path / "_SUCCESS").write_bytes(b"")
    assert refused(tmp_path).startswith("The input folder %s holds no files" % tmp_path)
    (tmp_path / "empty.csv").write_bytes(b"")
    assert refused(tmp_path / "empty.csv") == (
        "The input %s is empty; give an input with at least one row." % (tmp_path / "empty.csv"))


def test_a_head_ends_with_a_whole_line() -> None:
    assert whole_lines(b"1,2\n3") == b"1,2\n3"
    long = b"1,2\n" * (HEAD_BYTES // 4) + b"3"
    assert whole_lines(long) == long[:-1]


@pytest.mark.parametrize("tasks", range(1, 40))
def test_the_slices_of_all_files_give_each_line_once(tasks: int, tmp_path: Path) -> None:
    texts = {"a.csv": b"".join(b"%d,%d\n" % (i, i * i) for i in range(30)), "b.csv": b"",
             "c.csv": b"one long line without an end " * 5, "d.csv": b"\n\n1,2\r\n\n"}
    for name, text in texts.items():
        (tmp_path / name).write_bytes(text)
    (tmp_path / "e.csv.gz").write_bytes(gzip.compress(texts["a.csv"]))
    parts = slices(Files().ls(str(tmp_path)), tasks)
    read = {name: b"" for name in [*texts, "e.csv.gz"]}
    for part in parts:
        assert os.path.isabs(part["path"])
        for block in read_slice(part["path"], part["start"], part["stop"]):
            read[os.path.basename(part["path"])] += block.data
    assert read == {**texts, "e.csv.gz": texts["a.csv"]}
    assert len(parts) <= tasks + len(read)


def test_small_files_are_not_cut(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"1,2\n" * 100)
    files = Files().ls(str(path))
    assert len(slices(files, 4, 1000)) == 1
    assert len(slices(files, 4, 10)) == 4
