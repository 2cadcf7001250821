"""Recall by hand, its interval by simulation, and the sample's fairness."""

from __future__ import annotations

import numpy as np
from howdah.knn.neighbors import Answers
from howdah.knn.recall import Sample, hits, interval, sentence


def answers_of(*lists) -> Answers:
    rows = np.array([i for i, far in enumerate(lists) for _ in far], dtype=np.int64)
    far = np.array([d for distances in lists for d in distances], dtype=float)
    return Answers.of_pairs(len(lists), rows, np.arange(len(far)), far)


def test_hits_count_ties_by_distance():
    exact = answers_of([1, 2, 2], [1, 2, 3], [1], [])
    found = answers_of([1, 2, 2], [1, 3, 4], [], [7])
    assert [part.tolist() for part in hits(found, exact)] == [[3, 2, 0, 0], [3, 3, 1, 0]]


def test_perfect_recall_still_has_an_interval():
    mean, low, high = interval(np.ones(200))
    assert mean == high == 1 and 0.975 < low < 0.985


def test_the_interval_holds_the_truth_in_about_95_of_100_samples():
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(400):
        difficulty = rng.beta(8, 2, size=200)  # queries differ: mean 0.8
        _, low, high = interval(rng.binomial(10, difficulty) / 10)
        inside += low <= 0.8 <= high
    assert 0.92 <= inside / 400 <= 0.985


def test_no_recall_at_all():
    mean, low, high = interval(np.zeros(50))
    assert mean == low == 0 and 0 < high < 0.1


def test_one_query():
    mean, low, high = interval(np.array([0.5]))
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
    text = sentence(10, np.array([1.0, 0.9, 1.0, 0.8]))
    assert text.startswith("recall@10 0.9250, 95 % confidence interval 0.")
    assert text.endswith("from 4 queries")
