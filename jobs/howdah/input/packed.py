"""Packed blocks: thousands of points on one line of text.

A line is `howdah1:` and the base64 of: the length of a JSON header (4 bytes, little-endian), the
header, and the arrays that it lists, each padded to 8 bytes. Arrays: `X` by columns (d, n), or
for sparse points `values`, `columns`, `lengths`; `weights`; and `text.ROLE` (UTF-8, a line each).
Being a line of text a block passes through Hadoop Streaming, may be split, concatenated and
compressed like any other line, and costs a round no parsing.
"""

from __future__ import annotations

import binascii
import json
import math
from typing import Iterator

import numpy as np
import pybase64

from howdah.errors import UserError
from howdah.input.layout import InputOptions, Layout, refuse_twice, some_of
from howdah.input.rows import Rows
from howdah.sparse import is_sparse

ALIGNMENT = 8
DAMAGES = (binascii.Error, ValueError, KeyError, TypeError, OverflowError)
PACKED_HEAD = b"howdah1:"


def pack_rows(X, columns, weights=None, texts=None, dtype: str = "exact") -> bytes:
    """Points as one block, without the newline.

    X        (n, d) floats, or CSR
    columns  names of the columns (dense), or the number of the first (sparse): 0 or 1
    weights  (n,) or None; texts: {role: list of n str without line breaks}
    dtype    "float32", "float64", or "exact": float32 where that loses nothing

    Raises UserError for a value that float32 cannot hold.
    """
    arrays: dict = {}
    dense = not is_sparse(X)
    if dense:
        arrays["X"] = np.ascontiguousarray(_narrowed(X, dtype).T)
    else:
        arrays["values"] = _narrowed(X.data, dtype)
        arrays["columns"] = X.indices.astype(np.int32)
        arrays["lengths"] = np.diff(X.indptr).astype(np.int32)
    if weights is not None:
        arrays["weights"] = np.asarray(weights, dtype=np.float64)
    for role, values in (texts or {}).items():
        arrays["text." + role] = np.frombuffer("\n".join(values).encode("utf-8"), np.uint8)
    header = json.dumps({
        "rows": X.shape[0], "width": X.shape[1],
        "columns": list(columns) if dense else columns,
        "arrays": [[name, a.dtype.newbyteorder("<").str, list(a.shape)]
                   for name, a in arrays.items()]}, separators=(",", ":")).encode("utf-8")
    parts = [len(header).to_bytes(4, "little"), _padded(header, 4)]
    parts += [_padded(a.astype(a.dtype.newbyteorder("<")).tobytes()) for a in arrays.values()]
    return PACKED_HEAD + pybase64.b64encode(b"".join(parts))


def _narrowed(values: np.ndarray, dtype: str) -> np.ndarray:
    if dtype == "float64":
        return values.astype(np.float64)
    with np.errstate(over="ignore"):
        narrow = values.astype(np.float32)
    if dtype == "exact":
        return narrow if (narrow == values).all() else values.astype(np.float64)
    infinite = np.isinf(narrow)
    if infinite.any():
        raise UserError("The value %r is beyond the range of float32 (3.4e38); pack with --dtype"
                        " float64 or exact." % float(values[infinite][0]))
    return narrow


def _padded(data: bytes, before: int = 0) -> bytes:
    return data.ljust(_padded_size(len(data), before), b"\0")


def _padded_size(size: int, before: int = 0) -> int:
    return size + -(size + before) % ALIGNMENT


def lines_of(data: bytes) -> Iterator[tuple[int, memoryview]]:
    """The non-empty lines of a text and where they begin, not copied, without their ends."""
    view, start = memoryview(data), 0
    while start < len(data):
        end = data.find(b"\n", start)
        end = len(data) if end < 0 else end
        stop = end
        while stop > start and data[stop - 1] in b"\r\t ":
            stop -= 1
        if stop > start:
            yield start, view[start:stop]
        start = end + 1


def _decoded(line) -> tuple[dict, dict]:
    """Header and arrays (views of the decoded bytes) of a block: bytes or a memoryview."""
    data = pybase64.b64decode(line[len(PACKED_HEAD):], validate=True)
    header, places, _ = _header(data)
    return header, {name: np.frombuffer(data, kind, math.prod(shape), at).reshape(shape)
                    for name, kind, shape, at in places}


def _header(data: bytes) -> tuple[dict, list, int]:
    """The header of a decoded block, (name, dtype, shape, offset) of each array, size of all."""
    size = int.from_bytes(data[:4], "little")
    text = data[4:4 + size]
    header = json.loads(text)
    missing = {"rows", "width", "columns", "arrays"} - set(header)
    if missing:
        raise ValueError("its header has no %s" % ", ".join(sorted(missing)))
    places = []
    at = 4 + _padded_size(len(text), 4)
    for name, dtype, shape in header["arrays"]:
        kind = np.dtype(dtype)
        places.append((name, kind, shape, at))
        at += _padded_size(math.prod(shape) * kind.itemsize)
    return header, places, at


def _damaged(error: Exception) -> UserError:
    return UserError("A packed block is damaged (%s); pack the input again." % error)


def first_block(head: bytes) -> tuple[dict, int]:
    """Header of the first block, and the bytes of its line; the line's beginning is enough."""
    text = head[len(PACKED_HEAD):].split(b"\n", 1)[0].rstrip(b"\r\t ")
    try:
        header, _, size = _header(
            pybase64.b64decode(text[:len(text) // 4 * 4], validate=True))
    except DAMAGES as error:
        raise _damaged(error) from None
    return header, len(PACKED_HEAD) + 4 * -(-size // 3) + 1


def packed_layout(line: bytes, asked: InputOptions, place: str) -> Layout:
    """The layout of packed input, from the beginning of its first block."""
    header, _ = first_block(line)
    arrays = [name for name, _, _ in header["arrays"]]
    roles = [name[len("text."):] for name in arrays if name.startswith("text.")]
    missing = [role for role in asked.roles() if role not in roles]
    if missing:
        raise UserError("%s is packed without a column for --%s-column; name it when packing."
                        % (place, missing[0]))
    if asked.weight_column is not None and "weights" not in arrays:
        raise UserError("%s is packed without weights; give --weight-column when packing." % place)
    weight = 0 if "weights" in arrays else None
    texts = {role: 0 for role in roles}
    names = header["columns"]
    if not isinstance(names, list):
        return Layout(format="packed", columns=None, weight=weight, texts=texts,
                      width=None, zero_based=names == 0)
    unknown = [c for c in asked.ignore_columns if c not in names]
    if unknown:
        raise UserError("--ignore-columns names %r, but %s was packed with the columns %s."
                        % (unknown[0], place, ", ".join(names)))
    for column in asked.ignore_columns:
        refuse_twice(column, names, "--ignore-columns", "leave out columns when packing")
    kept = [i for i, name in enumerate(names) if name not in asked.ignore_columns]
    return Layout(format="packed", fields=len(names), columns=tuple(names[i] for i in kept),
                  numeric=tuple(kept), weight=weight, texts=texts)


def unpack_rows(line, layout: Layout) -> Rows:
    """The points of a block; X keeps the block's dtype."""
    if bytes(line[:len(PACKED_HEAD)]) != PACKED_HEAD:
        raise UserError("The input begins with packed blocks, but holds other lines too (%r);"
                        " keep packed and text files apart." % bytes(line[:40]))
    try:
        header, arrays = _decoded(line)
        _refuse_mixture(header, arrays, layout)
        return _rows(arrays, layout)
    except DAMAGES as error:
        raise _damaged(error) from None


def _rows(arrays: dict, layout: Layout) -> Rows:
    texts = {role: bytes(arrays["text." + role]).decode("utf-8").split("\n")
             for role in layout.texts}
    weights = arrays["weights"] if layout.weight is not None else None
    if layout.sparse:
        X = (arrays["values"].astype(np.float64), arrays["columns"].astype(np.int64),
             arrays["lengths"].astype(np.int64))
        return Rows(X, weights, texts)
    X = arrays["X"]
    if layout.numeric != tuple(range(layout.fields)):
        X = X[list(layout.numeric)]
    return Rows(X.T, weights, texts)


def _refuse_mixture(header: dict, arrays: dict, layout: Layout) -> None:
    """UserError for a block of another kind than the first."""
    names = header["columns"]
    if layout.sparse != (not isinstance(names, list)):
        raise UserError("The input mixes dense and sparse packed blocks; keep them apart.")
    if not layout.sparse and len(names) != layout.fields:
        raise UserError("A packed block has %d columns, but the first has %d; keep them apart."
                        % (len(names), layout.fields))
    if not layout.sparse and tuple(names[i] for i in layout.numeric) != layout.columns:
        raise UserError("A packed block has the columns %s, but the first has %s; keep them apart."
                        % (some_of(names), some_of(layout.column_names())))
    if ("weights" in arrays) != (layout.weight is not None):
        raise UserError("The input mixes packed blocks with and without weights; keep them apart.")
    for role in layout.texts:
        if "text." + role not in arrays:
            raise UserError("A packed block has no column for --%s-column, but the first has one;"
                            " keep them apart." % role)
