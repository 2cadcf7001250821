"""Exact sums per cluster: the record between classify and recentre."""

from __future__ import annotations

from typing import Any, Iterable, Optional, Sequence

import numpy as np

from howdah.errors import OutOfRange
from howdah.kmeans.farthest import Farthest
from howdah.kmeans.grid import GRID_BITS, LIMIT, Space
from howdah.kmeans.points import GridPoints
from howdah.sparse import csr_rows

LOW_BITS = 26
LOW_MASK = (1 << LOW_BITS) - 1
# Low limbs hold this many batches' sums, each below 2**53, before they must be carried.
BATCHES_UNTIL_CARRIED = 512
# Weights of one class are within 2**CLASS_BITS of each other, the first from the heaviest down.
CLASS_BITS = 20
#: How much heavier than the lightest the heaviest weight may be. So there are at most five classes.
LARGEST_RATIO = 1e24
LAST_CLASS = 4


class Sums:
    """Sums of weight, squared length and coordinates of the points of each of k clusters.

    Every sum is an integer `whole * 2**40 + part` of its own unit (columns: weight, square, then
    the d coordinates), held in int64 limbs `(limb, k, 2 + d)`: whole low, whole high, part low,
    part high. Integers add without rounding, so merging is exact in any order. Good for 2**37
    batches.

    Light weights have four limbs of their own behind these, of units 2**20 times as fine, and
    lighter ones four more: so all sums keep at least 60 bits of each row.
    """

    def __init__(self, k: int, space: Space):
        d = space.width
        self.space = space
        self.k = k
        self.limbs = np.zeros((4, k, d + 2), dtype=np.int64)
        self._batches = 0
        self.counts = np.zeros(k, dtype=np.int64)
        self.farthest = Farthest(k, space)
        self._square_bits = GRID_BITS - max(int(np.ceil(np.log2(max(d, 1)))), 0)

    # adding points

    def add(self, labels: np.ndarray, points: GridPoints,
            weights: Optional[np.ndarray] = None) -> None:
        """Add a batch of at most 8,192 points with their labels (n,) and sample weights (n,)."""
        self._batches += 1
        if self._batches % BATCHES_UNTIL_CARRIED == 0:
            carried(self.limbs)
        if weights is None:
            self._add_alike(labels, points)
            return
        w = np.ldexp(weights, -self.space.weight_exponent)
        if not (w[w < 2.0 ** -CLASS_BITS] > 0).any():
            self._add_weighted(0, labels, points, w)
            return
        classes = -np.frexp(w)[1] // CLASS_BITS
        if classes.max() >= LAST_CLASS:
            refuse_ratio(weights[weights > 0].min(), self.space.heaviest)
        for number in np.unique(classes).tolist():
            rows = np.flatnonzero(classes == number)
            self._add_weighted(number, labels[rows], points.at(rows),
                               np.ldexp(w[rows], CLASS_BITS * number))

    def _add_alike(self, labels: np.ndarray, points: GridPoints) -> None:
        """Add points that have no weights."""
        by_label = _ByLabel(labels, self.k)
        self.counts[by_label.rows] += by_label.counts
        dense_columns: Any = () if points.sparse else points.steps
        whole, part = by_label.sums_of_parts(points.norms * 2.0 ** self._square_bits)
        self._add_columns(0, by_label, [by_label.counts, whole,
                                        *map(by_label.sums, dense_columns)])
        self._add_columns(2, by_label, [np.zeros(len(part)), part])
        if points.sparse:
            self._add_entries(0, by_label, points.steps, None)

    def _add_weighted(self, number: int, labels: np.ndarray, points: GridPoints,
                      w: np.ndarray) -> None:
        """Add points whose weights are of one class; w (n,) are at most 1, in its unit."""
        self.limbs = _with_limbs(self.limbs, 4 * (number + 1))
        by_label = _ByLabel(labels, self.k)
        self.counts[by_label.rows] += by_label.counts
        squares = points.norms * 2.0 ** self._square_bits
        dense_columns: Any = () if points.sparse else points.steps
        parts = [by_label.sums_of_parts(w * values) for values in (LIMIT, squares, *dense_columns)]
        for limb, columns in zip((0, 2), zip(*parts)):
            self._add_columns(4 * number + limb, by_label, columns)
        if points.sparse:
            self._add_entries(4 * number, by_label, points.steps, w)

    def _add_columns(self, limb: int, by_label, columns: Sequence[np.ndarray]) -> None:
        """Add to a limb the sums of its first columns, each by label that occurs."""
        self._add_integers(limb, by_label.rows, slice(len(columns)), np.array(columns).T)

    def _add_entries(self, limb: int, by_label, K, w: Optional[np.ndarray]) -> None:
        """Add the steps of CSR rows, times w, to four limbs from this one on."""
        if w is None:
            limbs = [(limb, K.data)]
        else:
            limbs = [*zip((limb, limb + 2), _parts(K.data * np.repeat(w, np.diff(K.indptr))))]
        for limb, values in limbs:
            clusters, columns, sums = by_label.sums_of_entries(K, values)
            self._add_integers(limb, clusters, columns + 2, sums)

    def _add_integers(self, limb: int, clusters, columns, values: np.ndarray) -> None:
        """Add float64 integers below 2**53 to a low limb."""
        self.limbs[limb][clusters, columns] += values.astype(np.int64)

    # sending

    def records(self) -> Iterable[tuple[int, dict]]:
        """(label, record) of every cluster that has points."""
        for label in np.flatnonzero(self.counts):
            yield int(label), self.record(int(label))

    def record(self, label: int) -> dict:
        """Rows and limbs (4 or more, 2 + d) of a cluster, one spelling for equal sums."""
        return {"count": int(self.counts[label]), "sums": carried(self.limbs[:, label].copy())}

    def put(self, label: int, record: dict) -> None:
        """Add a record of `records`."""
        self.counts[label] += record["count"]
        self.limbs = _with_limbs(self.limbs, len(record["sums"]))
        self.limbs[:len(record["sums"]), label] += record["sums"]

    # reading

    def _integers(self, column) -> tuple[np.ndarray, int]:
        """Exact totals (k, ...), and the power of two of the column's unit that they count.

        Without parts they mostly fit int64; else they are Python's integers.
        """
        found: Any = 0
        finer = 0
        for first in range(0, len(self.limbs), 4):
            low, high, part_low, part_high = (
                limb[..., column] for limb in self.limbs[first:first + 4])
            whole, part = _joined(high, low), _joined(part_high, part_low)
            if len(self.limbs) == 4 and not part.any():
                return whole, 0
            finer = first // 4 * CLASS_BITS
            found = found * 2 ** CLASS_BITS + (whole.astype(object) * 2 ** GRID_BITS + part)
        return found, -GRID_BITS - finer

    def _floats(self, column, unit: int) -> np.ndarray:
        """Totals of a column whose unit is 2**unit, each rounded once to float64."""
        totals, power = self._integers(column)
        return np.ldexp(totals.astype(np.float64), power + unit)

    @property
    def _weight_unit(self) -> int:
        """Weights are counted in units of 2**_weight_unit."""
        return self.space.weight_exponent - GRID_BITS if self.space.weighted else 0

    def weights(self) -> np.ndarray:
        """Sums of sample weights, float64 (k,)."""
        return self._floats(0, self._weight_unit)

    def shares(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Weights, squares and vectors, all times 2**-weight_exponent: these cannot overflow."""
        unit = self.space.weight_exponent
        return (self._floats(0, self._weight_unit - unit), self._floats(1, -self._square_bits),
                self._floats(slice(2, None), 0))

    def squares(self) -> np.ndarray:
        """Sums of w ||x||**2 in metric units, float64 (k,)."""
        return self._floats(1, self.space.weight_exponent - self._square_bits)

    def vectors(self) -> np.ndarray:
        """Sums of w x in grid steps, float64 (k, d)."""
        return self._floats(slice(2, None), self.space.weight_exponent)

    def means(self) -> list:
        """Weighted mean of each cluster's points in raw units (d,), None for one of weight 0.

        Nor has one a mean whose points have no direction together, for cosine. Integers are
        divided by an integer: the one rounding is that of the quotient.
        """
        weights, unit = self._integers(0)
        totals, power = self._integers(slice(2, None))
        known = weights != 0
        if self.space.cosine:
            known &= totals.astype(bool).any(axis=1)
        weights, totals = weights[known], totals[known]
        # Both in the smaller unit.
        shift = self.space.weight_exponent + power - self._weight_unit - unit
        if shift > 0:
            totals = totals.astype(object) * 2 ** shift
        else:
            weights = weights.astype(object) * 2 ** -shift
        found = iter(self.space.raw_means(totals, weights))
        return [next(found) if has_mean else None for has_mean in known]

    def outweighs(self, label: int, point: dict) -> bool:
        """Whether a cluster has some weight without this point of it."""
        limbs = point_limbs(point, self.space)[:, :1]
        most = max(len(limbs), len(self.limbs))
        own = _with_limbs(self.limbs[:, label, :1], most)
        return bool(carried(own - _with_limbs(limbs, most)).any())

    def move_point(self, point: dict, old: int, new: int) -> None:
        """Give a far point of the cluster `old` to the cluster `new` (exactly)."""
        limbs = point_limbs(point, self.space)
        self.limbs = _with_limbs(self.limbs, len(limbs))
        self.limbs[:len(limbs), old] -= limbs
        self.limbs[:len(limbs), new] += limbs
        self.counts[old] -= 1
        self.counts[new] += 1


def add_records(records: Iterable[dict]) -> dict:
    """One record for several of the same cluster: counts and limbs added up."""
    count: int = 0
    limbs: Any = None
    for record in records:
        count += record["count"]
        sums = record["sums"]
        if limbs is None:
            limbs = sums
        else:
            most = max(len(limbs), len(sums))
            limbs = _with_limbs(limbs, most) + _with_limbs(sums, most)
    return {"count": count, "sums": carried(limbs)}


def refuse_ratio(lightest: float, heaviest: Optional[float]) -> None:
    """OutOfRange for weights that exact sums cannot hold together."""
    if not heaviest or heaviest / LARGEST_RATIO <= lightest:
        return
    raise OutOfRange("The weights go from %r to %r, but sums hold only weights of which the"
                     " heaviest is at most 1e24 times the lightest (or 0); scale the light ones, or"
                     " make them 0." % (float(lightest), heaviest))


def _with_limbs(limbs: np.ndarray, number: int) -> np.ndarray:
    """The same sums in at least so many limbs."""
    missing = number - len(limbs)
    if missing <= 0:
        return limbs
    return np.concatenate([limbs, np.zeros((missing, *limbs.shape[1:]), dtype=np.int64)])


def _joined(high: np.ndarray, low: np.ndarray) -> np.ndarray:
    """high * 2**26 + low, exactly: int64, or Python's integers where these do not fit."""
    if np.abs(high).max(initial=0) >= 1 << 62 - LOW_BITS:
        high = high.astype(object)
    return high * 2 ** LOW_BITS + low


def carried(limbs: np.ndarray) -> np.ndarray:
    """The same sums with low limbs below 2**26, in place."""
    for low in range(0, len(limbs), 2):
        limbs[low + 1] += limbs[low] >> LOW_BITS
        limbs[low] &= LOW_MASK
    return limbs


def point_limbs(point: dict, space: Space) -> np.ndarray:
    """The limbs (4, 2 + d) of one point: what `Sums.add` adds for it."""
    single = Sums(1, space)
    steps = np.array(point["steps"], dtype=np.float64)[:, None]
    weights = np.array([point["weight"]]) if space.weighted else None
    grid_points = GridPoints(steps, np.array([point["norm"]]), np.zeros((1, 1), np.float32), space)
    single.add(np.zeros(1, dtype=np.intp), grid_points, weights)
    return single.limbs[:, 0]


def _parts(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Integers and the rest in 2**-40 steps; both add exactly over a batch."""
    whole = np.rint(values)
    return whole, np.rint((values - whole) * LIMIT)


class _ByLabel:
    """Sums over the rows of each label of a batch that occurs; `rows` are those labels."""

    def __init__(self, labels: np.ndarray, k: int):
        counts = np.bincount(labels, minlength=k)
        present = np.flatnonzero(counts)
        all_present = len(present) == k
        self.rows = slice(None) if all_present else present
        self.counts = counts[self.rows]
        self.labels = labels
        self.place = labels if all_present else (np.cumsum(counts > 0) - 1)[labels]

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Sums of values (n,) by label that occurs; exact for integers."""
        return np.bincount(self.place, values, len(self.counts))

    def sums_of_parts(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        whole, part = _parts(values)
        return self.sums(whole), self.sums(part)

    def sums_of_entries(self, K, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(cluster, column, sum) of a CSR's entries with these values."""
        n, d = K.shape
        chooser = csr_rows(np.ones(n), self.labels, np.arange(n + 1), int(self.labels.max()) + 1)
        total = (chooser.T.tocsr() @ csr_rows(values, K.indices, K.indptr, d)).tocoo()
        return total.row, total.col, total.data
