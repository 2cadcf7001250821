"""How many of the true neighbours an approximate index finds, from a sample of queries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterator, Optional

import numpy as np

from howdah.knn.neighbors import Answers

Z95 = 1.959963984540054
# Shares of up to 16, of 20, 25, 50 or 100 neighbours are whole numbers of these parts, and squares
# of shares missed by 700,000 queries, of which all miss all, fit the 64 bits of a counter.
PARTS = 3_603_600
COUNTERS = ("recall queries", "recall missed", "recall missed squared")


def hits(approximate: Answers, exact: Answers) -> tuple:
    """(found, true): for every query the true neighbours that were found, and their number.

    Any point as near as the farthest true neighbour is one: which of equals is found is chance.
    """
    m = len(exact)
    lengths = np.diff(exact.starts)
    farthest = np.full(m, -np.inf)
    full = lengths > 0
    farthest[full] = exact.distances[exact.starts[1:][full] - 1]
    near = approximate.distances <= farthest[approximate.rows]
    found = np.bincount(approximate.rows, near, minlength=m).astype(np.int64)
    return np.minimum(found, lengths), lengths


@dataclass
class Recall:
    """Recall of sampled queries in sums of integers, so that the counters of tasks carry it.

    queries : their number
    missed : the sum of their shares of true neighbours that were missed, in units of 1/PARTS
    squares : the sum of the squares of these shares, in units of 1/PARTS^2
    """

    queries: int = 0
    missed: int = 0
    squares: int = 0

    @classmethod
    def of(cls, found: np.ndarray, true: np.ndarray) -> Recall:
        """From what `hits` gives; queries that have no neighbour at all do not count."""
        found, true = found[true > 0], true[true > 0]
        missed = (2 * PARTS * (true - found) + true) // (2 * true)  # rounded
        return cls(len(true), int(missed.sum()), int((missed * missed).sum()))

    @classmethod
    def of_counts(cls, counted: dict) -> Recall:
        """From the sums of what `counts` gave, by name."""
        return cls(*(counted.get(name, 0) for name in COUNTERS))

    def counts(self) -> Iterator[tuple[str, int]]:
        """(name, count) of every sum."""
        return zip(COUNTERS, (self.queries, self.missed, self.squares))

    def interval(self) -> tuple:
        """(mean, low, high): the mean recall and its 95 % confidence interval.

        Wilson's score interval (1927), with the sample counted as many independent trials as give
        the variance that was seen between queries; so it has a width even if every query was
        perfect.
        """
        m = self.queries
        mean = (m * PARTS - self.missed) / (m * PARTS)
        deviations = m * self.squares - self.missed ** 2  # exact: zero where all queries are alike
        trials = float(m)
        if deviations:
            trials = mean * (1 - mean) * m * m * (m - 1) * PARTS ** 2 / deviations
        spread = Z95 * Z95 / trials
        middle = (mean + spread / 2) / (1 + spread)
        half = Z95 / (1 + spread) * np.sqrt(mean * (1 - mean) / trials + spread / 4 / trials)
        return mean, max(0.0, middle - half), min(1.0, middle + half)

    def sentence(self, n: Optional[int]) -> str:
        """What the user reads."""
        return ("recall@%s %.4f, 95 %% confidence interval %.4f to %.4f, from %d queries"
                % (n, *self.interval(), self.queries))


class Sample:
    """A uniform sample of a stream's queries and what was answered (Vitter's algorithm R, 1985)."""

    def __init__(self, size: int, seed: int = 0):
        self.size = size
        self.seen = 0
        self.kept: list = []
        self._rng = np.random.default_rng(seed)

    def offer(self, m: int, take) -> None:
        """Offer m queries; `take(i)` gives what to keep of the i-th."""
        for i in range(m):
            self.seen += 1
            if len(self.kept) < self.size:
                self.kept.append(take(i))
                continue
            place = int(self._rng.integers(self.seen))
            if place < self.size:
                self.kept[place] = take(i)
