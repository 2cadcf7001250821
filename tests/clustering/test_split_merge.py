"""Swaps on a sample: better optima, and never a worse one."""

from __future__ import annotations

import generators
import numpy as np
import pytest
from howdah.clustering.split_merge import (
    Moves,
    best_split,
    improved,
    lloyd,
    losses_of,
    nearest_other,
)
from oracle import plain_distances

RNG = np.random.default_rng


def cost(X, w, C) -> float:
    return float(w @ plain_distances(X, C).min(axis=1))


def trapped(n: int = 3000):
    """Six blobs: two share a centroid, and one blob has two."""
    middles = np.array([[0, 0], [20, 0], [40, 0], [60, 0], [80, 0], [84, 7.0]])
    labels = np.arange(n) % 6
    X = middles[labels] + RNG(0).normal(size=(n, 2))
    return X, np.vstack([middles[:4], [82, 3.5], [0.5, 0.5]])


@pytest.mark.parametrize("weighted", [False, True])
def test_a_trap_that_rounds_cannot_leave(weighted):
    X, start = trapped()
    w = RNG(1).uniform(0.5, 2, size=len(X)) if weighted else np.ones(len(X))
    stuck = lloyd(X, w, start)
    assert stuck.inertia_ > 2 * 2 * w.sum()
    free = improved(X, w, stuck, seed=0)
    assert free.inertia_ < 1.1 * 2 * w.sum()
    assert free.inertia_ == pytest.approx(cost(X, w, free.cluster_centers_), rel=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_never_worse_and_the_same_for_the_same_seed(seed):
    X, w = generators.heavy(2000, 5, 20, seed=seed), np.ones(2000)
    fitted = lloyd(X, w, 20, 1, seed)
    better = improved(X, w, fitted, seed)
    assert better.inertia_ <= fitted.inertia_
    assert (improved(X, w, fitted, seed).cluster_centers_ == better.cluster_centers_).all()


def test_a_loss_is_what_the_cost_rises_by_without_a_centroid():
    X, w = generators.blobs(800, 3, 6, seed=0), RNG(0).uniform(0.5, 2, size=800)
    C = X[:6]
    labels, losses = losses_of(X, w, C)
    assert (labels == plain_distances(X, C).argmin(axis=1)).all()
    want = [cost(X, w, np.delete(C, j, axis=0)) - cost(X, w, C) for j in range(6)]
    assert losses == pytest.approx(want, rel=1e-9)


def test_a_gain_is_what_a_split_lowers_the_cost_by():
    X, w = np.array([[0.0], [1.0], [10.0], [11.0]]), np.array([1.0, 1.0, 2.0, 2.0])
    gain, halves = best_split(X, w, RNG(0))
    mean = np.array([[w @ X[:, 0] / w.sum()]])
    assert np.sort(halves.ravel()) == pytest.approx([0.5, 10.5])
    assert gain == pytest.approx(cost(X, w, mean) - cost(X, w, halves))


@pytest.mark.parametrize("X", [np.ones((1, 2)), np.ones((9, 2))])
def test_what_cannot_be_split_gains_nothing(X):
    assert best_split(X, np.ones(len(X)), RNG(0))[0] == 0.0


def test_no_cluster_takes_part_in_two_swaps():
    X, start = trapped()
    moves = Moves.of(X, np.ones(len(X)), start, RNG(0))
    assert moves.swapped(0)[1] == 0
    moved, made = moves.swapped(3)
    assert made >= 1 and (moved != start).any(axis=1).sum() == 2 * made


def test_one_cluster_and_two_have_nothing_to_swap():
    X, w = generators.blobs(100, 2, 3, seed=0), np.ones(100)
    for k in (1, 2):
        fitted = lloyd(X, w, k, 1, 0)
        assert improved(X, w, fitted, 0).inertia_ <= fitted.inertia_


def test_the_nearest_other_centroid():
    assert nearest_other(np.array([[0.0], [1.0], [5.0]])).tolist() == [1, 0, 1]
