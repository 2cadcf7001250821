"""Votes and means against KNeighborsClassifier and KNeighborsRegressor."""

from __future__ import annotations

import numpy as np
import pytest
from howdah.knn.brute import Brute
from howdah.knn.neighbors import Answers, Neighbors
from howdah.knn.votes import WEIGHTS, class_shares, encoded_labels, means, winners
from sklearn.datasets import load_digits, load_iris
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor


def held_out(load) -> tuple:
    """(X, y, Q): rows to learn from, and queries without a tie at the tenth place."""
    X, y = load(return_X_y=True)
    Q = X[::3] + 1e-3 * np.random.default_rng(0).normal(size=X[::3].shape)
    return np.delete(X, np.s_[::3], axis=0), np.delete(y, np.s_[::3]), Q


def shares_matrix(answers, codes, weights, classes: int) -> np.ndarray:
    matrix = np.zeros((len(answers), classes))
    rows, found, shares = class_shares(answers, codes, weights)
    matrix[rows, found] = shares
    return matrix


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("load", [load_iris, load_digits])
def test_agrees_with_scikit_learn(load, weights):
    X, y, Q = held_out(load)
    answers = Neighbors(X, "euclidean", Brute(X, "euclidean")).query(Q, 10)
    codes, classes = encoded_labels([str(label) for label in y])
    theirs = KNeighborsClassifier(10, weights=weights, algorithm="kd_tree").fit(X, y)
    shares = shares_matrix(answers, codes, weights, len(classes))
    np.testing.assert_allclose(shares, theirs.predict_proba(Q), rtol=1e-12)
    best = winners(len(Q), *class_shares(answers, codes, weights))
    clear = np.diff(np.sort(shares, axis=1)[:, -2:], axis=1).ravel() > 1e-9
    assert clear.mean() > 0.95
    np.testing.assert_array_equal(classes[best][clear].astype(int), theirs.predict(Q)[clear])
    theirs = KNeighborsRegressor(10, weights=weights, algorithm="kd_tree").fit(X, y)
    np.testing.assert_allclose(means(answers, y.astype(float), weights), theirs.predict(Q),
                               rtol=1e-12)


def answers_of(*lists) -> Answers:
    """Answers from a list of (position, distance) for every query."""
    rows = np.array([i for i, pairs in enumerate(lists) for _ in pairs], dtype=np.int64)
    pairs = [pair for pairs in lists for pair in pairs]
    return Answers.of_pairs(len(lists), rows, np.array([p for p, _ in pairs], dtype=np.int64),
                            np.array([d for _, d in pairs], dtype=float))


def test_a_neighbour_at_distance_0_outvotes_the_others():
    answers = answers_of([(0, 0.0), (1, 1.0), (2, 1.0)])
    codes = np.array([0, 1, 1])
    assert shares_matrix(answers, codes, "distance", 2).tolist() == [[1, 0]]
    assert shares_matrix(answers, codes, "uniform", 2)[0].tolist() == [1 / 3, 2 / 3]
    assert means(answers, np.array([5.0, 1.0, 1.0]), "distance").tolist() == [5.0]


def test_equal_shares_go_to_the_lowest_class():
    answers = answers_of([(1, 1.0), (0, 2.0)], [(0, 1.0), (1, 2.0)])
    voted = class_shares(answers, np.array([3, 2]), "uniform")
    assert winners(2, *voted).tolist() == [2, 2]


def test_a_query_without_neighbours_has_no_label():
    answers = answers_of([], [(0, 1.0)], [])
    voted = class_shares(answers, np.array([1]), "distance")
    assert winners(3, *voted).tolist() == [-1, 1, -1]
    assert np.isnan(means(answers, np.array([4.0]), "uniform")).tolist() == [True, False, True]


def test_no_neighbours_at_all():
    answers = answers_of([], [])
    assert winners(2, *class_shares(answers, np.array([1]), "distance")).tolist() == [-1, -1]
    assert np.isnan(means(answers, np.array([4.0]), "distance")).all()


def test_classes_are_ordered_as_numbers_where_they_are_numbers():
    assert encoded_labels(["10", "9", "10"])[1].tolist() == [b"9", b"10"]
    assert encoded_labels(["10", "9", "x"])[1].tolist() == [b"10", b"9", b"x"]
    codes, classes = encoded_labels(["b", "\u00e9", "a"])
    assert classes[codes].tolist() == ["b".encode(), "\u00e9".encode(), b"a"]
