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


# Numbers near the ends of float64

def answered(distances: list) -> Answers:
    """One query with neighbours 0, 1, 2, ... at these distances."""
    return Answers(np.array([0, len(distances)]), np.arange(len(distances)), np.array(distances))


@pytest.mark.parametrize("unit", [1e-310, 1e-320, 1e-300, 1.0, 1e149])
def test_shares_by_distance_have_no_unit(unit):
    answers = answered([unit * 1, unit * 2, unit * 3])
    shares = class_shares(answers, np.array([2, 1, 0]), "distance")[2]
    assert shares == pytest.approx([2 / 11, 3 / 11, 6 / 11], rel=1e-3 if unit == 1e-320 else 1e-11)


def test_distances_beyond_each_other_s_reach():
    answers = answered([5e-324, 1e-310, 1e150])
    assert class_shares(answers, np.arange(3), "distance")[2] == pytest.approx([1.0, 5e-14],
                                                                               rel=2e-1)
    assert class_shares(answered([0.0, 5e-324]), np.arange(2), "distance")[2].tolist() == [1.0]


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("targets, mean", [
    ([1e308, 1.5e308], 1.25e308), ([1.7e308] * 2, 1.7e308), ([-1.7e308, 1.7e308], 0.0),
    ([2e-308, 4e-308], 3e-308), ([5e-324, 5e-324], 5e-324), ([1.0, 2.0], 1.5)])
def test_means_of_any_targets(weights, targets, mean):
    answers = Answers(np.array([0, 2, 2]), np.array([0, 1]), np.array([3.0, 3.0]))
    found = means(answers, np.array(targets), weights)
    assert found[0] == pytest.approx(mean, rel=1e-15) and np.isnan(found[1])


def test_words_for_no_number_are_words():
    assert encoded_labels(["nan", "1", "2", "-inf", "1e999"])[1].tolist() == [
        b"-inf", b"1", b"1e999", b"2", b"nan"]
    assert encoded_labels(["10", "9", "1e1"])[1].tolist() == [b"9", b"10", b"1e1"]
