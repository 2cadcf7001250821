"""Batches: the points that one call of the numerics works on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Iterable, Iterator, Optional

import numpy as np

from howdah.input.lines import Block
from howdah.input.parse import Parser
from howdah.input.rows import Rows
from howdah.sparse import csr_rows

# Sums over this many rows of 40-bit grid values are exact in float64 (40 + 13 = 53 bits).
MOST_ROWS = 8192
BATCH_VALUES = 1 << 17


@dataclass
class Batch:
    """Points in the order of the input.

    X is float64 (n, d), or float32 from packed blocks, or a scipy CSR matrix. A dense X lies by
    columns and is only good until the next batch is asked for: its memory is used again.
    """

    X: object
    weights: Optional[np.ndarray] = None
    texts: dict = field(default_factory=dict)
    lines: Optional[list] = None

    def __len__(self) -> int:
        return self.X.shape[0]  # type: ignore

    @property
    def ids(self) -> Optional[list]:
        return self.texts.get("id")


def rows_per_batch(n_columns: Optional[int]) -> int:
    """Rows that keep a batch within the processor's cache: 8,192 up to 16 columns, at least 256."""
    return max(256, min(MOST_ROWS, BATCH_VALUES // max(n_columns or 1, 1)))


def batches(parser: Parser, blocks: Iterable[Block], size: int,
            weighing: bool = False) -> Iterator[Batch]:
    """Good rows of all blocks in batches of `size` rows, the last one smaller.

    weighing  without the rows of weight 0
    """
    gather = _gather_sparse if parser.layout.sparse else _gather_dense
    pieces = (rows for block in blocks for rows in parser.parse(block))
    return gather(map(_weighing, pieces) if weighing else pieces, parser, size)


def _weighing(rows: Rows) -> Rows:
    """The rows whose weight is not 0."""
    if rows.weights is None or rows.weights.all():
        return rows
    return rows.only(rows.weights > 0)


def _gather_dense(pieces: Iterable[Rows], parser: Parser, size: int) -> Iterator[Batch]:
    layout = parser.layout
    X = np.empty((layout.n_columns or 0, size)).T
    weights = None if layout.weight is None else np.empty(size)
    texts, lines = _fresh_lists(parser)
    filled = 0
    for rows in pieces:
        at = 0
        while at < len(rows):
            if not filled and len(rows) - at >= size:
                yield _whole_batch(rows, at, at + size)
                at += size
                continue
            n = min(size - filled, len(rows) - at)
            X[filled:filled + n] = rows.X[at:at + n]  # type: ignore
            if weights is not None:
                weights[filled:filled + n] = rows.weights[at:at + n]  # type: ignore
            _extend(texts, lines, rows, at, at + n)
            filled += n
            at += n
            if filled == size:
                yield Batch(X, weights, texts, lines)
                texts, lines = _fresh_lists(parser)
                filled = 0
    if filled:
        yield Batch(X[:filled], None if weights is None else weights[:filled], texts, lines)


def _whole_batch(rows: Rows, start: int, stop: int) -> Batch:
    """A batch that needs no gathering: a packed block, as a rule. X may be float32."""
    return Batch(rows.X[start:stop],  # type: ignore
                 None if rows.weights is None else rows.weights[start:stop],
                 {role: texts[start:stop] for role, texts in rows.texts.items()},
                 None if rows.lines is None else rows.lines[start:stop])


def _gather_sparse(pieces: Iterable[Rows], parser: Parser, size: int) -> Iterator[Batch]:
    held: list = []
    texts, lines = _fresh_lists(parser)
    filled = 0
    for rows in pieces:
        held.append(rows.X)
        _extend(texts, lines, rows, 0, len(rows))
        filled += len(rows)
        if filled >= size:
            for start in range(0, filled, size):
                yield _sparse_batch(held, parser, texts, lines, start, start + size)
            held, filled = [], 0
            texts, lines = _fresh_lists(parser)
    if filled:
        yield _sparse_batch(held, parser, texts, lines, 0, filled)


def _sparse_batch(held, parser: Parser, texts, lines, start: int, stop: int) -> Batch:
    values, columns, lengths = (np.concatenate(part) for part in zip(*held))
    indptr = np.concatenate([[0], np.cumsum(lengths)])
    stop = min(stop, len(lengths))
    inside = slice(indptr[start], indptr[stop])
    width = parser.layout.width
    if width is None:
        width = int(columns[inside].max(initial=-1)) + 1
    X = csr_rows(values[inside], columns[inside], indptr[start:stop + 1] - indptr[start], width)
    if not X.data.all():
        X.eliminate_zeros()  # a zero that is written is none that is left out
    return Batch(X, None, {role: texts[role][start:stop] for role in texts},
                 None if lines is None else lines[start:stop])


def _fresh_lists(parser: Parser):
    return {role: [] for role in parser.layout.texts}, [] if parser.keep_lines else None


def _extend(texts: dict, lines: Optional[list], rows: Rows, start: int, stop: int) -> None:
    for role, held in texts.items():
        held.extend(rows.texts[role][start:stop])
    if lines is not None and rows.lines is not None:
        lines.extend(rows.lines[start:stop])
