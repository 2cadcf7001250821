"""Labels and numbers from neighbours, as KNeighborsClassifier and KNeighborsRegressor give them."""

from __future__ import annotations

import numpy as np

from howdah.knn.names import Names
from howdah.knn.neighbors import Answers

WEIGHTS = ("uniform", "distance")
LARGEST = float(np.finfo(np.float64).max)


def neighbour_weights(answers: Answers, weighting: str) -> np.ndarray:
    """Weight (K,) of every neighbour: 1, or 1/distance.

    Where a query has neighbours at distance 0, those weigh 1 and its others 0. The others count in
    units of a power of two near the least, for 1/1e-310 is infinite; that changes no share's bits.
    """
    distances = answers.distances
    if weighting == "uniform":
        return np.ones(len(distances))
    zero = distances == 0
    has_zero = np.bincount(answers.rows, zero, minlength=len(answers)) > 0
    with np.errstate(over="ignore"):
        units = np.ldexp(distances, -_least_exponents(answers, ~zero)[answers.rows])
    inverse = np.divide(1.0, units, out=np.zeros(len(distances)), where=~zero)
    return np.where(has_zero[answers.rows], zero, inverse)


def _least_exponents(answers: Answers, above_zero: np.ndarray) -> np.ndarray:
    """The power of two (m,) of each query's least distance above 0; 0 where there is none."""
    exponents = np.zeros(len(answers), dtype=np.int64)
    some = np.flatnonzero(above_zero)
    rows = answers.rows[some]
    first = np.diff(rows, prepend=-1) > 0  # nearest first
    exponents[rows[first]] = np.frexp(answers.distances[some[first]])[1]
    return exponents


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
    """Weighted mean (m,) of the neighbours' targets; NaN without neighbours.

    Targets are added in units of a power of two near the query's largest: no sum overflows.
    """
    weights = neighbour_weights(answers, weighting)
    rows, m = answers.rows, len(answers)
    values = targets[answers.positions]
    exponents = np.zeros(m, dtype=np.int64)
    some = np.flatnonzero(np.diff(answers.starts))
    exponents[some] = np.maximum.reduceat(np.frexp(values)[1], answers.starts[some]) if len(
        some) else 0
    sums = np.bincount(rows, weights * np.ldexp(values, -exponents[rows]), minlength=m)
    totals = np.bincount(rows, weights, minlength=m)
    found = np.divide(sums, totals, out=np.full(m, np.nan), where=totals > 0)
    with np.errstate(over="ignore"):
        return np.clip(np.ldexp(found, exponents), -LARGEST, LARGEST)


def encoded_labels(labels: list) -> tuple:
    """(codes, classes) of labels (str): classes in the order of numbers, if all are numbers.

    `nan` and `inf` are no numbers here, but words: they have no place in that order.
    """
    classes = sorted(set(labels), key=_class_order(set(labels)))
    code = {label: i for i, label in enumerate(classes)}
    return (np.array([code[label] for label in labels], dtype=np.int32),
            Names.of([label.encode("utf-8") for label in classes]))


def _class_order(labels: set):
    try:
        numbers = {label: float(label) for label in labels}
    except ValueError:
        return lambda label: label
    if not np.isfinite(list(numbers.values())).all():
        return lambda label: label
    return lambda label: (numbers[label], label)
