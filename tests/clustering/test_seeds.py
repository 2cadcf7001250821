"""From the sample to seeds."""

from __future__ import annotations

import generators
import numpy as np
import pytest
from howdah.clustering.seeds import MOST_STARTS, comparable, random_rows, starts_of_sample, solve
from oracle import InMemory, plain_distances, profile_of

RNG = np.random.default_rng


def test_seeds_of_separated_blobs_are_their_centres():
    X = generators.blobs(5000, 4, 8, seed=0, separation=12.0)
    [start] = InMemory(X).seeds(8)
    distances = np.sqrt(plain_distances(generators.centres(4, 8, seed=0, separation=12.0), start))
    assert distances.min(axis=1).max() < 0.3


def test_standardized_seeds_come_back_in_raw_units():
    X = generators.blobs(3000, 3, 5, seed=0, separation=10.0) * [1.0, 1e4, 1e-4] + [0, 1e6, 0]
    for seed in range(3):
        [start] = InMemory(X, standardize=True).seeds(5, seed=seed)
        memory = InMemory(X, standardize=True)
        assert memory.measure(start).cost < 1.05 * memory.run(start, tol=0).measured.cost


def test_cosine_seeds_have_unit_length():
    X = RNG(0).poisson(1.0, size=(500, 10)) + 0.1
    starts = InMemory(X, metric="cosine").seeds(4, size=100)
    assert len(starts) > 1
    for start in starts:
        assert (start ** 2).sum(axis=1) == pytest.approx(1.0)


@pytest.mark.parametrize("n, size, k, count", [
    (400, 400, 5, 1),       # the sample is all rows: nothing to choose by
    (400, 40, 4, MOST_STARTS), (900, 800, 5, 1), (900, 800, 6, 2), (50, 40, 1, 4)])
def test_the_smaller_the_sample_the_more_rivals(n, size, k, count):
    X = generators.blobs(n, 2, 3, seed=0)
    rows, weights = X[:size], np.full(size, n / size)
    starts = starts_of_sample(rows, weights, k, 0, profile_of(X), "euclidean", False)
    assert len(starts) == count
    assert all(start.shape == (k, 2) for start in starts)
    again = starts_of_sample(rows, weights, k, 0, profile_of(X), "euclidean", False)
    assert all((a == b).all() for a, b in zip(starts, again))
    assert (starts[0] == solve(rows, weights, k, 0, profile_of(X), "euclidean", False)).all()


def test_comparable_rows_of_zeros_stay_zeros():
    X = np.array([[0.0, 0.0], [3.0, 4.0]])
    assert comparable(X, profile_of(X), "cosine", False).tolist() == [[0.0, 0.0], [0.6, 0.8]]


def test_random_rows_are_distinct_rows_drawn_by_weight():
    rows = np.repeat([[0.0], [1.0], [2.0], [3.0]], [70, 10, 10, 10], axis=0)
    weights = np.where(rows[:, 0] == 3.0, 1e-9, 1.0)
    for seed in range(20):
        chosen = random_rows(rows, weights, 3, seed)
        assert sorted(chosen.ravel().tolist()) == [0.0, 1.0, 2.0]
    first = [random_rows(rows, weights, 1, seed)[0, 0] for seed in range(300)]
    assert np.mean(np.array(first) == 0.0) == pytest.approx(70 / 90, abs=0.08)
