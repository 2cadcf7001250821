"""The contract of howdah.launch.files.filesystem, asked of any file system."""

from __future__ import annotations

import bz2
import gzip
from pathlib import Path

import pytest

from howdah.launch.files.filesystem import FileSystem

LONG = b"".join(b"%d,%d\n" % (i, i * i) for i in range(100_000))
# Names that a URL or a shell must quote, and what `cat` makes of the bytes.
CONTENTS = {"a b%20+ü.txt": (LONG, LONG), "c.gz": (gzip.compress(b"3\n") * 2, b"3\n3\n"),
            "d.bz2": (bz2.compress(b"4\n") * 2, b"4\n4\n"), "empty": (b"", b"")}


def fulfils_the_contract(files: FileSystem, folder: str, tmp_path: Path,
                         globs: bool = True) -> None:
    """`folder` is not there before, nor after."""
    below = folder + "/be low"
    assert not files.exists(folder) and files.ls(folder) == []
    files.rm(folder)
    for older in (True, False):
        files.replace_all(below, {name: b"older" if older else stored
                                  for name, (stored, _) in CONTENTS.items()})
    assert files.exists(folder) and files.exists(below + "/c.gz")
    expected = sorted((below + "/" + name, len(stored)) for name, (stored, _) in CONTENTS.items())
    assert sorted(files.ls(folder)) == sorted(files.ls(below)) == expected
    assert files.ls(below + "/empty") == [(below + "/empty", 0)]
    stamped = files.stamped(below)
    assert stamped == files.stamped(below) and all(stamp for _, _, stamp in stamped)
    assert not globs or sorted(files.ls(folder + "/*/*.*")) == expected[:-1]
    for name, (stored, plain) in CONTENTS.items():
        path = below + "/" + name
        assert b"".join(files.cat(path)) == files.read(path) == plain
        assert [files.head(path, size) for size in (2, len(plain) + 1)] == [plain[:2], plain]
        assert files.tail(path, 1024) == stored[-1024:]
        assert files.tail(path, 5) == stored[-5:]

    files.replace(folder + "/x", b"first")
    files.replace(folder + "/x", b"second")
    with pytest.raises(FileExistsError):
        files.create(folder + "/x", b"third")
    files.create(folder + "/new/y", LONG)
    with pytest.raises(FileExistsError):
        files.create(folder + "/new/y", b"")
    (tmp_path / "z%20 ü").write_bytes(LONG)
    (tmp_path / "x").write_bytes(b"fourth")
    files.put([str(tmp_path / "z%20 ü"), str(tmp_path / "x")], folder + "/put")
    files.put([str(tmp_path / "z%20 ü")], folder + "/put")
    assert sorted(found for found in files.ls(folder) if found not in expected) == [
        (folder + "/new/y", len(LONG)), (folder + "/put/x", 6),
        (folder + "/put/z%20 ü", len(LONG)), (folder + "/x", 6)]
    assert files.read(folder + "/x") == b"second" and files.read(folder + "/put/x") == b"fourth"
    assert files.read(folder + "/new/y") == files.read(folder + "/put/z%20 ü") == LONG

    files.rm(folder + "/x")
    files.rm(below)
    assert not files.exists(folder + "/x") and not files.exists(below)
    assert len(files.ls(folder)) == 3
    files.rm(folder)
    assert not files.exists(folder) and files.ls(folder) == []
