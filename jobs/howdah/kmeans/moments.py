"""Mean, variance, range and distinct rows of the data, in one pass, merged in any order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from howdah.kmeans.records import Record
from howdah.sparse import is_sparse

SKETCH = 1024


@dataclass
class Moments(Record):
    """Rows, mean, sum of squared deviations, minimum and maximum of every column.

    `mean` and `m2` are kept in units of 2**exponent (of its square), so that values up to 1e300
    do not overflow. Merging follows Chan, Golub, LeVeque 1979.
    """

    n: int
    exponent: np.ndarray
    mean: np.ndarray
    m2: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @classmethod
    def of(cls, X) -> Moments:
        """Moments of a batch: float64 (n, d), n at least 1, or CSR (absent entries are zeros)."""
        if is_sparse(X):
            return cls._of_sparse(X)
        columns = np.ascontiguousarray(X.T)
        # Which of -0.0 and 0.0 is the less would depend on the splits.
        low, high = columns.min(axis=1) + 0.0, columns.max(axis=1) + 0.0
        exponent = _exponents(low, high)
        scaled = _scaled(columns, exponent[:, None])
        mean = scaled.mean(axis=1)
        scaled -= mean[:, None]
        return cls(len(X), exponent, mean, np.einsum("ij,ij->i", scaled, scaled), low, high)

    @classmethod
    def _of_sparse(cls, X) -> Moments:
        n, d = X.shape
        values, columns = X.data, X.indices
        filled = np.bincount(columns, minlength=d)
        low, high = np.zeros(d), np.zeros(d)
        np.minimum.at(low, columns, values)
        np.maximum.at(high, columns, values)
        full = filled == n
        if full.any():
            low[full], high[full] = np.inf, -np.inf
            np.minimum.at(low, columns, values)
            np.maximum.at(high, columns, values)
        low, high = low + 0.0, high + 0.0
        exponent = _exponents(low, high)
        scaled = _scaled(values, exponent[columns])
        mean = np.bincount(columns, scaled, minlength=d) / n
        scaled -= mean[columns]
        m2 = np.bincount(columns, scaled * scaled, minlength=d) + (n - filled) * mean ** 2
        return cls(n, exponent, mean, m2, low, high)

    def merge(self, other: Moments) -> Moments:
        """Moments of both; a narrower sparse side is widened with zeros."""
        width = max(len(self.mean), len(other.mean))
        a, b = self._widened(width), other._widened(width)
        exponent = np.maximum(a.exponent, b.exponent)
        a, b = a._in_units(exponent), b._in_units(exponent)
        n = a.n + b.n
        step = b.mean - a.mean
        return Moments(n, exponent, a.mean + step * (b.n / n),
                       a.m2 + b.m2 + step * step * (a.n * b.n / n),
                       np.minimum(a.low, b.low), np.maximum(a.high, b.high))

    def _in_units(self, exponent: np.ndarray) -> Moments:
        shift = self.exponent - exponent
        return Moments(self.n, exponent, np.ldexp(self.mean, shift), np.ldexp(self.m2, 2 * shift),
                       self.low, self.high)

    def _widened(self, width: int) -> Moments:
        missing = width - len(self.mean)
        if not missing:
            return self
        return Moments(self.n, *(np.pad(part, (0, missing)) for part in (
            self.exponent, self.mean, self.m2, self.low, self.high)))

    def of_columns(self, places) -> Moments:
        """Moments of the columns at these places, in their order."""
        return Moments(self.n, self.exponent[places], self.mean[places], self.m2[places],
                       self.low[places], self.high[places])

    @property
    def std(self) -> np.ndarray:
        """Population standard deviation of every column (d,), as StandardScaler computes it."""
        return np.ldexp(np.sqrt(self.m2 / self.n), self.exponent)

    @property
    def means(self) -> np.ndarray:
        """Mean of every column (d,) in the data's units."""
        return np.ldexp(self.mean, self.exponent)


def _exponents(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Smallest powers of two above the columns' magnitudes."""
    return np.frexp(np.maximum(np.abs(low), np.abs(high)))[1].astype(np.int64)


def _scaled(values: np.ndarray, exponent: np.ndarray) -> np.ndarray:
    """values * 2**-exponent, quickly where that power is a float64."""
    if exponent.min(initial=0) < -1000:
        return np.ldexp(values, -exponent)
    return values * np.ldexp(1.0, -exponent)


def row_hashes(X) -> np.ndarray:
    """A 64-bit hash of every row's values, uint64 (n,); -0.0 counts as 0.0.

    The order of operations is fixed per row, so a row has the same hash in every batch.
    """
    if not is_sparse(X):
        h = np.full(len(X), 0x9E3779B97F4A7C15, dtype=np.uint64)
        for column in X.T:
            h ^= (column + 0.0).view(np.uint64)
            _mix(h)
        return h
    entries = (X.data + 0.0).view(np.uint64) * _odd(X.indices.astype(np.uint64))
    entries = np.where(X.data == 0, np.uint64(0), _mixed(entries ^ X.indices.astype(np.uint64)))
    total = np.concatenate([np.zeros(1, dtype=np.uint64), np.cumsum(entries, dtype=np.uint64)])
    return _mixed(total[X.indptr[1:]] - total[X.indptr[:-1]])


def _odd(h: np.ndarray) -> np.ndarray:
    return _mixed(h) | np.uint64(1)


def _mixed(h: np.ndarray) -> np.ndarray:
    mixed = h.copy()
    _mix(mixed)
    return mixed


def _mix(h: np.ndarray) -> None:
    """One multiply-xorshift round in place (the finaliser of splitmix64, shortened)."""
    h *= np.uint64(0xBF58476D1CE4E5B9)
    h ^= h >> np.uint64(29)


class Distinct:
    """How many distinct rows there are: exact up to its size, an estimate beyond.

    Keeps the smallest hashes (the k-minimum-values sketch of Bar-Yossef et al. 2002).
    """

    def __init__(self, size: int = SKETCH, smallest=()):
        self.size = size
        self.smallest = np.array(smallest, dtype=np.uint64)

    def add(self, hashes: np.ndarray) -> None:
        if len(self.smallest) == self.size:
            hashes = hashes[hashes < self.smallest[-1]]
        if len(hashes):
            # np.unique hashes them, which takes ten times as long as sorting.
            known = np.sort(np.concatenate([self.smallest, hashes]))
            self.smallest = known[np.flatnonzero(np.diff(known, prepend=~known[:1]))][:self.size]

    @property
    def count(self) -> int:
        if len(self.smallest) < self.size:
            return len(self.smallest)
        return int((self.size - 1) * 2.0 ** 64 / float(self.smallest[-1]))

    @property
    def exact(self) -> bool:
        return len(self.smallest) < self.size
