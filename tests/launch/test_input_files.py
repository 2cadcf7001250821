"""What an input was when it was first seen, and what has become of it."""

from __future__ import annotations

import os

import pytest
from howdah.launch.files.files import Files
from howdah.launch.input_files import InputChanged, InputFiles, Seen


@pytest.fixture
def folder(tmp_path):
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("1,2\n")
    return tmp_path


def of(folder, seen=None) -> InputFiles:
    return InputFiles([str(folder)], Files(), seen)


def test_no_files(tmp_path):
    empty = of(tmp_path)
    assert empty.to_list() == []
    empty.refuse_changes()


def test_the_same_files_are_no_change_also_after_a_while(folder):
    seen = of(folder)
    seen.refuse_changes()
    kept = seen.to_list()
    assert [path for path, *_ in kept] == [str(folder / "a.csv"), str(folder / "b.csv")]
    of(folder, kept).refuse_changes()


def test_it_does_not_matter_from_where_a_file_is_called(folder, monkeypatch):
    monkeypatch.chdir(folder)
    kept = InputFiles(["a.csv"], Files()).to_list()
    monkeypatch.chdir("/")
    InputFiles([str(folder / "a.csv")], Files(), kept).refuse_changes()


def grow(path):
    path.write_text("1,2\n3,4\n")


def replace(path):
    """The same bytes a nanosecond later."""
    stamp = os.stat(path).st_mtime_ns + 1
    os.utime(path, ns=(stamp, stamp))


@pytest.mark.parametrize("change, told", [
    (grow, "{path} had 4 bytes (20"), (replace, "{path} had 4 bytes (20"),
    (os.remove, "{path} had 4 bytes (20"),
    (lambda path: (path.parent / "c.csv").write_text("5,6\n"), "c.csv was not there, and now has"),
])
def test_a_change_is_told_with_what_was_and_what_is(folder, change, told):
    seen = of(folder)
    change(folder / "b.csv")
    for each in (seen, of(folder, seen.to_list())):
        with pytest.raises(InputChanged) as caught:
            each.refuse_changes()
        assert told.format(path=folder / "b.csv") in str(caught.value)
        assert ("now is gone" in str(caught.value)) == (change is os.remove)


def test_a_longer_stamp_of_the_same_time_is_no_change():
    """One tells milliseconds, the other minutes."""
    seen = Seen(4, "2026-01-02 03:04:05.678")
    assert seen.may_be(Seen(4, "2026-01-02 03:04")) and Seen(4, "").may_be(seen)
    assert not seen.may_be(Seen(5, "2026-01-02 03:04")) and not seen.may_be(None)
    assert not seen.may_be(Seen(4, "2026-01-02 03:05"))
