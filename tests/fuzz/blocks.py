"""Packed blocks: headers, arrays and text, damaged, with and without the right checksums."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import numpy as np
from howdah.input.detect import detect
from howdah.input.lines import Block
from howdah.input.packed import pack_rows
from howdah.input.packed_format import decoded, encoded
from howdah.input.parse import Parser
from scipy.sparse import csr_matrix

from fuzz.mutation import damaged, damaged_value
from fuzz.reader import Reader, Wrong

ODD = [b"\xff" * 8, bytes(8), *(np.float64(value).tobytes() for value in (
    np.nan, np.inf, 1e305, -1.0)), np.array([-1, 10 ** 9], np.int32).tobytes()]


def packed(rng: Random, first: bool) -> bytes:
    n, d = rng.randint(1, 6), rng.randint(1, 4)
    drawn = np.random.default_rng(rng.getrandbits(32))
    weights = drawn.random(n) if rng.random() < .3 else None
    texts = {"id": ["i%d" % i for i in range(n)]} if rng.random() < .4 else None
    X = drawn.normal(size=(n, d))
    if rng.random() < .35:
        return pack_rows(csr_matrix(np.where(X > 0, X, 0)), rng.choice((0, 1)), weights, texts)
    return pack_rows(X, ["c%d" % i for i in range(d)], weights, texts,
                     rng.choice(("exact", "float32", "float64")), first)


def resealed(rng: Random, line: bytes) -> bytes:
    """The block with another header or other values, and checksums that are right."""
    header, arrays = decoded(line)
    told: dict = {"rows": header.rows, "width": header.width, "columns": header.columns,
                  "schema": header.schema}
    arrays = {name: array.copy() for name, array in arrays.items()}
    if rng.random() < .6:
        name = rng.choice(sorted(told))
        told[name] = damaged_value(rng, told[name])
    else:
        raw = arrays[rng.choice(sorted(arrays))].reshape(-1).view(np.uint8)
        odd, at = rng.choice(ODD), rng.randrange(len(raw) or 1) // 8 * 8
        raw[at:at + 8] = np.frombuffer(odd, np.uint8)[:len(raw[at:at + 8])]
    return encoded(json.loads(json.dumps(told)), arrays)


def make(rng: Random) -> bytes:
    line = packed(rng, rng.random() < .9)
    kind = rng.random()
    if kind < .5:
        line = resealed(rng, line)
    elif kind < .9:
        line = damaged(rng, line)
    return line + b"\n" + (packed(rng, False) + b"\n") * (rng.random() < .3)


def read(data: bytes) -> bool:
    parser = Parser(detect(data))
    used = 0
    for rows in parser.parse(Block(data)):
        check(rows, parser.layout)
        used += len(rows)
    if used != parser.row_counts.used:
        raise Wrong("rows and their count differ")
    return used > 0


def check(rows: Any, layout) -> None:
    """What was taken can be points."""
    n = len(rows)
    if layout.sparse:
        check_sparse(*rows.X)
    elif rows.X.shape != (n, len(layout.numeric)) or not (
            np.abs(rows.X.astype(np.float64)) <= 1e300).all():
        raise Wrong("dense rows of another shape, or values too large")
    weights = np.ones(n) if rows.weights is None else rows.weights
    if weights.shape != (n,) or not ((weights >= 0) & (weights <= 1e300)).all():
        raise Wrong("weights that are none")
    if any(len(texts) != n for texts in rows.texts.values()):
        raise Wrong("texts of another number than rows")


def check_sparse(values: np.ndarray, columns: np.ndarray, lengths: np.ndarray) -> None:
    if len(values) != len(columns) or (lengths < 0).any() or lengths.sum() != len(values):
        raise Wrong("values, columns and lengths differ")
    if not (np.abs(values) <= 1e300).all() or (columns < 0).any():
        raise Wrong("a value too large or a column below the first")
    for end, length in zip(np.cumsum(lengths).tolist(), lengths.tolist()):
        if (np.diff(columns[end - length:end]) <= 0).any():
            raise Wrong("columns of a row that do not ascend")


BLOCKS = [Reader("packed", make, read)]
