"""Batches: the same points whatever pieces and blocks they came in."""

from __future__ import annotations

import io

import numpy as np
import pytest
from scipy.sparse import vstack

from howdah.input import lines
from howdah.input.batches import MOST_ROWS, batches, rows_per_batch
from howdah.input.layout import Layout
from howdah.input.lines import Block, read_blocks
from howdah.input.parse import Parser

LAYOUT = Layout("csv", fields=4, columns=("x", "y"), numeric=(1, 2), texts={"id": 0}, weight=3)
TEXT = b"".join(b"p%d,%d,%d.5,%d\n" % (i, i, -i, i % 7) if i % 50 else b"bad\n"
                for i in range(3000))
GOOD = [i for i in range(3000) if i % 50]


@pytest.mark.parametrize("block_bytes", [64, 1000, 1 << 18])
@pytest.mark.parametrize("size", [1, 7, 256, 8192])
def test_batches_hold_all_good_rows_in_order(
        size: int, block_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "BLOCK_BYTES", block_bytes)
    parser = Parser(LAYOUT, keep_lines=True)
    X, weights, ids, kept, sizes = [], [], [], [], []
    for batch in batches(parser, read_blocks(io.BytesIO(TEXT)), size):
        assert isinstance(batch.X, np.ndarray) and batch.X.dtype == np.float64
        assert batch.weights is not None and batch.ids is not None and batch.lines is not None
        assert len(batch) == len(batch.weights) == len(batch.ids) == len(batch.lines)
        X.append(batch.X.copy())
        weights += batch.weights.tolist()
        ids += batch.ids
        kept += batch.lines
        sizes.append(len(batch))
    assert np.concatenate(X).tolist() == [[i, -i - .5 if i else -.5] for i in GOOD]
    assert weights == [i % 7 for i in GOOD]
    assert ids == ["p%d" % i for i in GOOD]
    assert kept == [line for line in TEXT.split(b"\n") if line not in (b"bad", b"")]
    assert set(sizes[:-1]) <= {size} and 0 < sizes[-1] <= size
    assert parser.row_counts.counts() == {"used": len(GOOD), "bad": 60, "empty": 0, "headers": 0}


@pytest.mark.parametrize("size", [1, 7, 256, 8192])
def test_sparse_batches(size: int) -> None:
    text = b"".join(b"t%d %s\n" % (i, b" ".join(b"%d:%d" % (j, i) for j in range(1, i % 9)))
                    for i in range(2000))
    parser = Parser(Layout("svmlight", delimiter=" ", texts={"id": 0}, width=8), keep_lines=True)
    found = list(batches(parser, [Block(text)], size))
    assert all(0 < len(batch) <= size for batch in found)
    X = vstack([batch.X for batch in found]).toarray()
    expected = np.array([[i if j < i % 9 else 0 for j in range(1, 9)] for i in range(2000)])
    assert np.array_equal(X, expected)
    assert [t for batch in found for t in batch.texts["id"]] == ["t%d" % i for i in range(2000)]
    assert [line for batch in found for line in batch.lines or []] == text.split(b"\n")[:-1]


def test_the_first_scan_of_sparse_rows_is_as_wide_as_what_it_sees() -> None:
    (batch,) = batches(Parser(Layout("svmlight", delimiter=" ")), [Block(b"1 3:1 90:2\n0\n")], 10)
    assert batch.X.shape == (2, 90)  # type: ignore


def test_a_dense_batch_without_weights_texts_and_lines() -> None:
    layout = Layout("csv", fields=1, columns=("a",), numeric=(0,))
    (batch,) = batches(Parser(layout), [Block(b"1\n2\n")], 10)
    assert (batch.weights, batch.ids, batch.lines, batch.texts) == (None, None, None, {})
    assert batch.X.tolist() == [[1.0], [2.0]]  # type: ignore


def test_batches_fit_the_cache_and_the_exact_sums() -> None:
    assert rows_per_batch(1) == rows_per_batch(16) == rows_per_batch(None) == MOST_ROWS
    assert rows_per_batch(64) == 2048
    assert rows_per_batch(100000) == 256
