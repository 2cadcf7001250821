"""classify and recentre: by hand and against plain NumPy; test_parity.py holds scikit-learn."""

from __future__ import annotations

import generators
import numpy as np
import pytest
from howdah.kmeans.centroids import GridCentroids
from howdah.kmeans.classify import classify
from howdah.kmeans.distances import pair_distances
from howdah.kmeans.grid import Space
from howdah.kmeans.points import on_grid
from howdah.kmeans.recentre import shift
from oracle import InMemory, noisy_rows, plain_distances, plain_labels, plain_round
from scipy.sparse import csr_matrix

RNG = np.random.default_rng


# By hand

FOUR = np.array([[0.0, 0.0], [0.0, 2.0], [10.0, 0.0], [10.0, 4.0]])
TWO = np.array([[1.0, 1.0], [9.0, 2.0]])


def test_four_points_by_hand():
    memory = InMemory(FOUR)
    assert memory.labels(TWO).tolist() == [0, 0, 1, 1]
    measured = memory.measure(TWO)
    assert measured.centroids.tolist() == [[0.0, 1.0], [10.0, 2.0]]
    assert measured.counts.tolist() == [2, 2] and measured.weights.tolist() == [2.0, 2.0]
    assert measured.costs == pytest.approx([2.0 + 2.0, 5.0 + 5.0])
    assert measured.empty == []
    assert memory.shift(TWO, measured.centroids) == pytest.approx(1.0 + 1.0)


def test_four_points_with_weights_by_hand():
    measured = InMemory(FOUR, np.array([1.0, 3.0, 0.5, 0.5])).measure(TWO)
    assert measured.centroids.tolist() == [[0.0, 1.5], [10.0, 2.0]]
    assert measured.weights.tolist() == [4.0, 1.0]
    assert measured.costs == pytest.approx([8.0, 5.0])


WORDS = np.array([[17.0, 0, 1, 7, 0, 0, 5]])
THREE = np.array([[0.0] * 7, [20.0] * 7, [16.0, 0, 1, 7, 0, 0, 5]])


@pytest.mark.parametrize("sparse", [False, True])
def test_the_word_count_vector_goes_to_label_2_and_becomes_its_centroid(sparse):
    X = csr_matrix(WORDS) if sparse else WORDS
    memory = InMemory(X)
    points, centroids = on_grid(X, memory.space), GridCentroids.of(THREE, memory.space)
    labels, _ = classify(points, centroids)
    assert labels.tolist() == [2]
    measured = memory.measure(THREE)
    assert measured.counts.tolist() == [0, 0, 1]
    assert measured.centroids[2].tolist() == WORDS[0].tolist()
    # The one point cannot be spared, so the empty clusters stay where they were.
    assert measured.centroids[:2].tolist() == THREE[:2].tolist()
    assert measured.cost == pytest.approx(1.0)


def test_means_of_decimals_are_right_to_the_last_digit():
    X = np.array([[4.9], [5.1], [5.3], [0.1], [0.2]])
    measured = InMemory(X).measure(np.array([[5.0], [0.0]]))
    assert measured.centroids.tolist() == [[5.1], [0.15]]


# Ties

@pytest.mark.parametrize("levels", [2, 3, 10, 1000])
@pytest.mark.parametrize("d", [1, 2, 5, 8, 16, 40])
@pytest.mark.parametrize("unit", [1.0, 0.5, 0.1, 0.001, 1000.0])
@pytest.mark.parametrize("sparse", [False, True])
def test_exact_ties_go_to_the_lowest_label(d, levels, unit, sparse):
    """Whole numbers and decimals: the truth is computed in integers."""
    whole = generators.integer_grid(2000, d, seed=d, levels=levels)
    C = whole[RNG(levels).choice(len(whole), 12, replace=False)]
    C[5] = C[3]
    want = ((whole[:, None] - C[None]) ** 2).sum(axis=2).argmin(axis=1)
    X = whole * unit
    memory = InMemory(csr_matrix(X) if sparse else X)
    assert (memory.labels(C * unit) == want).all()


def test_a_point_midway_between_two_centroids_goes_to_the_first():
    X = np.array([[0.0], [1.0], [2.0]])
    assert InMemory(X).labels(np.array([[2.0], [0.0]])).tolist() == [1, 0, 0]


def test_all_rows_tied():
    X = np.repeat(generators.integer_grid(50, 6, seed=0), 400, axis=0).astype(np.float64)
    C = np.repeat(X[:1], 60, axis=0)
    memory = InMemory(X)
    assert not memory.labels(C).any()
    assert memory.measure(C).counts[0] == len(X)


# Against plain float64

SHAPES = [(1, 1, 1), (7, 1, 3), (100, 2, 100), (3000, 3, 16), (500, 16, 50), (300, 130, 20),
          (9000, 5, 300), (400, 784, 10)]


@pytest.mark.parametrize("n, d, k", SHAPES)
@pytest.mark.parametrize("loc, scale", [(0, 1), (1e6, 1), (-3, 1e-120), (5, 1e120), (0, "mixed"),
                                        (0, "outlier")])
def test_labels_are_those_of_plain_distances(n, d, k, loc, scale):
    rng = RNG(n + d)
    X = rng.standard_t(3, size=(n, d))
    if scale == "mixed":
        X *= 10.0 ** rng.uniform(-6, 6, size=d)
    elif scale == "outlier":
        X[0] *= 1e5
    else:
        X = (X + loc) * scale
    C = X[rng.choice(n, k, replace=False)] + 0.01 * X.std(axis=0) * rng.normal(size=(k, d))
    memory = InMemory(X)
    # The truth on the grid's values, in metric units, by differences alone.
    space = memory.space
    Y, D = space.steps(X).T * space.scale, GridCentroids.of(C, space).metric
    distances = plain_distances(Y, D)
    labels = memory.labels(C)
    here = distances[np.arange(n), labels]
    assert (here <= distances.min(axis=1) * (1 + (d + 8) * 2.0 ** -50)).all()
    clear = np.sort(distances, axis=1)[:, :2].T if k > 1 else None
    if clear is not None:
        apart = clear[1] > clear[0] * (1 + 1e-12)
        assert (labels == distances.argmin(axis=1))[apart].all()


def test_labels_do_not_depend_on_the_batch():
    X = generators.heavy(5000, 6, 20, seed=0)
    C = X[RNG(0).choice(len(X), 40, replace=False)]
    C[20:] = C[:20] + 1e-9      # nearly tied everywhere
    whole = InMemory(X).labels(C)
    for batch in (1, 7, 256, 4999):
        assert (InMemory(X[:700] if batch == 1 else X, batch=batch,
                         profile=InMemory(X).profile).labels(C) == whole[:700 if batch == 1 else
                                                                         None]).all()


def test_approximate_distances_are_near_the_exact_ones():
    X = generators.blobs(3000, 16, 10, seed=0)
    memory = InMemory(X)
    points, centroids = on_grid(X, memory.space), GridCentroids.of(X[:10], memory.space)
    labels, distances = classify(points, centroids)
    exact = pair_distances(points, np.arange(len(X)), centroids, labels)
    assert np.abs(distances - exact).max() < 1e-4
    assert memory.space.squared(exact) == pytest.approx(
        plain_distances(X, X[:10]).min(axis=1), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("far", [1e3, 1e12, 1e30, 1e100, 1e150])
def test_centroids_far_from_all_data_get_no_points_and_disturb_none(far):
    X = generators.blobs(2000, 4, 5, seed=0)
    C = np.vstack([X[:5], far * np.array([[1.0, -1, 1, -1], [-1, 0, 0, 0]])])
    assert (InMemory(X).labels(C) == plain_labels(X, X[:5])).all()


def test_columns_so_small_that_float32_loses_them_still_decide():
    """The first column is the same for all but one row, so the others decide."""
    rng = RNG(0)
    for small in (1e-10, 1e-19, 1e-22, 1e-30, 1e-60):
        X = np.column_stack([np.zeros(500), small * rng.normal(size=(500, 2))])
        X[0, 0] = 1.0
        C = X[[0, 1, 2, 3, 4, 5]]
        assert (InMemory(X).labels(C) == plain_labels(X / small, C / small)).all()


def test_d_784_stays_within_the_float32_bound():
    """Columns of one sign: products are as large as they get."""
    rng = RNG(0)
    X = 100.0 + rng.uniform(size=(600, 784))
    C = X[:50] + 1e-7 * rng.normal(size=(50, 784))
    C[25:] = C[:25] + 1e-7
    assert (InMemory(X).labels(C) == plain_labels(X - 100.5, C - 100.5)).all()


@pytest.mark.parametrize("k", [255, 256, 257, 1000])
def test_more_clusters_than_a_byte_counts(k):
    X = generators.blobs(3000, 2, 5, seed=0)
    C = X[:k]
    memory = InMemory(X)
    measured = memory.measure(C)
    labels = plain_labels(X, C)
    assert (memory.labels(C) == labels).all()
    assert (measured.counts == np.bincount(labels, minlength=k)).all()
    assert measured.counts.sum() == len(X)


# Whole rounds

def test_a_round_is_the_textbooks():
    for weights in (None, RNG(1).uniform(0.1, 9, size=4000)):
        X = generators.heavy(4000, 5, 8, seed=0)
        C = noisy_rows(X, 12, seed=0)
        measured = InMemory(X, weights).measure(C)
        centroids, cost = plain_round(X, C, weights)
        assert np.abs(measured.centroids - centroids).max() < 1e-9 * np.ptp(X, axis=0).max()
        assert measured.cost == pytest.approx(cost, rel=1e-12)
        assert measured.cost == np.sum(measured.costs)
        assert measured.weights.sum() == pytest.approx(4000 if weights is None else weights.sum())
        assert (measured.centroids >= X.min(axis=0)).all()
        assert (measured.centroids <= X.max(axis=0)).all()


def test_a_start_at_the_converged_centroids_moves_nothing():
    X = generators.blobs(2000, 3, 5, seed=0)
    memory = InMemory(X)
    end = memory.run(noisy_rows(X, 5, seed=1), tol=0, max_rounds=500).centroids
    again = memory.run(end, tol=0)
    assert len(again.history) == 1 and again.history[0].shift == 0
    assert (again.centroids == end).all()


def test_one_cluster_is_the_mean():
    X = generators.heavy(1000, 3, 4, seed=0)
    result = InMemory(X).run(X[:1], tol=0)
    assert result.centroids[0] == pytest.approx(X.mean(axis=0), rel=1e-10, abs=1e-10)
    assert result.measured.cost == pytest.approx(((X - X.mean(axis=0)) ** 2).sum(), rel=1e-10)


def test_as_many_clusters_as_points():
    X = generators.heavy(40, 3, 4, seed=0)
    measured = InMemory(X).measure(X)
    assert measured.counts.tolist() == [1] * 40
    assert measured.costs == pytest.approx(0.0, abs=1e-9)
    assert np.abs(measured.centroids - X).max() < 1e-10


def test_identical_points():
    X = np.full((100, 3), 0.1)
    measured = InMemory(X).measure(np.array([[0.1] * 3, [0.1] * 3, [5.0] * 3]))
    assert measured.counts.tolist() == [100, 0, 0]
    assert measured.centroids.tolist() == [[0.1] * 3, [0.1] * 3, [5.0] * 3]
    assert measured.cost == 0.0 and measured.empty == [1, 2]


def test_one_row():
    measured = InMemory(np.array([[3.0, 4.0]])).measure(np.array([[0.0, 0.0]]))
    assert measured.centroids.tolist() == [[3.0, 4.0]]
    assert measured.cost == pytest.approx(25.0)


def test_columns_from_1e_minus_150_to_1e150():
    scales = np.array([1e-150, 1e-75, 1.0, 1e75, 1e150])
    U = RNG(0).normal(size=(500, 5))
    X = U * scales
    C = X[:4]
    measured = InMemory(X).measure(C)
    labels = plain_labels(U[:, 4:], U[:4, 4:])      # nothing else counts
    want = np.array([U[labels == i].mean(axis=0) for i in range(4)])
    assert measured.centroids / scales == pytest.approx(want, rel=1e-9, abs=1e-10)
    scaled = InMemory(X, standardize=True).measure(C)
    labels = plain_labels(U / U.std(axis=0), U[:4] / U.std(axis=0))
    want = np.array([U[labels == i].mean(axis=0) for i in range(4)])
    assert scaled.centroids / scales == pytest.approx(want, rel=1e-9, abs=1e-10)
    assert scaled.cost == pytest.approx(
        plain_distances(U / U.std(axis=0), U[:4] / U.std(axis=0)).min(axis=1).sum(), rel=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_a_shift_by_a_million_standard_deviations_changes_no_label(seed):
    X = generators.blobs(5000, 8, 10, seed=seed)
    C = noisy_rows(X, 10, seed)
    shifts = 1e6 * X.std(axis=0) * RNG(seed).choice([-1, 1], size=8)
    here, there = InMemory(X), InMemory(X + shifts)
    assert (here.labels(C) == there.labels(C + shifts)).all()
    ours, theirs = here.run(C, tol=0, max_rounds=30), there.run(C + shifts, tol=0, max_rounds=30)
    assert (here.labels(ours.centroids) == there.labels(theirs.centroids)).all()
    assert ours.measured.cost == pytest.approx(theirs.measured.cost, rel=1e-8)


def test_the_cost_of_tight_clusters_far_apart_keeps_its_digits():
    """Where squares minus means cancel: clusters of 1e-4 at distances of 1."""
    centres = generators.centres(3, 5, seed=0)
    X = centres[RNG(0).integers(5, size=3000)] + 1e-4 * RNG(1).normal(size=(3000, 3))
    cost = plain_distances(X, centres).min(axis=1).sum()
    assert InMemory(X).measure(centres).cost == pytest.approx(cost, rel=1e-6)


# Cosine

def plain_cosine_round(X, C, weights):
    U, V = (A / np.sqrt((A ** 2).sum(axis=1))[:, None] for A in (X, C))
    similar = U @ V.T
    labels = similar.argmax(axis=1)
    sums = np.array([weights[labels == i] @ U[labels == i] for i in range(len(C))])
    return (sums / np.sqrt((sums ** 2).sum(axis=1))[:, None],
            float(weights @ (1 - similar.max(axis=1))), labels)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_cosine_is_spherical_k_means(sparse, weighted):
    X = RNG(0).poisson(0.7, size=(800, 30)).astype(np.float64)
    X[:, 0] += 1
    weights = RNG(1).uniform(0.5, 2, size=800) if weighted else None
    C = X[:6] + 1e-3 * RNG(2).normal(size=(6, 30))
    memory = InMemory(csr_matrix(X) if sparse else X, weights, metric="cosine")
    measured = memory.measure(C)
    centroids, cost, labels = plain_cosine_round(X, C, np.ones(800) if weights is None else weights)
    assert (memory.labels(C) == labels).all()
    assert np.abs(measured.centroids - centroids).max() < 1e-10
    assert measured.cost == pytest.approx(cost, rel=1e-9)
    assert (measured.centroids ** 2).sum(axis=1) == pytest.approx(1.0)


def test_a_cosine_cluster_without_direction_is_empty_and_gets_a_point():
    """Its two points cancel, so their sum is zero; never a zero vector, never NaN."""
    X = np.array([[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 1.0, 0.1], [0.0, 1.0, -0.1]])
    C = np.array([[0.0, 0.6, 0.8], [0.0, 1.0, 0.0], [0.0, -1.0, 0.0]])
    measured = InMemory(X, metric="cosine").measure(C)
    assert measured.empty == [0, 2]
    # One of the last two moves to the first cluster; the other cannot be spared.
    assert np.abs(measured.centroids[:2, 2]) == pytest.approx([0.1 / np.sqrt(1.01)] * 2)
    assert measured.centroids[2].tolist() == [0.0, -1.0, 0.0]
    assert (measured.centroids ** 2).sum(axis=1) == pytest.approx(1.0)
    assert np.isfinite(measured.costs).all()


def test_shift_is_in_the_users_units():
    X = generators.blobs(500, 3, 4, seed=0) * [1.0, 10.0, 0.1]
    before, after = X[:4], X[4:8]
    moved = ((after - before) ** 2).sum()
    assert InMemory(X).shift(before, after) == pytest.approx(moved, rel=1e-12)
    assert shift(before, after) == pytest.approx(moved, rel=1e-12)
    scaled = (((after - before) / X.std(axis=0)) ** 2).sum()
    assert InMemory(X, standardize=True).shift(before, after) == pytest.approx(scaled, rel=1e-8)


def test_points_outside_the_profile_are_classified_without_sums():
    X = generators.blobs(500, 3, 4, seed=0)
    space: Space = InMemory(X).space
    labels, _ = classify(on_grid(X * 50, space, bounded=False), GridCentroids.of(X[:9], space))
    assert (labels == plain_labels(X * 50, X[:9])).all()
