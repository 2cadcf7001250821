"""Labels and numbers from neighbours, as KNeighborsClassifier and KNeighborsRegressor give them."""

from __future__ import annotations

import numpy as np

from howdah.knn.neighbors import Answers

WEIGHTS = ("uniform", "distance")


def neighbour_weights(answers: Answers, weighting: str) -> np.ndarray:
    """Weight (K,) of every neighbour: 1, or 1/distance.

    Where a query has neighbours at distance 0, those weigh 1 and its others 0.
    """
    distances = answers.distances
    if weighting == "uniform":
        return np.ones(len(distances))
    zero = distances == 0
    has_zero = np.bincount(answers.rows, zero, minlength=len(answers)) > 0
    inverse = np.divide(1.0, distances, out=np.zeros(len(distances)), where=~zero)
    return np.where(has_zero[answers.rows], zero, inverse)


def class_shares(answers: Answers, codes: np.ndarray, weighting: str) -> tuple:
    """(rows, codes, shares), sorted: the share of every class among a query's neighbours.

    Classes without a share are left out. Shares of a query add up to 1.
    """
    weights = neighbour_weights(answers, weighting)
    span = int(codes.max(initial=0)) + 1
    keys, inverse = np.unique(answers.rows * span + codes[answers.positions], return_inverse=True)
    sums = np.bincount(inverse.ravel(), weights, minlength=len(keys))
    rows, found = np.divmod(keys, span)
    totals = np.bincount(rows, sums, minlength=len(answers))
    kept = sums > 0
    return rows[kept], found[kept], sums[kept] / totals[rows[kept]]


def winners(m: int, rows: np.ndarray, codes: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """The class (m,) of the largest share, the lowest of equals; -1 without neighbours."""
    order = np.lexsort((codes, -shares, rows))
    first, where = np.unique(rows[order], return_index=True)
    best = np.full(m, -1, dtype=np.int64)
    best[first] = codes[order][where]
    return best


def means(answers: Answers, targets: np.ndarray, weighting: str) -> np.ndarray:
    """Weighted mean (m,) of the neighbours' targets; NaN without neighbours."""
    weights = neighbour_weights(answers, weighting)
    rows, m = answers.rows, len(answers)
    sums = np.bincount(rows, weights * targets[answers.positions], minlength=m)
    totals = np.bincount(rows, weights, minlength=m)
    return np.divide(sums, totals, out=np.full(m, np.nan), where=totals > 0)


def encoded_labels(labels: list) -> tuple:
    """(codes, classes) of labels (str): classes in the order of numbers, if all are numbers."""
    classes = sorted(set(labels), key=_class_order(set(labels)))
    code = {label: i for i, label in enumerate(classes)}
    return (np.array([code[label] for label in labels], dtype=np.int32),
            np.array([label.encode("utf-8") for label in classes]))


def _class_order(labels: set):
    try:
        numbers = {label: float(label) for label in labels}
    except ValueError:
        return lambda label: label
    return lambda label: (numbers[label], label)
