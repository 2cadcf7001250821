"""Packed blocks: thousands of points on one line of text.

Being a line of text a block passes through Hadoop Streaming, may be split, concatenated and
compressed like any other line, and costs a round no parsing. packed_format.py says how it is
written. The names of the columns stand in the first block of every file that a packer writes; the
blocks behind it have their schema's digest, by which a mapper that begins in the middle of a file
knows that its columns are those of the input's first block.
"""

from __future__ import annotations

from typing import Iterator

import numpy as np

from howdah.errors import UserError
from howdah.input.layout import Layout, InputOptions, refuse_twice, some_of
from howdah.input.packed_format import (
    DAMAGES,
    MARK,
    TEXT,
    BlockHeader,
    damaged,
    decoded,
    encoded,
    first_block,
)
from howdah.input.rows import Rows
from howdah.input.schema import Schema
from howdah.sparse import is_sparse


def pack_rows(X, columns, weights=None, texts=None, dtype: str = "exact",
              first: bool = True) -> bytes:
    """Points as one block, without the newline.

    X        (n, d) floats, or CSR
    columns  names of the columns (dense), or the number of the first (sparse): 0 or 1
    weights  (n,) or None; texts: {role: list of n str without line breaks}
    dtype    "float32", "float64", or "exact": float32 where that loses nothing
    first    whether it is a file's first block, which names the columns

    Raises UserError for a value that float32 cannot hold, and for a text of several lines.
    """
    arrays: dict = {}
    if not is_sparse(X):
        arrays["X"] = np.ascontiguousarray(_narrowed(X, dtype).T)
        names, digest = list(columns), _digest(columns)
    else:
        arrays["values"] = _narrowed(X.data, dtype)
        arrays["columns"] = X.indices.astype(np.int32)
        arrays["lengths"] = np.diff(X.indptr).astype(np.int32)
        names, digest = columns, None
    if weights is not None:
        arrays["weights"] = np.asarray(weights, dtype=np.float64)
    for role, values in (texts or {}).items():
        arrays[TEXT + role] = np.frombuffer(_one_a_line(role, values), np.uint8)
    return encoded({"rows": X.shape[0], "width": X.shape[1],
                    "columns": names if first or digest is None else None, "schema": digest},
                   arrays)


def _digest(names) -> str:
    """What stands for the names of columns in all blocks but the first."""
    return Schema(tuple(names), "packed", named=True, width=len(names)).digest()


def _one_a_line(role: str, values: list) -> bytes:
    joined = "\n".join(values)
    if joined.count("\n") != len(values) - 1:
        broken = next(text for text in values if "\n" in text)
        raise UserError("The %s %.40r holds a line break, which packed blocks cannot keep; replace"
                        " it first." % (role, broken))
    return joined.encode("utf-8")


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


def packed_layout(line: bytes, asked: InputOptions, place: str) -> Layout:
    """The layout of packed input, from the beginning of its first block.

    Raises UserError that names `place` for a damaged block, one of another version, and one that is
    no file's first.
    """
    if not MARK.match(line):
        raise UserError("%s is read as packed blocks, but begins with another line (%r); keep"
                        " packed and text files apart." % (place, line[:40]))
    try:
        header, _ = first_block(line)
    except UserError as error:
        raise UserError("%s: %s" % (place, error)) from None
    _refuse_unpacked(header, asked, place)
    roles = [name[len(TEXT):] for name in header.names if name.startswith(TEXT)]
    weight = 0 if "weights" in header.names else None
    texts = {role: 0 for role in roles}
    names = header.columns
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
                  numeric=tuple(kept), weight=weight, texts=texts, digest=_digest(names))


def _refuse_unpacked(header: BlockHeader, asked: InputOptions, place: str) -> None:
    """UserError for a block that does not hold what the options ask for."""
    if header.columns is None:
        raise UserError("%s begins with a packed block that does not name its columns, which only"
                        " the first block of a packed file does; give the whole file, or the part"
                        " with its beginning first." % place)
    missing = [role for role in asked.roles() if TEXT + role not in header.names]
    if missing:
        raise UserError("%s is packed without a column for --%s-column; name it when packing."
                        % (place, missing[0]))
    if asked.weight_column is not None and "weights" not in header.names:
        raise UserError("%s is packed without weights; give --weight-column when packing." % place)


def unpack_rows(line, layout: Layout) -> Rows:
    """The points of a block; X keeps the block's dtype.

    Raises UserError for damage, and for what is no block or one of another kind than the first.
    """
    if not MARK.match(bytes(line[:20])):
        raise UserError("The input begins with packed blocks, but holds other lines too (%r);"
                        " keep packed and text files apart." % bytes(line[:40]))
    try:
        header, arrays = decoded(line)
        _refuse_mixture(header, layout)
        return _rows(arrays, layout)
    except DAMAGES as error:
        raise damaged(error) from None


def _rows(arrays: dict, layout: Layout) -> Rows:
    texts = {role: bytes(arrays[TEXT + role]).decode("utf-8").split("\n") for role in layout.texts}
    weights = arrays["weights"] if layout.weight is not None else None
    if layout.sparse:
        X = (arrays["values"].astype(np.float64), arrays["columns"].astype(np.int64),
             arrays["lengths"].astype(np.int64))
        return Rows(X, weights, texts)
    X = arrays["X"]
    if layout.numeric != tuple(range(layout.fields)):
        X = X[list(layout.numeric)]
    return Rows(X.T, weights, texts)


def _refuse_mixture(header: BlockHeader, layout: Layout) -> None:
    """UserError for a block of another kind than the first."""
    if layout.sparse != header.sparse:
        raise UserError("The input mixes dense and sparse packed blocks; keep them apart.")
    if not layout.sparse and header.width != layout.fields:
        raise UserError("A packed block has %d columns, but the first has %d; keep them apart."
                        % (header.width, layout.fields))
    if not layout.sparse:
        _refuse_other_columns(header, layout)
    if ("weights" in header.names) != (layout.weight is not None):
        raise UserError("The input mixes packed blocks with and without weights; keep them apart.")
    for role in layout.texts:
        if TEXT + role not in header.names:
            raise UserError("A packed block has no column for --%s-column, but the first has one;"
                            " keep them apart." % role)


def _refuse_other_columns(header: BlockHeader, layout: Layout) -> None:
    """UserError for a block whose columns are not those of the first, by its names or digest."""
    names = header.columns
    digest, said = header.schema, "that its file's first block names"
    if isinstance(names, list):
        digest, said = _digest(names), some_of(names)
    if digest == layout.digest:
        return
    raise UserError("A packed block has the columns %s, but the first has %s; keep them apart."
                    % (said, some_of(layout.column_names())))
