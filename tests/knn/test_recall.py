"""Recall by hand, its interval by simulation, and the sample's fairness."""

from __future__ import annotations

import numpy as np
import pytest
from howdah.knn.neighbors import Answers
from howdah.knn.recall import COUNTERS, PARTS, Recall, Sample, hits


def interval(found, true) -> tuple:
    found = np.asarray(found)
    return Recall.of(found, np.full(len(found), true)).interval()


def answers_of(*lists) -> Answers:
    rows = np.array([i for i, far in enumerate(lists) for _ in far], dtype=np.int64)
    far = np.array([d for distances in lists for d in distances], dtype=float)
    return Answers.of_pairs(len(lists), rows, np.arange(len(far)), far)


def test_hits_count_ties_by_distance():
    exact = answers_of([1, 2, 2], [1, 2, 3], [1], [])
    found = answers_of([1, 2, 2], [1, 3, 4], [], [7])
    assert [part.tolist() for part in hits(found, exact)] == [[3, 2, 0, 0], [3, 3, 1, 0]]


def test_perfect_recall_still_has_an_interval():
    mean, low, high = interval(np.ones(200, dtype=int), 1)
    assert mean == high == 1 and 0.975 < low < 0.985


def test_the_interval_holds_the_truth_in_about_95_of_100_samples():
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(400):
        difficulty = rng.beta(8, 2, size=200)  # queries differ: mean 0.8
        _, low, high = interval(rng.binomial(10, difficulty), 10)
        inside += low <= 0.8 <= high
    assert 0.92 <= inside / 400 <= 0.985


def test_no_recall_at_all():
    mean, low, high = interval(np.zeros(50, dtype=int), 1)
    assert mean == low == 0 and 0 < high < 0.1


def test_one_query():
    mean, low, high = interval([5], 10)
    assert mean == 0.5 and low < 0.2 and high > 0.8


def test_the_sample_is_uniform_over_the_stream():
    counts = np.zeros(100)
    for seed in range(2000):
        sample = Sample(10, seed)
        for start in range(0, 100, 7):
            sample.offer(min(7, 100 - start), lambda i, start=start: start + i)
        assert len(set(sample.kept)) == 10
        counts[sample.kept] += 1
    assert counts.min() > 150 and counts.max() < 250  # 200 expected, standard deviation 13.4


def test_fewer_queries_than_the_sample():
    sample = Sample(10)
    sample.offer(3, lambda i: i)
    assert sample.kept == [0, 1, 2]


def test_the_sentence():
    text = Recall.of(np.array([10, 9, 10, 8]), np.full(4, 10)).sentence(10)
    assert text.startswith("recall@10 0.9250, 95 % confidence interval 0.")
    assert text.endswith("from 4 queries")


def plain_interval(recalls: np.ndarray) -> tuple:
    """Wilson's interval straight from every query's recall."""
    m, mean = len(recalls), recalls.mean()
    variance = recalls.var(ddof=1) / m
    trials = mean * (1 - mean) / variance
    z = 1.959963984540054
    spread = z * z / trials
    half = z * np.sqrt(mean * (1 - mean) / trials + spread / 4 / trials)
    middle = mean + spread / 2
    return mean, (middle - half) / (1 + spread), (middle + half) / (1 + spread)


@pytest.mark.parametrize("n", [1, 3, 7, 10, 16, 50, 100])
def test_sums_of_integers_say_what_every_recall_says(n):
    rng = np.random.default_rng(n)
    for size in (40, 1000):
        found = rng.binomial(n, rng.beta(8, 2, size=size))
        np.testing.assert_allclose(interval(found, n), plain_interval(found / n), rtol=1e-12)


def test_another_number_of_neighbours_is_right_to_six_digits():
    found = np.arange(1000) % 37 + 10
    np.testing.assert_allclose(interval(found, 47), plain_interval(found / 47), atol=3e-7)


def test_queries_that_all_miss_alike_count_as_trials():
    """Rounded shares of 47 must not look like a tiny variance."""
    _, low, high = interval([40] * 100, 47)
    assert high - low > 0.1


def test_counters_of_tasks_add_up():
    found, true = np.array([3, 2, 0, 5, 0]), np.array([3, 3, 1, 5, 0])
    whole = Recall.of(found, true)
    assert whole == Recall(4, PARTS // 3 + PARTS, (PARTS // 3) ** 2 + PARTS ** 2)
    summed = dict.fromkeys(COUNTERS, 0)
    for part in (slice(0, 2), slice(2, 5)):
        for name, count in Recall.of(found[part], true[part]).counts():
            assert type(count) is int
            summed[name] += count
    assert Recall.of_counts(summed) == whole and Recall.of_counts({}) == Recall()
