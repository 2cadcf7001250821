"""Which moves of centroids leave all labels as they are, and what a scan then need not find out."""

from __future__ import annotations

import generators
import numpy as np
import pytest
from howdah.kmeans.bounds import FAR, MoveBound, least_gap, longest_move, wanted
from howdah.kmeans.centroids import GridCentroids
from howdah.kmeans.classify import classify
from howdah.kmeans.points import on_grid
from oracle import InMemory, plain_labels
from scipy.sparse import csr_matrix


def test_the_margin_by_hand():
    """Centroids 16 apart may move by 1; a point at 2 from its own needs one beyond 2 + 2."""
    move_bound = MoveBound(wanted(np.array([[0.0], [16.0]])))
    assert move_bound.radius == 1.0
    assert move_bound.margin(np.array([4.0, 0.0])).tolist() == [(4 ** 2 - 2 ** 2) / 2, 2.0]
    # What rounding leaves of a zero.
    assert move_bound.margin(np.array([-1e-9])).tolist() == [2.0]


def test_the_least_gap_of_one_of_copies_and_of_many(monkeypatch):
    assert least_gap(np.zeros((1, 3))) == FAR
    assert least_gap(np.array([[1.0, 2.0], [5.0, 5.0], [1.0, 2.0]])) == 0.0
    C = np.random.default_rng(0).normal(size=(70, 5))
    squares = ((C[:, None] - C) ** 2).sum(axis=2) + 1e9 * np.eye(70)
    for values in (70, 700, 1 << 19):
        monkeypatch.setattr("howdah.kmeans.bounds.PIECE_VALUES", values)
        assert least_gap(C) == pytest.approx(np.sqrt(squares.min()), rel=1e-9)


def test_centroids_far_beyond_the_data_ask_for_no_more_than_they_stand_apart():
    for far in (1e20, 1e200, 1e308):
        C = np.array([[0.0], [far], [-far], [2 * far if far < 1e300 else 1e308], [0.25]])
        assert least_gap(C[:3]) == min(far, FAR)
        assert least_gap(C[[0, 1, 4]]) == 0.25
    # Clipped, several of them are one: no room at all.
    assert least_gap(np.array([[0.0], [1e200], [2e200]])) == 0.0


@pytest.mark.parametrize("far", [1e10, 1e25, 1e100])
def test_a_centroid_far_beyond_the_data_disturbs_no_label(far):
    X = generators.blobs(500, 3, 4, seed=0)
    memory = InMemory(X)
    for near, sign in ((1, 1), (2, -1)):
        C = np.vstack([X[:near], np.full((1, 3), sign * far)])
        centroids = GridCentroids.of(C, memory.space)
        move_bound = MoveBound(wanted(centroids.metric))
        labels, _ = classify(on_grid(X, memory.space), centroids, move_bound)
        assert (labels == plain_labels(X, C[:-1])).all()


def test_the_longest_move():
    assert longest_move(np.zeros((2, 2)), np.array([[1.0, 0.0], [3.0, 4.0]])) == 5.0


# what a scan learns

def line(points: list) -> InMemory:
    """Points on a line about the centroids 0 and 16, of which the ends make the profile."""
    return InMemory(np.array([[-16.0], *([x] for x in points), [32.0]]))


@pytest.mark.parametrize("points, holds", [
    ([6.9], True), ([7.1], False), ([8.9], False), ([9.1], True), ([6.9, 9.1], True),
    ([8.0], False)])
def test_a_point_too_near_to_the_middle_ends_it(points, holds):
    """The middle is 8, and both centroids may move by 1."""
    memory = line(points)
    moved = memory.move_bound(np.array([[0.0], [16.0]])) * memory.space.unit
    assert moved == (pytest.approx(1.0) if holds else 0.0)


def test_once_it_ended_no_other_point_is_asked():
    memory = line([8.0])
    centroids = GridCentroids.of(np.array([[0.0], [16.0]]), memory.space)
    move_bound = MoveBound(wanted(centroids.metric))
    for X in (np.array([[8.0]]), np.array([[1.0]])):
        classify(on_grid(X, memory.space), centroids, move_bound)
        assert move_bound.radius == 0.0


@pytest.mark.parametrize("asked", [False, True])
def test_labels_and_distances_are_the_same_whether_asked_or_not(asked):
    X = generators.integer_grid(4000, 3, seed=0)
    memory = InMemory(X.astype(float))
    centroids = GridCentroids.of(X[:40:5] + 0.5, memory.space)
    points = on_grid(memory.X, memory.space)
    move_bound = MoveBound(wanted(centroids.metric)) if asked else None
    labels, distances = classify(points, centroids, move_bound)
    assert (labels == plain_labels(memory.X, X[:40:5] + 0.5)).all()
    assert distances == pytest.approx(((memory.X - (X[:40:5] + 0.5)[labels]) ** 2).sum(axis=1)
                                      / memory.space.unit ** 2, rel=1e-4)


def test_sparse_points_have_none():
    X = generators.blobs(300, 3, 4, seed=0, separation=40)
    centroids = generators.centres(3, 4, seed=0, separation=40)
    assert InMemory(X).move_bound(centroids) > 0
    assert InMemory(csr_matrix(X)).move_bound(centroids) == 0.0


CASES = [(d, k, separation, metric, standardize)
         for d, k, separation in ((1, 3, 14), (2, 3, 10), (4, 12, 12), (16, 8, 9), (64, 30, 12))
         for metric, standardize in (("euclidean", False), ("euclidean", True), ("cosine", False))
         if d > 1 or metric != "cosine"]


@pytest.mark.parametrize("d, k, separation, metric, standardize", CASES)
def test_any_move_within_it_changes_no_label(d, k, separation, metric, standardize):
    """The worst moves: every centroid towards another or away from it, by all that it may."""
    middles = generators.centres(d, k, 0, separation)
    X = middles[np.arange(2000) % k] + 0.3 * np.random.default_rng(1).normal(size=(2000, d))
    memory = InMemory(X, metric=metric, standardize=standardize)
    centroids = GridCentroids.of(middles, memory.space)
    points = on_grid(X, memory.space)
    move_bound = MoveBound(wanted(centroids.metric))
    labels, _ = classify(points, centroids, move_bound)
    assert move_bound.radius > 0
    rng = np.random.default_rng(2)
    for _ in range(20):
        ways = centroids.metric[rng.permutation(k)] - centroids.metric
        lengths = np.sqrt((ways ** 2).sum(axis=1, keepdims=True))
        ways *= rng.choice([-1.0, 1.0], size=(k, 1)) / np.where(lengths > 0, lengths, 1.0)
        moved = centroids.metric + move_bound.radius * ways
        after = ((points.steps.T[:, None] * memory.space.scale - moved) ** 2).sum(axis=2)
        assert (after.argmin(axis=1) == labels).all()


@pytest.mark.parametrize("gap", [1.0, 0.1, 0.01, 1e-3, 1e-4])
@pytest.mark.parametrize("d", [1, 16, 100])
def test_close_centroids_far_from_the_middle_of_the_data(gap, d):
    """Where float32 sees a point as near as that to both, it must not promise room."""
    held = []
    for room in (0.5, 0.9, 0.999, 1.0, 1.001, 1.1, 2.0, 7.9):
        # A pair in a corner of the data; the point has `room` times the room that it needs.
        pair = np.full((2, d), 0.9)
        pair[1, 0] += gap
        X = np.vstack([np.full(d, -1.0), np.full(d, 1.0), pair[0]])
        X[2, 0] += gap / 2 - room * gap / 16
        memory = InMemory(X)
        centroids = GridCentroids.of(pair, memory.space)
        move_bound = MoveBound(wanted(centroids.metric))
        labels, _ = classify(on_grid(X[2:], memory.space), centroids, move_bound)
        assert labels.tolist() == [0]
        if move_bound.radius:
            away, nearer = pair.copy(), move_bound.radius * memory.space.unit
            away[0, 0] -= nearer
            away[1, 0] -= nearer
            moved = GridCentroids.of(away, memory.space)
            assert classify(on_grid(X[2:], memory.space), moved)[0].tolist() == [0]
            held.append(room)
    assert min(held, default=1.0) >= 1.0 and (gap < 1 or 2.0 in held)


# what the driver makes of it

@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("metric, standardize", [
    ("euclidean", False), ("euclidean", True), ("cosine", False)])
def test_what_the_next_scan_would_say_is_what_it_says(metric, standardize, weighted):
    """To the last bit; and it moves nothing."""
    X = generators.blobs(5000, 6, 8, seed=0, separation=25)
    weights = np.random.default_rng(0).integers(0, 4, 5000) / 8 if weighted else None
    memory = InMemory(X, weights, metric, standardize)
    start = generators.centres(6, 8, 0, 25) + 0.1
    result = memory.measure(start, told=True)
    assert result.next is not None and result.next.next is None
    scanned = memory.measure(result.centroids)
    for name in ("centroids", "weights", "counts", "costs"):
        assert (getattr(result.next, name) == getattr(scanned, name)).all()
    assert result.next.empty == scanned.empty == []
    assert (scanned.centroids == result.centroids).all() and result.next.cost < result.cost


def test_a_longer_move_needs_a_scan():
    X = generators.blobs(5000, 6, 8, seed=0, separation=25)
    memory = InMemory(X)
    middles = generators.centres(6, 8, 0, 25)
    assert memory.measure(middles + 0.1, told=True).next is not None
    assert memory.measure(middles + 2.0, told=True).next is None
    assert memory.measure(middles + 0.1).next is None


def test_an_empty_cluster_needs_a_scan():
    X = generators.blobs(5000, 6, 8, seed=0, separation=25)
    middles = np.vstack([generators.centres(6, 8, 0, 25), np.full(6, 300.0)])
    memory = InMemory(X)
    assert memory.move_bound(middles) > 0
    result = memory.measure(middles, told=True)
    assert result.empty == [8] and result.next is None


def test_one_cluster_never_needs_a_second_scan():
    X = generators.blobs(100, 2, 3, seed=0)
    result = InMemory(X).measure(X[:1], told=True)
    assert result.next is not None
    assert result.next.cost == pytest.approx(((X - X.mean(axis=0)) ** 2).sum())
