"""The contract of howdah.knn.search.Search, kept by every search."""

from __future__ import annotations

import numpy as np
import pytest
from generators import integer_grid
from howdah.knn.approximate import Approximate
from howdah.knn.brute import Brute
from howdah.knn.search import Search
from howdah.knn.trees import Tree
from knn_oracle import distances
from scipy.sparse import csr_matrix
from sklearn.neighbors import NearestNeighbors

SETS = {"floats": np.random.default_rng(0).normal(size=(3000, 5)),
        "offset": np.random.default_rng(1).normal(size=(3000, 5)) + 1e6,
        "ties": integer_grid(3000, 4, seed=0, levels=3).astype(float)}


def tree(X: np.ndarray, algorithm: str) -> Tree:
    return Tree(NearestNeighbors(algorithm=algorithm).fit(X))


MAKERS = {"brute": lambda X: Brute(X, "euclidean"),
          "brute, sparse": lambda X: Brute(csr_matrix(X), "euclidean"),
          "kd_tree": lambda X: tree(X, "kd_tree"), "ball_tree": lambda X: tree(X, "ball_tree")}


@pytest.fixture(params=SETS)
def X(request) -> np.ndarray:
    return SETS[request.param]


@pytest.fixture(params=MAKERS)
def search(request, X) -> Search:
    return MAKERS[request.param](X)


def queries(search: Search, X: np.ndarray):
    """Some stored rows and some beside them: in the points' form, and dense."""
    Q = np.vstack([X[:8], X[:8] + 0.25])
    sparse = isinstance(search, Brute) and not isinstance(search.points, np.ndarray)
    return (csr_matrix(Q) if sparse else Q), Q


def test_candidates_are_different_points(search, X):
    Q, _ = queries(search, X)
    positions, _ = search.nearest(Q, 7)
    assert positions.shape == (16, 7) and positions.dtype == np.int64
    assert all(len(set(row)) == 7 for row in positions.tolist())
    assert 0 <= positions.min() <= positions.max() < 3000


def test_what_is_proved_holds(search, X):
    Q, dense = queries(search, X)
    positions, reach = search.nearest(Q, 40)
    far = np.array([distances(q, X, "euclidean") for q in dense])
    for rank in (0, 9, 38, 39, 40, 100):
        t = np.sort(far, axis=1)[:, rank]
        for i in np.flatnonzero(search.proves(reach, t)):
            assert set(np.flatnonzero(far[i] <= t[i])) <= set(positions[i].tolist())
    assert search.proves(reach, np.zeros(16)).dtype == bool


def test_of_well_parted_points_all_is_proved():
    X = SETS["floats"]
    for make in MAKERS.values():
        search = make(X)
        Q, dense = queries(search, X)
        _, reach = search.nearest(Q, 40)
        t = np.array([np.sort(distances(q, X, "euclidean"))[9] for q in dense])
        assert search.proves(reach, t).all()


def test_all_points_as_candidates_prove_any_distance(search, X):
    Q, _ = queries(search, X)
    positions, reach = search.nearest(Q[:2], 3000)
    assert np.sort(positions, axis=1).tolist() == [list(range(3000))] * 2
    assert search.proves(reach, np.full(2, np.inf)).all()


def test_all_points_within_a_distance_come_once(search, X):
    Q, dense = queries(search, X)
    far = np.array([distances(q, X, "euclidean") for q in dense])
    t = np.sort(far, axis=1)[np.arange(16), np.arange(16) * 20]
    pieces = list(search.within(Q, t))
    pairs = [pair for rows, positions in pieces
             for pair in zip(rows.tolist(), positions.tolist())]
    assert len(pairs) == len(set(pairs))
    needed = set(zip(*map(np.ndarray.tolist, np.nonzero(far <= t[:, None]))))
    assert needed <= set(pairs) and len(pairs) < 2 * len(needed)


def test_a_search_that_is_not_exact_says_so():
    assert Brute.exact and Tree.exact and not Approximate.exact
