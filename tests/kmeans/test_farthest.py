"""Empty clusters: which points they are moved to."""

from __future__ import annotations

import warnings

import generators
import numpy as np
import pytest
from howdah.kmeans.farthest import MOST, MOST_VALUES, Farthest
from howdah.task.records import dump_json
from oracle import InMemory, plain_distances
from scipy.sparse import csr_matrix
from sklearn.cluster import KMeans

RNG = np.random.default_rng


def start_with_empty(X: np.ndarray, full: int, empty: int, seed: int = 0) -> np.ndarray:
    rows = X[RNG(seed).choice(len(X), full, replace=False)] + 1e-3
    return np.vstack([rows, 1e3 * (1 + np.arange(empty))[:, None] * np.ones(X.shape[1])])


def after_one_round(X, start, weights=None) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")     # it warns of max_iter
        return KMeans(len(start), init=start, n_init=1, algorithm="lloyd", tol=0,
                      max_iter=1).fit(X, sample_weight=weights).cluster_centers_


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("empty", [1, 2, 5])
def test_relocated_as_scikit_learn_does(empty, sparse, weighted):
    """Several empty clusters may get the same points in another order."""
    X = generators.heavy(2000, 4, 5, seed=0)
    weights = RNG(1).uniform(0.5, 2, size=2000) if weighted else None
    start = start_with_empty(X, 6, empty)
    measured = InMemory(csr_matrix(X) if sparse else X, weights).measure(start)
    assert measured.empty == list(range(6, 6 + empty))
    theirs = after_one_round(X, start, weights)
    assert measured.centroids[:6] == pytest.approx(theirs[:6], rel=1e-9)
    ours, theirs = (sorted(c[6:].tolist()) for c in (measured.centroids, theirs))
    assert np.array(ours) == pytest.approx(np.array(theirs), rel=1e-9)


def test_the_farthest_point_leaves_its_old_cluster():
    X = np.array([[0.0], [1.0], [2.0], [9.0]])
    measured = InMemory(X).measure(np.array([[1.0], [100.0]]))
    assert measured.centroids.tolist() == [[1.0], [9.0]]
    # Counts and costs are those of the scan, before the move.
    assert measured.counts.tolist() == [4, 0]
    assert measured.costs == pytest.approx([1 + 0 + 1 + 64, 0])


def test_a_point_alone_in_its_cluster_stays_there():
    X = np.array([[0.0], [0.0], [1.0], [50.0]])
    measured = InMemory(X).measure(np.array([[0.0], [90.0], [1000.0]]))
    assert measured.centroids.tolist() == [[0.0], [50.0], [1.0]]


def test_more_empty_clusters_than_points_to_spare():
    X = np.array([[0.0, 0.0], [1.0, 0.0]])
    start = np.array([[0.2, 0.0], [7.0, 7.0], [8.0, 8.0], [9.0, 9.0]])
    measured = InMemory(X).measure(start)
    assert measured.centroids.tolist() == [[0.0, 0.0], [1.0, 0.0], [8.0, 8.0], [9.0, 9.0]]
    assert np.isfinite(measured.centroids).all()


def test_a_row_of_weight_0_is_never_taken():
    X = np.array([[0.0], [1.0], [2.0], [500.0]])
    measured = InMemory(X, np.array([1.0, 1.0, 1.0, 0.0])).measure(np.array([[0.9], [-9.0]]))
    assert measured.centroids.tolist() == [[0.5], [2.0]]


def test_runs_with_empty_clusters_end_without_any():
    X = generators.blobs(3000, 3, 8, seed=0)
    result = InMemory(X).run(start_with_empty(X, 3, 5), max_rounds=100)
    assert result.converged and not result.measured.empty
    assert (result.measured.counts > 0).all()
    assert result.history[0].empty == [3, 4, 5, 6, 7]


@pytest.mark.parametrize("n_copies", [1, 50])
def test_the_distinct_points_of_largest_distance_are_kept(n_copies):
    X = generators.heavy(1500, 4, 5, seed=0)
    C = X[:10] + 1e-3
    memory = InMemory(np.repeat(X, n_copies, axis=0), batch=1000)
    kept = memory.sums(C).farthest.points
    distances = np.sort(plain_distances(X, C).min(axis=1))[::-1][:10]
    assert memory.space.squared(np.array([p["distance"] for p in kept])) == pytest.approx(
        distances, rel=1e-9)
    assert [p["distance"] for p in kept] == sorted((p["distance"] for p in kept), reverse=True)


def test_merging_in_any_order_keeps_the_same_points():
    X = np.repeat(generators.integer_grid(400, 3, seed=0).astype(np.float64), 2, axis=0)
    C = X[:20] + 0.25       # many points at the same distance
    whole = InMemory(X)
    want = dump_json(whole.sums(C).farthest.record())
    parts = [InMemory(X[a:a + 90], profile=whole.profile).sums(C).farthest.record()
             for a in range(0, len(X), 90)]
    for seed in range(5):
        merged = Farthest(len(C), whole.space)
        for i in RNG(seed).permutation(len(parts)):
            merged.put(parts[i])
        assert dump_json(merged.record()) == want


def test_the_record_stays_small():
    X = generators.blobs(300, 2, 3, seed=0)
    assert len(InMemory(X).sums(X[:200]).farthest.points) <= MOST
    wide = InMemory(csr_matrix(np.eye(5, 1 << 17)))
    assert Farthest(50, wide.space).size == MOST_VALUES // (1 << 17)


def test_points_on_their_centroids_are_no_candidates():
    X = np.repeat([[1.0, 2.0], [3.0, 4.0]], 10, axis=0)
    memory = InMemory(X)
    start = np.array([[1.0, 2.0], [3.0, 4.0], [99.0, 99.0]])
    assert memory.sums(start).farthest.points == []
    assert (memory.measure(start).centroids == start).all()


@pytest.mark.parametrize("weighted", [False, True])
def test_a_donor_is_recentred_on_what_is_left_and_all_others_on_their_records(weighted):
    """Whoever relocates needs the exact sums of the two clusters only."""
    X = generators.heavy(500, 3, 4, seed=3)
    weights = RNG(1).uniform(0.5, 2, size=500) if weighted else None
    start = start_with_empty(X, 4, 1)
    memory = InMemory(X, weights)
    measured = memory.measure(start)
    sums = memory.sums(start)
    [point, *_] = sums.farthest.points
    sums.move_point(point, point["label"], 4)
    assert (measured.centroids == np.array(sums.means())).all()


def test_a_cluster_whose_points_cancel_out_gets_the_direction_of_a_far_point():
    X = np.array([[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.1], [0.0, -2.0, 1.0],
                  [0.0, 0.0, 1.0], [0.0, 0.1, 1.0]])
    start = np.array([[0.0, 1.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, 1.0]])
    measured = InMemory(X, metric="cosine").measure(start)
    assert measured.empty == [0] and measured.counts.tolist() == [2, 2, 2]
    unit = X / np.linalg.norm(X, axis=1)[:, None]
    assert measured.centroids[:2] == pytest.approx(unit[[3, 2]], abs=1e-12)
