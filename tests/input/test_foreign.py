"""Files that hold no text are named by what they are."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickle
import zipfile

import numpy as np
import pytest

from howdah.errors import UserError
from howdah.input.detect import detect


def npy() -> bytes:
    file = io.BytesIO()
    np.save(file, np.eye(4))
    return file.getvalue()


def npz() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("x", "1,2\n")
    return file.getvalue()


TEXT = "x,y\n1,2\n3,4\n"


@pytest.mark.parametrize("head, told", [
    (npy(), "a file of arrays, which cannot be read as rows of text; pack it first with jobs/pack"),
    (b"PAR1\x15\x04", "a file of arrays"), (npz(), "a zip archive"),
    (gzip.compress(TEXT.encode(), mtime=0), "compressed by gzip"),
    (bz2.compress(TEXT.encode()), "compressed by bzip2"),
    (lzma.compress(TEXT.encode()), "compressed by xz"),
    (pickle.dumps([1, 2]), "a pickle"),
    *((TEXT.encode(name), "written in UTF-16") for name in ("utf-16", "utf-16-le", "utf-16-be")),
    (TEXT.encode("utf-32"), "written in UTF-32")])
def test_what_is_not_text_is_named(head: bytes, told: str) -> None:
    with pytest.raises(UserError, match="^a.csv is %s" % told):
        detect(head, place="a.csv")


@pytest.mark.parametrize("name", ["a.npy", "hdfs:///a.fvecs", "a.bvecs", "a.parquet"])
def test_arrays_are_known_by_their_names(name: str) -> None:
    with pytest.raises(UserError, match="is a file of arrays.*pack.py"):
        detect(b"1,2\n", place=name)


@pytest.mark.parametrize("head", [b"PK,BZh\n1,2\n", b"Obj,SEQ\n1,2\n", b"1\x00,2\n3,4\n5,6\n"])
def test_text_that_only_looks_like_it(head: bytes) -> None:
    assert detect(head).fields == 2
