"""Rounds beside scikit-learn's from the same start, to the end or for ten rounds.

Starts are rows plus noise, so that no exact ties occur: scikit-learn centres its data first, and
rounding would decide them there.
"""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from oracle import InMemory, noisy_rows
from scipy.sparse import csr_matrix
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits, load_iris, load_sample_image

RNG = np.random.default_rng


def fitted(X, start, weights=None, max_iter=300):
    """scikit-learn's rounds from the same start."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")     # it warns of max_iter
        return KMeans(len(start), init=start, n_init=1, algorithm="lloyd", tol=0,
                      max_iter=max_iter).fit(X, sample_weight=weights)


def assert_parity(X, start, weights=None, rounds=None, sparse=False):
    """Ours beside scikit-learn's from the same start: to the end, or so many rounds."""
    dense = np.asarray(X)
    theirs = fitted(dense, start, weights, rounds or 300)
    memory = InMemory(csr_matrix(dense) if sparse else dense, weights)
    ours = memory.run(start, tol=0, max_rounds=rounds or 1000)
    reach = np.where(np.ptp(dense, axis=0) > 0, np.ptp(dense, axis=0), 1.0)
    assert (np.abs(ours.centroids - theirs.cluster_centers_) / reach).max() < 1e-9
    assert ours.measured.cost == pytest.approx(theirs.inertia_, rel=1e-9)
    if rounds is None:
        # Its last iteration finds the labels unchanged, as our last scan does.
        assert ours.converged and len(ours.history) == theirs.n_iter_
        assert (memory.labels(ours.centroids) == theirs.labels_).all()
    costs = [r.cost for r in ours.history]
    assert all(b <= a * (1 + 1e-12) for a, b in zip(costs, costs[1:]))


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_iris_to_the_end(seed, sparse):
    X = load_iris().data
    assert_parity(X, noisy_rows(X, 3, seed), sparse=sparse)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("seed", range(2))
def test_digits_to_the_end(seed, sparse):
    X = load_digits().data
    assert_parity(X, noisy_rows(X, 10, seed), sparse=sparse)


@pytest.mark.parametrize("data, k", [(load_iris, 3), (load_digits, 10)])
@pytest.mark.parametrize("sparse", [False, True])
def test_weights_to_the_end(data, k, sparse):
    X = data().data
    weights = RNG(5).exponential(size=len(X))
    weights[::7] = 0.0
    assert_parity(X, noisy_rows(X, k, 0), weights, sparse=sparse)


def test_ten_rounds_of_pixels():
    X = load_sample_image("china.jpg").reshape(-1, 3).astype(np.float64)
    assert_parity(X, noisy_rows(X, 16, seed=0), rounds=10)


def test_standardize_is_a_standard_scaler():
    X = load_iris().data * [1.0, 1e3, 1e-3, 1.0]
    start = noisy_rows(X, 3, seed=1)
    theirs = fitted((X - X.mean(axis=0)) / X.std(axis=0), (start - X.mean(axis=0)) / X.std(axis=0))
    ours = InMemory(X, standardize=True).run(start, tol=0, max_rounds=1000)
    back = theirs.cluster_centers_ * X.std(axis=0) + X.mean(axis=0)
    assert (np.abs(ours.centroids - back) / np.ptp(X, axis=0)).max() < 1e-9
    assert ours.measured.cost == pytest.approx(theirs.inertia_, rel=1e-8)
    assert len(ours.history) == theirs.n_iter_
