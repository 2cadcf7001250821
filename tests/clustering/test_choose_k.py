"""Which of several numbers of clusters to take: the table's numbers and the rule."""

from __future__ import annotations

import numpy as np
import pytest
from howdah.clustering.choose_k import Choice, best, simplified_silhouette
from scripts import IRIS, centroids_of, succeed
from scipy.spatial.distance import cdist
from sklearn.datasets import load_iris


def test_the_silhouette_of_three_points_by_hand():
    """(10 - 0) / 10, (9 - 1) / 9 and (10 - 0) / 10, the middle one three times."""
    rows, centroids = np.array([[0.0], [1.0], [10.0]]), np.array([[0.0], [10.0]])
    silhouette = simplified_silhouette(rows, np.array([1.0, 3.0, 1.0]), centroids)
    assert silhouette == pytest.approx((1 + 3 * 8 / 9 + 1) / 5, rel=1e-14)


def test_a_silhouette_of_one_cluster_of_no_rows_and_of_equal_centroids_is_0():
    rows, weights = np.array([[1.0], [2.0]]), np.ones(2)
    assert simplified_silhouette(rows, weights, np.array([[1.5]])) == 0
    assert simplified_silhouette(rows[:0], weights[:0], rows) == 0
    assert simplified_silhouette(rows, weights, np.array([[3.0], [3.0]])) == 0


def choice(k: int, silhouette: float) -> Choice:
    return Choice(k, 1.0, 1, 1, 1, silhouette)


def test_the_rule_is_the_largest_silhouette_and_of_equals_the_smallest_k():
    choices = [choice(2, 0.4), choice(3, 0.7), choice(5, 0.7), choice(9, 0.1)]
    assert best(choices).k == best(choices[::-1]).k == 3


def test_the_table_says_what_the_labels_and_the_centroids_say(tmp_path):
    """Cost, sizes and silhouette from scipy's distances of all rows, which are the sample here."""
    X, before = load_iris().data, None
    ran = succeed("driver", IRIS, "-k", "2,3,5", "--ignore-columns", "label", "--output-dir",
                  tmp_path / "out")
    lines = ran.err.splitlines()
    header = next(i for i, line in enumerate(lines) if line.split()[:2] == ["k", "cost"])
    for k, line in zip((2, 3, 5), lines[header + 1:header + 4]):
        folder = tmp_path / "out" / ("k-%d" % k)
        centroids = centroids_of(folder)
        distances = cdist(X, centroids)
        a, b = np.sort(distances)[:, :2].T
        sizes = np.bincount(distances.argmin(axis=1))
        cost = float(np.sum(a ** 2))
        rounds = len((folder / "rounds.jsonl").read_text().splitlines())
        fell = [] if before is None else ["%.1f" % (100 * (before - cost) / before), "%"]
        assert line.split() == [str(k), "%.8g" % cost, str(rounds), str(sizes.min()),
                                str(sizes.max()), "%.4f" % np.mean((b - a) / b), *fell]
        before = cost
