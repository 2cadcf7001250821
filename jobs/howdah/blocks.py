"""Packed blocks: thousands of points on one line of text.

A line is `howdah1:` and the base64 of: the length of a JSON header (4 bytes, little-endian), the
header, and the arrays that it lists, each padded to 8 bytes. Arrays: `X` by columns (d, n), or
for sparse points `values`, `columns`, `lengths`; `weights`; and `text.ROLE` (fixed-width UTF-8).
Being a line of text a block passes through Hadoop Streaming, may be split, concatenated and
compressed like any other line, and costs a round no parsing.
"""

from __future__ import annotations

import binascii
import json
from typing import Iterator

import numpy as np
import pybase64

from howdah.errors import UserError
from howdah.layout import PACKED_HEAD, Layout, Wishes
from howdah.parse import Rows

ALIGNMENT = 8
DAMAGES = (binascii.Error, ValueError, KeyError, TypeError)


def pack_rows(X, columns, weights=None, texts=None, dtype: str = "exact") -> bytes:
    """Points as one block, without the newline.

    X        (n, d) floats, or CSR
    columns  names of the columns (dense), or their number (sparse)
    weights  (n,) or None; texts: {role: list of n str}
    dtype    "float32", "float64", or "exact": float32 where that loses nothing
    """
    arrays: dict = {}
    if isinstance(X, np.ndarray):
        arrays["X"] = np.ascontiguousarray(_narrowed(X, dtype).T)
    else:
        arrays["values"] = _narrowed(X.data, dtype)
        arrays["columns"] = X.indices.astype(np.int32)
        arrays["lengths"] = np.diff(X.indptr).astype(np.int32)
    if weights is not None:
        arrays["weights"] = np.asarray(weights, dtype=np.float64)
    for role, values in (texts or {}).items():
        encoded = np.array([value.encode("utf-8") for value in values])
        arrays["text." + role] = encoded if encoded.dtype.kind == "S" else encoded.astype("S1")
    header = json.dumps({
        "rows": X.shape[0], "width": X.shape[1],
        "columns": list(columns) if isinstance(X, np.ndarray) else None,
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
    if dtype == "float32" or (narrow == values).all():
        return narrow
    return values.astype(np.float64)


def _padded(data: bytes, before: int = 0) -> bytes:
    return data + b"\0" * (-(len(data) + before) % ALIGNMENT)


def lines_of(data: bytes) -> Iterator[memoryview]:
    """The non-empty lines of a text, not copied, without their ends."""
    view, start = memoryview(data), 0
    while start < len(data):
        end = data.find(b"\n", start)
        end = len(data) if end < 0 else end
        stop = end
        while stop > start and data[stop - 1] in b"\r\t ":
            stop -= 1
        if stop > start:
            yield view[start:stop]
        start = end + 1


def _decoded(line) -> tuple[dict, dict]:
    """Header and arrays (views of the decoded bytes) of a block: bytes or a memoryview."""
    if bytes(line[:len(PACKED_HEAD)]) != PACKED_HEAD:
        raise UserError("The input begins with packed blocks, but holds other lines too (%r);"
                        " keep packed and text files apart." % bytes(line[:40]))
    try:
        data = pybase64.b64decode(line[len(PACKED_HEAD):], validate=True)
        size = int.from_bytes(data[:4], "little")
        header = json.loads(data[4:4 + size])
        at = 4 + size + (-(size + 4) % ALIGNMENT)
        arrays = {}
        for name, dtype, shape in header["arrays"]:
            kind = np.dtype(dtype)
            count = int(np.prod(shape))
            arrays[name] = np.frombuffer(data, kind, count, at).reshape(shape)
            at += count * kind.itemsize + (-(count * kind.itemsize) % ALIGNMENT)
        return header, arrays
    except DAMAGES as error:
        raise _damaged(error) from None


def _damaged(error: Exception) -> UserError:
    return UserError("A packed block is damaged (%s); pack the input again." % error)


def first_block(head: bytes) -> tuple[dict, int]:
    """Header of the first block, and the bytes of its line; the line's beginning is enough."""
    text = head[len(PACKED_HEAD):].split(b"\n", 1)[0]
    try:
        begin = pybase64.b64decode(text[:len(text) // 4 * 4], validate=True)
        size = int.from_bytes(begin[:4], "little")
        header = json.loads(begin[4:4 + size])
        data = 4 + size + (-(size + 4) % ALIGNMENT)
        for _, dtype, shape in header["arrays"]:
            length = int(np.prod(shape)) * np.dtype(dtype).itemsize
            data += length + (-length % ALIGNMENT)
    except DAMAGES as error:
        raise _damaged(error) from None
    return header, len(PACKED_HEAD) + 4 * -(-data // 3) + 1


def describe(line: bytes, wishes: Wishes, place: str) -> Layout:
    """The layout of packed input, from the beginning of its first block."""
    header, _ = first_block(line)
    arrays = [name for name, _, _ in header["arrays"]]
    roles = [name[len("text."):] for name in arrays if name.startswith("text.")]
    missing = [role for role in wishes.roles() if role not in roles]
    if missing:
        raise UserError("%s is packed without a column for --%s-column; name it when packing."
                        % (place, missing[0]))
    if wishes.weight_column is not None and "weights" not in arrays:
        raise UserError("%s is packed without weights; give --weight-column when packing." % place)
    weight = 0 if "weights" in arrays else None
    texts = {role: 0 for role in roles}
    if header["columns"] is None:
        return Layout(format="packed", columns=None, weight=weight, texts=texts,
                      width=None, zero_based=True)
    names = header["columns"]
    unknown = [c for c in wishes.ignore_columns if c not in names]
    if unknown:
        raise UserError("--ignore-columns names %r, but %s was packed with the columns %s."
                        % (unknown[0], place, ", ".join(names)))
    kept = [i for i, name in enumerate(names) if name not in wishes.ignore_columns]
    return Layout(format="packed", fields=len(names), columns=tuple(names[i] for i in kept),
                  numeric=tuple(kept), weight=weight, texts=texts)


def unpack_rows(line, layout: Layout) -> Rows:
    """The points of a block; X keeps the block's dtype."""
    header, arrays = _decoded(line)
    if layout.sparse != (header["columns"] is None):
        raise UserError("The input mixes dense and sparse packed blocks; keep them apart.")
    if not layout.sparse and header["width"] != layout.fields:
        raise UserError("A packed block has %d columns, but the first has %d; keep them apart."
                        % (header["width"], layout.fields))
    texts = {role: [value.decode("utf-8") for value in arrays["text." + role].tolist()]
             for role in layout.texts}
    weights = arrays["weights"] if layout.weight is not None else None
    if layout.sparse:
        X = (arrays["values"].astype(np.float64), arrays["columns"].astype(np.int64),
             arrays["lengths"].astype(np.int64))
        return Rows(X, weights, texts)
    X = arrays["X"]
    if len(layout.numeric) < layout.fields:
        X = X[list(layout.numeric)]
    return Rows(X.T, weights, texts)
