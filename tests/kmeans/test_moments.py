"""Moments, hashes and the count of distinct rows."""

from __future__ import annotations

from functools import reduce

import numpy as np
import pytest
from howdah.kmeans.moments import Distinct, Moments, row_hashes
from howdah.task.records import dump_json, load_json
from scipy.sparse import csr_matrix


def assert_moments(moments: Moments, X: np.ndarray) -> None:
    assert moments.n == len(X)
    assert moments.means == pytest.approx(X.mean(axis=0), rel=1e-12, abs=1e-12 * np.abs(X).max())
    assert moments.std == pytest.approx(X.std(axis=0), rel=1e-10)
    assert (moments.low == X.min(axis=0)).all() and (moments.high == X.max(axis=0)).all()


def test_four_points_by_hand():
    moments = Moments.of(np.array([[1.0, 0.0], [2.0, 0.0], [3.0, 4.0], [6.0, 4.0]]))
    assert moments.means.tolist() == [3.0, 2.0]
    assert moments.std ** 2 == pytest.approx([3.5, 4.0])
    assert moments.low.tolist() == [1.0, 0.0] and moments.high.tolist() == [6.0, 4.0]


@pytest.mark.parametrize("loc, scale", [(0, 1), (1e6, 1), (0, 1e-150), (0, 1e150), (1e300, 1e284)])
def test_merged_parts_are_the_whole(loc, scale):
    X = loc + scale * np.random.default_rng(0).normal(size=(1000, 3))
    cuts = [0, 1, 17, 500, 501, 1000]
    parts = [Moments.of(X[a:b]) for a, b in zip(cuts, cuts[1:])]
    merged = reduce(Moments.merge, parts)
    low, high = X.min(axis=0), X.max(axis=0)
    assert merged.n == 1000
    assert (merged.low == low).all() and (merged.high == high).all()
    top = np.abs(X).max()
    Y = X / top
    assert merged.means / top == pytest.approx(Y.mean(axis=0), rel=1e-12, abs=1e-13)
    assert merged.std / top == pytest.approx(Y.std(axis=0), rel=1e-9)


def test_a_constant_column_has_no_spread():
    moments = reduce(Moments.merge, [Moments.of(np.full((n, 1), 0.1)) for n in (1, 7, 1000)])
    assert moments.std[0] == pytest.approx(0.0, abs=1e-16)
    assert moments.low[0] == moments.high[0] == 0.1


def test_sparse_is_dense():
    X = np.random.default_rng(0).poisson(0.3, size=(500, 12)) * 1.5
    X[:, 3] = np.arange(1, 501)     # no zeros: its minimum is not 0
    X[:, 4] = -X[:, 4] - 1.0
    X[:, 5] = 0.0
    assert_moments(Moments.of(csr_matrix(X)), X)
    parts = [Moments.of(csr_matrix(X[a:a + 100])) for a in range(0, 500, 100)]
    assert_moments(reduce(Moments.merge, parts), X)


def test_a_narrower_sparse_side_is_widened_with_zeros():
    X = np.random.default_rng(0).poisson(1.0, size=(40, 5)).astype(np.float64)
    X[:20, 3:] = 0.0
    merged = Moments.of(csr_matrix(X[:20, :3])).merge(Moments.of(csr_matrix(X[20:])))
    assert_moments(merged, X)
    assert_moments(Moments.of(csr_matrix(X[20:])).merge(Moments.of(csr_matrix(X[:20, :3]))), X)


def test_one_row():
    moments = Moments.of(np.array([[2.0, -3.0]]))
    assert moments.means.tolist() == [2.0, -3.0] and moments.std.tolist() == [0.0, 0.0]


def test_moments_survive_their_text_form():
    moments = Moments.of(np.random.default_rng(0).normal(size=(10, 3)))
    back = Moments.from_dict(load_json(dump_json(moments.to_dict())))
    assert dump_json(back.to_dict()) == dump_json(moments.to_dict())


def test_a_row_has_one_hash():
    X = np.random.default_rng(0).integers(0, 3, size=(2000, 4)).astype(np.float64)
    hashes = row_hashes(X)
    assert (row_hashes(X[::-1]) == hashes[::-1]).all()
    assert (row_hashes(X[7:9]) == hashes[7:9]).all()
    assert len(np.unique(hashes)) == len(np.unique(X, axis=0))
    sparse = row_hashes(csr_matrix(X))
    assert len(np.unique(sparse)) == len(np.unique(X, axis=0))
    assert (row_hashes(csr_matrix(X[7:9])) == sparse[7:9]).all()


def test_minus_zero_is_zero_and_an_explicit_zero_is_none():
    assert row_hashes(np.array([[0.0, 1.0]])) == row_hashes(np.array([[-0.0, 1.0]]))
    explicit = csr_matrix((np.array([0.0, 1.0]), np.array([0, 1]), np.array([0, 2])), shape=(1, 2))
    implicit = csr_matrix((np.array([1.0]), np.array([1]), np.array([0, 1])), shape=(1, 2))
    assert row_hashes(explicit) == row_hashes(implicit)


def test_distinct_rows_are_counted_exactly_up_to_the_size():
    X = np.random.default_rng(0).integers(0, 5, size=(5000, 3)).astype(np.float64)
    want = len(np.unique(X, axis=0))
    sketch = Distinct(want + 1)
    for start in range(0, 5000, 700):
        sketch.add(row_hashes(X[start:start + 700]))
    assert sketch.exact and sketch.count == want


def test_beyond_the_size_the_count_is_an_estimate():
    X = np.random.default_rng(0).normal(size=(100_000, 2))
    sketch = Distinct(1024)
    for start in range(0, len(X), 9000):
        sketch.add(row_hashes(X[start:start + 9000]))
    assert not sketch.exact
    assert sketch.count == pytest.approx(100_000, rel=0.15)
