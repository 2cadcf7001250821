"""Reading files of arrays in bounded memory."""

from __future__ import annotations

import os
import warnings
from tokenize import TokenError
from typing import Callable, Iterator

import numpy as np

from howdah.errors import UserError
from howdah.input.batches import rows_per_batch
from howdah.input.layout import InputOptions, parts_of, refuse_no_columns
from howdah.input.rows import Rows

# What NumPy raises for a header that it cannot read.
NO_ARRAY = (ValueError, OSError, TypeError, SyntaxError, OverflowError, TokenError)
ENDINGS = (".npy", ".fvecs", ".bvecs", ".parquet")


def pieces_of(path: str, asked: InputOptions) -> Iterator[tuple[list, Rows]]:
    """(names of the columns, rows) of a file, some thousand values at a time, in its order.

    A missing value is NaN, a missing text None. Raises UserError for a file that cannot be read.
    """
    if not path.endswith(".parquet"):
        yield from _array(path, asked)
        return
    try:
        from howdah.packing.parquet import read_parquet
    except ImportError:
        raise UserError("Parquet needs pyarrow; install it with: pip install pyarrow.") from None
    yield from read_parquet(path, asked)


def _array(path: str, asked: InputOptions) -> Iterator[tuple[list, Rows]]:
    """The rows of a two-dimensional array, whose columns are called by their numbers."""
    (n, d), read = (_npy if path.endswith(".npy") else _vecs)(path)
    if not n:
        return
    names = [str(i) for i in range(d)]
    roles, weight, _, numeric = parts_of(names, asked)
    refuse_no_columns(path, numeric, names)
    step = rows_per_batch(d)
    for start in range(0, n, step):
        values = read(start, start + step)
        with np.errstate(all="ignore"):  # a long double beyond float64 is infinite: a bad row
            X = np.asarray(values if len(numeric) == d else values[:, numeric], dtype=np.float64)
        weights = None if weight is None else values[:, weight].astype(np.float64)
        texts = {role: [str(v) for v in values[:, i].tolist()] for role, i in roles.items()}
        yield [names[i] for i in numeric], Rows(X, weights, texts)


def _npy(path: str) -> tuple[tuple, Callable]:
    """Shape, and the function that reads the rows from a to b."""
    # Mapped anew for each piece, here and below, so that the pages of those before are given back.
    def mapped() -> np.ndarray:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of headers that Python 2 wrote
            return np.lib.format.open_memmap(path, mode="r")

    try:
        array = mapped()
    except NO_ARRAY as error:
        raise UserError("%s is no array that can be packed (%s)." % (path, error)) from None
    if array.ndim != 2 or array.dtype.kind not in "fiub":
        raise UserError("%s holds an array of shape %s and type %s; it must be two-dimensional and"
                        " numeric." % (path, array.shape, array.dtype))
    return array.shape, lambda a, b: mapped()[a:b]


def _vecs(path: str) -> tuple[tuple, Callable]:
    """The TEXMEX formats: every vector after its dimension as a little-endian int32."""
    value = np.dtype("<f4" if path.endswith(".fvecs") else "u1")
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        d = int.from_bytes(file.read(4), "little", signed=True)
    width = 4 + d * value.itemsize
    if size and (d <= 0 or size % width):
        raise UserError("%s is no %s file: %d bytes are no whole number of rows of dimension %d."
                        % (path, os.path.splitext(path)[1], size, d))

    def read(a: int, b: int) -> np.ndarray:
        rows = np.memmap(path, dtype=[("d", "<i4"), ("v", value, (d,))], mode="r")[a:b]
        wrong = np.flatnonzero(rows["d"] != d)
        if len(wrong):
            raise UserError("%s, row %d has dimension %d, but the first has %d."
                            % (path, a + wrong[0] + 1, rows["d"][wrong[0]], d))
        return rows["v"]

    return (size // width, d), read
