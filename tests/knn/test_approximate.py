"""Candidates of Annoy and FAISS, and what Neighbors makes of them."""

from __future__ import annotations

import numpy as np
import pytest
from howdah.errors import UserError
from howdah.knn.approximate import Approximate, build_annoy, build_faiss, open_candidates
from howdah.knn.brute import Brute
from howdah.knn.neighbors import Neighbors
from sklearn.neighbors import NearestNeighbors

X = np.random.default_rng(0).normal(size=(3000, 8))
Q = X[:40] + 0.01


def annoy(path, metric, points=X):
    centre = None if metric == "cosine" else points.mean(axis=0)
    return open_candidates(build_annoy(points, metric, centre, path, 30), path, metric, 8, centre)


def faiss(path, metric, points=X, factory="Flat", parameters=""):
    centre = None if metric == "cosine" else points.mean(axis=0)
    told = build_faiss(points, metric, centre, path, factory, parameters)
    return open_candidates(told, path, metric, 8, centre)


BOTH = [pytest.param(annoy, marks=pytest.mark.needs("annoy")),
        pytest.param(faiss, marks=pytest.mark.needs("faiss"))]


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("library", BOTH)
def test_candidates_are_mostly_the_nearest(tmp_path, library, metric):
    positions = library(str(tmp_path / "file"), metric).candidates(Q, 5)
    theirs = NearestNeighbors(metric=metric).fit(X).kneighbors(Q, 5, return_distance=False)
    assert positions.shape == (40, 5) and positions.dtype == np.int64
    assert (positions == theirs).mean() > 0.9


@pytest.mark.parametrize("offset", [0.0, 1e6])
@pytest.mark.needs("faiss")
def test_flat_candidates_are_measured_exactly(tmp_path, offset):
    """Float32 alone could not tell points at an offset of 1e6 apart."""
    moved = X + offset
    exact = Neighbors(moved, "euclidean", Brute(moved, "euclidean")).query(moved[:40], 5)
    search = Approximate(faiss(str(tmp_path / "file"), "euclidean", moved))
    found = Neighbors(moved, "euclidean", search).query(moved[:40], 5)
    np.testing.assert_array_equal(found.positions, exact.positions)
    np.testing.assert_array_equal(found.distances, exact.distances)


@pytest.mark.parametrize("library", BOTH)
def test_more_neighbours_than_points(tmp_path, library):
    searcher = library(str(tmp_path / "file"), "euclidean", X[:3])
    positions = searcher.candidates(Q[:2], 5)
    assert sorted(positions[0].tolist()) == [-1, -1, 0, 1, 2]
    answers = Neighbors(X[:3], "euclidean", Approximate(searcher)).query(Q[:2], 5)
    assert np.diff(answers.starts).tolist() == [3, 3]


@pytest.mark.needs("faiss")
def test_parameters_reach_the_search(tmp_path):
    def recall(parameters):
        name = str(tmp_path / ("ivf" + parameters))
        searcher = faiss(name, "euclidean", factory="IVF50,Flat", parameters=parameters)
        exact = NearestNeighbors().fit(X).kneighbors(Q, 5, return_distance=False)
        return (searcher.candidates(Q, 5) == exact).mean()

    assert recall("nprobe=50") > 0.99 > 0.95 > recall("nprobe=1")


@pytest.mark.needs("faiss")
def test_a_factory_that_faiss_does_not_know(tmp_path):
    with pytest.raises(UserError, match="FAISS cannot build 'Nonsense' for 3000 points"):
        faiss(str(tmp_path / "file"), "euclidean", factory="Nonsense")


@pytest.mark.needs("annoy")
@pytest.mark.needs("faiss")
def test_metrics_that_are_not_offered(tmp_path):
    with pytest.raises(UserError, match="Annoy has no metric chebyshev; it has euclidean"):
        annoy(str(tmp_path / "file"), "chebyshev")
    with pytest.raises(UserError, match="not with the metric manhattan"):
        faiss(str(tmp_path / "file"), "manhattan")
