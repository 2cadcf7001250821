"""How many of the true neighbours an approximate index finds, from a sample of queries."""

from __future__ import annotations

from typing import Optional

import numpy as np

from howdah.knn.neighbors import Answers

Z95 = 1.959963984540054


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


def interval(recalls: np.ndarray) -> tuple:
    """(mean, low, high): mean recall of sampled queries and its 95 % confidence interval.

    Wilson's score interval (1927), with the sample counted as many independent trials as give the
    variance that was seen between queries; so it has a width even if every query was perfect.
    """
    m = len(recalls)
    mean = float(np.mean(recalls))
    variance = float(np.var(recalls, ddof=1)) / m if m > 1 else 0.0
    trials = mean * (1 - mean) / variance if variance > 0 else m
    spread = Z95 * Z95 / trials
    middle = (mean + spread / 2) / (1 + spread)
    half = Z95 / (1 + spread) * np.sqrt(mean * (1 - mean) / trials + spread / 4 / trials)
    return mean, max(0.0, middle - half), min(1.0, middle + half)


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


def sentence(n: Optional[int], recalls: np.ndarray) -> str:
    """What the user reads."""
    mean, low, high = interval(recalls)
    return ("recall@%s %.4f, 95 %% confidence interval %.4f to %.4f, from %d queries"
            % (n, mean, low, high, len(recalls)))
