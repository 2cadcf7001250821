"""The grid that makes sums exact: values are rounded once, to about 2**-40 of their column's range.

On it a coordinate is an integer of at most 40 bits, so float64 adds 8,192 rows without rounding,
in any order, and integers add the batches. Whatever the splits, the sums have the same bits. The
grid's steps are 10**-tens * 2**-twos: decimals as they stand in text fall on it exactly, and the
mean of 4.9, 5.1 and 5.3 is 5.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Optional

import numpy as np

from howdah.errors import OutOfRange
from howdah.kmeans.moments import Moments
from howdah.lengths import by_powers, row_exponents
from howdah.sparse import is_sparse, with_values

GRID_BITS = 40
LIMIT = 2.0 ** GRID_BITS
# Of a column whose range is below this the steps are powers of two alone: 10**tens / step would be
# infinite. No float64 is finer than 2**-FINEST.
LEAST_REACH = 1e-280
FINEST = 1074
MOST_TWOS = 3
OFF_HALFWAY = 0.1180339887498949
# Rows so many powers of two beyond the range are far (see `brought_near`).
FAR_BITS = 40
# A length of fewer powers of two may have lost digits.
SUBNORMAL = -960
LEAST_NORMAL = 2.0 ** -1022


@dataclass(frozen=True)
class Space:
    """How raw values become grid steps, and how long a step is for the metric.

    tens, twos  (d,) a step of column j is 10**-tens[j] * 2**-twos[j] in raw units
    centre      d Python integers: the grid's origin in steps; 0 for sparse data and cosine
    scale       (d,) a step's length in metric units; column ranges come out at most 1
    per_unit    (d,) what a raw unit of a column counts: 1, or 1 / standard deviation
    top         a metric unit is 2**top raw (or standardised) units
    cosine      rows and centroids have unit length
    heaviest    the largest sample weight, None for data without weights
    """

    tens: np.ndarray
    twos: np.ndarray
    centre: list
    scale: np.ndarray
    per_unit: np.ndarray
    top: int
    cosine: bool = False
    heaviest: Optional[float] = None

    @classmethod
    def of(cls, moments: Moments, cosine: bool = False, standardize: bool = False,
           sparse: bool = False, heaviest: Optional[float] = None) -> Space:
        """The space for data with these moments; `heaviest` is the largest weight, if any."""
        d = len(moments.low)
        if cosine:
            return cls(np.zeros(d, dtype=np.int64), np.full(d, GRID_BITS), [0] * d,
                       np.full(d, 2.0 ** -GRID_BITS), np.ones(d), 0, True, heaviest)
        origin = np.zeros(d) if sparse else _coarse_mean(moments)
        reach = np.maximum(np.abs(moments.low - origin), np.abs(moments.high - origin))
        tens, twos = _step_exponents(reach, origin)
        lift = twos - np.minimum(twos, MOST_TWOS)
        rate = _rates(tens, twos - lift)
        centre = [_integer(o, int(p), int(q)) for o, p, q in zip(origin, tens, twos)]
        # 1 / rate in units of a power of two at or above the longest column.
        std = _coarse_std(moments) if standardize else np.ones(d)
        top = int(np.frexp(np.max(reach / std, initial=0.0))[1]) + 1
        scale = np.ldexp(1.0 / rate / std, -top - lift)
        return cls(tens, twos, centre, scale, 1.0 / std, top, False, heaviest)

    @property
    def width(self) -> int:
        return len(self.scale)

    @property
    def unit(self) -> float:
        """A metric unit in raw (or standardised) units."""
        return float(np.ldexp(1.0, self.top))

    @property
    def weighted(self) -> bool:
        return self.heaviest is not None

    @property
    def weight_exponent(self) -> int:
        """2**weight_exponent is above the largest weight; 0 for data without weights."""
        return int(np.frexp(self.heaviest)[1]) if self.heaviest else 0

    @cached_property
    def lift(self) -> Optional[np.ndarray]:
        """Powers of two (d,) that `rate` lacks, so as to be finite; None where it lacks none."""
        lift = self.twos - np.minimum(self.twos, MOST_TWOS)
        return lift if not self.cosine and lift.any() else None

    @cached_property
    def rate(self) -> np.ndarray:
        """Steps per raw unit (d,), but for the powers of two of `lift`."""
        return _rates(self.tens, self.twos if self.lift is None else self.twos - self.lift)

    @cached_property
    def faint(self) -> bool:
        """Whether the range of a column is lost in float32 beside that of the widest."""
        return bool((LIMIT * self.scale < 1e-30).any())

    @cached_property
    def far(self) -> np.ndarray:
        """Raw distances from the origin (d,) beyond which `brought_near` shortens a row."""
        with np.errstate(over="ignore", divide="ignore"):
            return np.ldexp(1.0 / self.per_unit, self.top + FAR_BITS) + np.abs(self.origin)

    @cached_property
    def origin(self) -> np.ndarray:
        """The centre in raw units (d,)."""
        return np.array([raw_value(c, 1, int(p), int(q))
                         for c, p, q in zip(self.centre, self.tens, self.twos)])

    def steps(self, X: np.ndarray) -> np.ndarray:
        """Dense rows (n, d) as integer-valued float64 grid steps (d, n)."""
        K = np.empty((X.shape[1], len(X)))
        np.subtract(X.T, self.origin[:, None], out=K)
        if self.cosine:
            _to_unit_length(K)
        K *= self.rate[:, None]
        if self.lift is not None:
            np.ldexp(K, self.lift[:, None], out=K)
        return np.rint(K, out=K)

    def sparse_steps(self, X):
        """CSR rows with their values as integer-valued grid steps."""
        values = X.data
        if self.cosine:
            exponents = row_exponents(X)
            if exponents.min(initial=0) < SUBNORMAL:
                X = by_powers(X, -exponents)
                values = X.data
            values = values / np.repeat(sparse_lengths(X), np.diff(X.indptr))
        values = values * self.rate[X.indices]
        if self.lift is not None:
            values = np.ldexp(values, self.lift[X.indices])
        return with_values(X, np.rint(values))

    def brought_near(self, X) -> tuple:
        """Rows X, dense or CSR, and exponents (n,): a row was divided by 2**exponent, mostly 1.

        A row that is 2**40 ranges away keeps its direction from the origin, which alone tells its
        nearest centroid, and comes near enough for float32. None for exponents of zero.
        """
        if self.cosine:
            return X, None
        values, far, origin = ((X.data, self.far[X.indices], 0.0) if is_sparse(X)
                               else (X, self.far, self.origin))
        if not (np.abs(values) > far).any():
            return X, None
        moved = values - origin
        beyond = np.frexp(moved)[1] - np.frexp(np.minimum(far, 1e308))[1]
        if is_sparse(X):
            exponents = np.zeros(X.shape[0], dtype=np.int64)
            np.maximum.at(exponents, np.repeat(np.arange(X.shape[0]), np.diff(X.indptr)), beyond)
            return by_powers(X, -exponents), exponents
        exponents = np.maximum(beyond.max(axis=1), 0)
        near = np.where(exponents[:, None] > 0, origin + np.ldexp(moved, -exponents[:, None]), X)
        return np.asfortranarray(near), exponents

    def centroid_steps(self, centroids: np.ndarray) -> np.ndarray:
        """Raw centroids (k, d) in grid steps; for cosine of unit length.

        They are not rounded, but those that lie on the grid but for their own last bits, as
        decimals do, are put there, or ties of decimals would come out as near misses.
        """
        C = np.ascontiguousarray((centroids - self.origin).T)
        if self.cosine:
            _to_unit_length(C)
            return np.ascontiguousarray((C * self.rate[:, None]).T)
        own_rounding = 2.0 ** -51 * (np.abs(centroids) + np.abs(self.origin)) * self.rate
        with np.errstate(over="ignore"):
            K = np.ascontiguousarray(C.T) * self.rate
            if self.lift is not None:
                K, own_rounding = np.ldexp(K, self.lift), np.ldexp(own_rounding, self.lift)
        nearest = np.rint(K)
        with np.errstate(invalid="ignore"):
            return np.where(np.abs(K - nearest) <= own_rounding, nearest, K)

    def raw_means(self, totals: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Centroids totals / weights in raw units (k, d), each coordinate rounded once.

        totals (k, d) in grid steps and weights (k,) are exact integers, int64 or Python's; as
        Python's they are divided.
        """
        up, down = np.array([_ratio(int(p), int(q)) for p, q in zip(self.tens, self.twos)],
                            dtype=object).T
        weights = weights.astype(object)[:, None]
        totals = np.array(self.centre, dtype=object) * weights + totals
        means = (totals * up / (weights * down)).astype(np.float64)
        if self.cosine:
            return means / row_lengths(means.T)[:, None]
        return means

    def squared(self, value, exponent: int = 0):
        """Squared distances in metric units, in the user's: raw squared, or for cosine 1 - cos.

        They are times 2**exponent. OutOfRange where the result is above all float64, or so small
        that it keeps no digits.
        """
        power = exponent + (-1 if self.cosine else 2 * self.top)
        with np.errstate(over="ignore", under="ignore"):
            found = np.ldexp(value, power)
        if not np.isfinite(found).all() or ((found < LEAST_NORMAL) & (np.asarray(value) > 0)).any():
            raise OutOfRange(
                "Squared distances of this data leave float64 (2.2e-308 to 1.8e308): its widest"
                " column ranges over about %.1g%s; scale the columns%s."
                % (self.unit, *(("", "") if self.heaviest is None else (
                    ", its largest weight is %g" % self.heaviest, " or the weights"))))
        return found

    def to_dict(self) -> dict:
        return {"tens": self.tens, "twos": self.twos, "centre": self.centre, "scale": self.scale,
                "per_unit": self.per_unit,
                "top": self.top, "cosine": self.cosine, "heaviest": self.heaviest}

    @classmethod
    def from_dict(cls, value: dict) -> Space:
        return cls(**value)


def raw_value(numerator: int, denominator: int, tens: int, twos: int) -> float:
    """numerator / denominator steps in raw units, rounded once."""
    up, down = _ratio(tens, twos)
    return numerator * up / (denominator * down)


def _ratio(tens: int, twos: int) -> tuple[int, int]:
    """A step of 10**-tens * 2**-twos as two integers, one over the other."""
    return (10 ** max(-tens, 0) * 2 ** max(-twos, 0), 10 ** max(tens, 0) * 2 ** max(twos, 0))


def _step_exponents(reach: np.ndarray, origin: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The finest steps 10**-tens * 2**-twos (twos 0 to 3) of which `reach` has at most 2**39.

    A constant column needs steps for its origin alone: so fine that it comes back to the last bit.
    """
    constant = reach == 0
    reach = np.where(constant, 1e-5 * np.abs(origin), reach)
    steps = 2.0 ** (GRID_BITS - 1) / np.maximum(reach, LEAST_REACH)
    tens = np.floor(np.log10(steps)).astype(np.int64)
    twos = np.floor(np.log2(steps / 10.0 ** tens)).astype(np.int64)
    tiny = reach < LEAST_REACH
    tens = np.where(tiny, 0, tens)
    twos = np.where(tiny, np.minimum(GRID_BITS - 1 - np.frexp(reach)[1], FINEST), twos)
    known = (reach > 0) | constant & (origin != 0)
    return np.where(known, tens, 0), np.where(known, twos, 0)


def _rates(tens: np.ndarray, twos: np.ndarray) -> np.ndarray:
    """10**tens * 2**twos (d,), correctly rounded powers of ten."""
    powers, which = np.unique(tens, return_inverse=True)
    exact = np.array([float("1e%d" % p) for p in powers])
    return np.ldexp(exact[which.ravel()], twos)


def _integer(value: float, tens: int, twos: int) -> int:
    """A raw value in steps, the nearest integer."""
    return round(Fraction(float(value)) * Fraction(10) ** tens * Fraction(2) ** twos)


def added_in_pairs(K: np.ndarray) -> np.ndarray:
    """Sum of the rows of K (d, n), which it overwrites; (n,).

    In an order that depends on d alone, where that of np.sum depends on n too, and in few calls.
    """
    while len(K) > 1:
        half = len(K) // 2
        K[:half] += K[-half:]
        K = K[:len(K) - half]
    return K[0]


def row_lengths(K: np.ndarray) -> np.ndarray:
    """Euclidean length of every column of K (d, n), added in a fixed order; no overflow.

    Not those of `lengths.unit_rows`, which may differ in the last bit.
    """
    return np.ldexp(*_lengths_and_exponents(K))


def _lengths_and_exponents(K: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lengths (n,), from 1/2 on, of the columns of K in units of powers of two; 1 for zeros."""
    top = np.abs(K).max(axis=0)
    top[top == 0] = 1.0
    exponent = np.frexp(top)[1]
    total = np.zeros(K.shape[1])
    for row in K:
        part = np.ldexp(row, -exponent)
        part *= part
        total += part
    total[total == 0] = 1.0
    return np.sqrt(total), exponent


def _to_unit_length(K: np.ndarray) -> None:
    """Divide the columns of K (d, n) by their lengths, in place."""
    length, exponent = _lengths_and_exponents(K)
    if exponent.min(initial=0) < SUBNORMAL:
        np.ldexp(K, -exponent, out=K)
        K /= length
    else:
        K /= np.ldexp(length, exponent)


def sparse_lengths(X) -> np.ndarray:
    """Euclidean length of every CSR row, added entry by entry in a fixed order."""
    n = X.shape[0]
    row = np.repeat(np.arange(n), np.diff(X.indptr))
    top = np.zeros(n)
    np.maximum.at(top, row, np.abs(X.data))
    exponent = np.frexp(np.where(top == 0, 1.0, top))[1]
    scaled = np.ldexp(X.data, -exponent[row])
    total = np.bincount(row, scaled * scaled, minlength=n)
    total[total == 0] = 1.0
    return np.ldexp(np.sqrt(total), exponent)


def _coarse_mean(moments: Moments) -> np.ndarray:
    """The mean rounded to 2**-10 of the range: near enough, and the same for other splits.

    A mean's last bits depend on the order of its sum; they would change every grid value. Means
    of whole numbers may lie halfway between two steps, so what is rounded is the mean and a bit.
    Where the range is hardly above the values' own rounding the minimum stands in.
    """
    span = moments.high - moments.low
    step = np.where(span > 0, np.frexp(span)[1] - 10, 0)
    rounded = np.ldexp(np.rint(np.ldexp(moments.means, -step) + OFF_HALFWAY), step)
    reliable = span > 2.0 ** -GRID_BITS * np.maximum(np.abs(moments.low), np.abs(moments.high))
    return np.where(reliable, np.clip(rounded, moments.low, moments.high), moments.low)


def _coarse_std(moments: Moments) -> np.ndarray:
    """Standard deviations rounded to 31 bits, so that other splits give the same; 1 for 0."""
    mantissa, exponent = np.frexp(moments.std)
    std = np.ldexp(np.rint(mantissa * 2.0 ** 31), exponent - 31)
    return np.where((moments.high > moments.low) & (std > 0), std, 1.0)
