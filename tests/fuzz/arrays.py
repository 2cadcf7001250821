"""Files of arrays: npy, fvecs, bvecs, Parquet."""

from __future__ import annotations

import io
import os
import warnings
from random import Random
from typing import Any, Callable

import numpy as np
from howdah.input.layout import InputOptions
from howdah.packing.array_files import pieces_of

from fuzz.mutation import damaged
from fuzz.reader import Reader, Wrong
from fuzz.scratch import written_file

TYPES = ("f8", "f4", "f2", ">f8", "i8", "i2", "u1", "?", "f16", "c16", "U3")


def values(rng: Random) -> np.ndarray:
    drawn = np.random.default_rng(rng.getrandbits(32))
    shape = rng.randint(0, 6), rng.randint(1, 4)
    return drawn.normal(size=shape) * 10.0 ** rng.randint(-3, 3)


def npy(rng: Random) -> bytes:
    with np.errstate(all="ignore"):
        X = values(rng).astype(rng.choice(TYPES[:-2] * 5 + TYPES), copy=False) \
            if rng.random() < .95 else np.zeros(rng.choice(((), (3,), (2, 2, 2))))
    file = io.BytesIO()
    np.save(file, np.asfortranarray(X) if rng.random() < .2 else X)
    return file.getvalue()


def vecs(rng: Random) -> bytes:
    X = values(rng)
    d = X.shape[1].to_bytes(4, "little")
    return b"".join(d + row.astype("<f4").tobytes() for row in X)


def bvecs(rng: Random) -> bytes:
    X = values(rng)
    d = X.shape[1].to_bytes(4, "little")
    return b"".join(d + bytes(rng.randrange(256) for _ in row) for row in X)


def parquet(rng: Random) -> bytes:
    import pyarrow
    from pyarrow import parquet as pq

    X = values(rng)
    kinds = {
        "f8": lambda v: pyarrow.array(v), "f4": lambda v: pyarrow.array(v.astype("f4")),
        "i8": lambda v: pyarrow.array((v * 1e6).astype("i8")), "?": lambda v: pyarrow.array(v > 0),
        "decimal": lambda v: pyarrow.array(np.round(v, 2)).cast(
            pyarrow.decimal128(20, 2), safe=False),
        "list": lambda v: pyarrow.array([[x, 1.0] for x in v.tolist()],
                                        pyarrow.list_(pyarrow.float64())),
        "words": lambda v: pyarrow.array(v.astype("i8")).dictionary_encode(),
        "missing": lambda v: pyarrow.array([None] * len(v), pyarrow.float64()),
        "text": lambda v: pyarrow.array(["x"] * len(v))}
    table = pyarrow.table({"c%d" % j: kinds[rng.choice(sorted(kinds))](column)
                           for j, column in enumerate(X.T)})
    file = io.BytesIO()
    pq.write_table(table, file, row_group_size=rng.choice((2, 100)),
                   compression=rng.choice(("none", "snappy", "zstd")))
    return file.getvalue()


def make(whole: Callable[[Random], bytes]) -> Callable[[Random], bytes]:
    def one(rng: Random) -> bytes:
        data = whole(rng)
        return data if rng.random() < .25 else damaged(rng, data, 3)
    return one


def read(ending: str) -> Callable[[bytes], bool]:
    def one(data: bytes) -> bool:
        path = written_file("x" + ending, data)
        widths = []
        for names, rows in pieces_of(path, InputOptions()):
            X: Any = rows.X
            if X.ndim != 2 or X.dtype != np.float64 or X.shape[1] != len(names):
                raise Wrong("an array of shape %s and type %s" % (X.shape, X.dtype))
            if ending == ".npy":
                check_npy(data, X)
            widths.append(len(names))
        if len({*widths}) > 1:
            raise Wrong("pieces of different widths")
        return bool(widths) and os.path.getsize(path) > 0
    return one


def check_npy(data: bytes, X: np.ndarray) -> None:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # of how Python 2 wrote it
        theirs = np.load(io.BytesIO(data)).astype(np.float64)
    if not np.array_equal(theirs, X, equal_nan=True):
        raise Wrong("other values than NumPy's")


ARRAYS = [Reader("npy", make(npy), read(".npy")), Reader("fvecs", make(vecs), read(".fvecs")),
          Reader("bvecs", make(bvecs), read(".bvecs")),
          Reader("parquet", make(parquet), read(".parquet"), needs="pyarrow")]
