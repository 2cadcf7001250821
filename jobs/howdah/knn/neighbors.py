"""Exact nearest neighbours: candidates from a search, distances and ties decided here.

A search names candidates and, if it is exact, can prove that it missed none. Distances are
computed again in float64, row by row; equal ones are ordered by position. So the answer depends on
the query and the points alone: not on the batch, the search or the machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterator, Optional, Sequence

import numpy as np

from howdah.knn.distances import pair_distances, refuse_extremes
from howdah.knn.search import Search
from howdah.sparse import is_sparse

MOST_HELD = 1 << 19


@dataclass
class Answers:
    """The neighbours of m queries, nearest first.

    Those of query i stand at `starts[i]:starts[i + 1]` of `positions` (int64) and `distances`
    (float64). `found` (m,) is, for radius queries, how many points lie within the radius, kept or
    not.
    """

    starts: np.ndarray
    positions: np.ndarray
    distances: np.ndarray
    found: Optional[np.ndarray] = None

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def rows(self) -> np.ndarray:
        """The query of every neighbour."""
        return np.repeat(np.arange(len(self)), np.diff(self.starts))

    @classmethod
    def of_pairs(cls, m: int, rows, positions, distances, found=None) -> Answers:
        """From pairs in the order of their rows, nearest first within a row."""
        starts = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=m))])
        return cls(starts, positions, distances, found)

    def kept(self, mask: np.ndarray) -> Answers:
        """Without the pairs whose mask is False."""
        return Answers.of_pairs(len(self), self.rows[mask], self.positions[mask],
                                self.distances[mask], self.found)

    def first(self, n: int) -> Answers:
        """At most the n nearest of every query."""
        rank = np.arange(len(self.positions)) - np.repeat(self.starts[:-1], np.diff(self.starts))
        return self if (rank < n).all() else self.kept(rank < n)


class Neighbors:
    """Nearest neighbours among the rows of `points` (n, d), dense or CSR.

    `check_rows` is called with positions before points are read that the search has not read.
    """

    def __init__(self, points, metric: str, search: Search, check_rows=None):
        self.points = points
        self.metric = metric
        self.search = search
        self.check_rows = check_rows or (lambda positions: None)

    def query(self, Q, n: Optional[int] = None, radius: Optional[float] = None,
              excluded: Optional[Sequence] = None, exclude_same: bool = False,
              most: int = 1000, own: Optional[np.ndarray] = None) -> Answers:
        """Neighbours of the rows of Q (m, d).

        The n nearest, or all within `radius` (inclusive; the `most` nearest of them), or the n
        nearest of those within `radius`. `excluded` names for every query the positions that must
        not be answered; `exclude_same` leaves out one stored row equal to the query: that at
        the position `own` (m,), where this is not -1. A query with fewer neighbours gets fewer.
        Rows of zeros have no direction: for cosine they are nobody's neighbours, and have none.
        UserError for values that distances overflow on.
        """
        refuse_extremes(Q, self.metric, "A query")
        some = np.flatnonzero(~_zero_rows(Q)) if self.metric == "cosine" else ()
        if self.metric == "cosine" and len(some) < Q.shape[0]:
            return _merged(Q.shape[0], [(some, self.query(
                Q[some], n, radius, _chosen(excluded, some), exclude_same, most,
                None if own is None else own[some]))])
        limit = most if n is None else n
        if exclude_same:
            limit += 1
        answers = _merged(Q.shape[0], [
            (rows, self._answer(Q[rows], limit, n is None, radius, _chosen(excluded, rows)))
            for rows in self._groups(Q.shape[0], limit, excluded)])
        return self._without_same(Q, answers, own).first(limit - 1) if exclude_same else answers

    def _groups(self, m: int, limit: int, excluded) -> Iterator:
        """Rows to be answered together: alike in how many points they exclude, and not too many."""
        if excluded is None:
            step = max(1, MOST_HELD // limit)
            yield from (slice(start, min(start + step, m)) for start in range(0, m, step))
            return
        sizes = np.array([len(positions) for positions in excluded], dtype=np.int64)
        classes = np.ceil(np.log2(np.maximum(sizes, 0.5)))
        for number in np.unique(classes):
            rows = np.flatnonzero(classes == number)
            step = max(1, MOST_HELD // (limit + int(sizes[rows].max())))
            yield from (rows[start:start + step] for start in range(0, len(rows), step))

    def _answer(self, Q, limit: int, all_within: bool, radius, excluded) -> Answers:
        if all_within and self.search.exact:
            return self._within(Q, np.full(Q.shape[0], float(radius)), limit, excluded)
        return self._nearest(Q, limit, np.inf if radius is None else float(radius), excluded)

    def _nearest(self, Q, n: int, radius: float, excluded) -> Answers:
        m, size = Q.shape[0], self.points.shape[0]
        spare = 0 if excluded is None else max(map(len, excluded), default=0)
        # A few more than n show most ties whole, and save looking further.
        candidates = n + spare + (4 + n // 2 if self.search.exact else 0)
        positions, reach = self.search.nearest(Q, min(size, candidates))
        positions = np.sort(positions, axis=1)
        distances = self._measured(Q, positions, excluded)
        order = np.argsort(distances, axis=1, kind="stable")[:, :n]
        distances = np.take_along_axis(distances, order, axis=1)
        positions = np.take_along_axis(positions, order, axis=1)
        t = distances[:, n - 1] if distances.shape[1] >= n else np.full(m, np.inf)
        t = np.minimum(t, radius)
        good = np.isfinite(distances) & (distances <= radius)
        sure = self.search.proves(reach, t)
        good[~sure] = False
        rows = np.nonzero(good)[0]
        answers = Answers.of_pairs(m, rows, positions[good], distances[good])
        if sure.all():
            return answers
        open_rows = np.flatnonzero(~sure)
        settled = self._within(Q[open_rows], t[open_rows], n, _chosen(excluded, open_rows))
        return _merged(m, [(slice(None), answers), (open_rows, settled)])

    def _measured(self, Q, positions: np.ndarray, excluded) -> np.ndarray:
        """Distances (m, k) of the candidates; infinite where there is none or it is excluded."""
        distances = np.full(positions.shape, np.inf)
        there = positions >= 0
        if excluded is not None:
            there &= ~_is_excluded(np.nonzero(np.ones_like(there))[0], positions.ravel(), excluded,
                                   self.points.shape[0]).reshape(there.shape)
        rows = np.nonzero(there)[0]
        self.check_rows(positions[there])
        distances[there] = self._distances(Q, rows, positions[there])
        return distances

    def _distances(self, Q, rows: np.ndarray, positions: np.ndarray) -> np.ndarray:
        """Distances of pairs; infinite for cosine from a point of zeros."""
        distances = pair_distances(Q, self.points, rows, positions, self.metric)
        if self.metric == "cosine":
            square = np.flatnonzero(distances == 1.0)
            if len(square):
                distances[square[_zero_rows(self.points[positions[square]])]] = np.inf
        return distances

    def _within(self, Q, t: np.ndarray, keep: int, excluded) -> Answers:
        """The `keep` nearest of all points within distance t (m,), and the number of them all."""
        m = Q.shape[0]
        found = np.zeros(m, dtype=np.int64)
        held: list = []
        size, most = 0, MOST_HELD
        for rows, positions in self.search.within(Q, t):
            if excluded is not None:
                free = ~_is_excluded(rows, positions, excluded, self.points.shape[0])
                rows, positions = rows[free], positions[free]
            distances = self._distances(Q, rows, positions)
            near = (distances <= t[rows]) & (distances < np.inf)
            held.append((rows[near], positions[near], distances[near]))
            found += np.bincount(rows[near], minlength=m)
            size += len(held[-1][0])
            if size > most:
                held = [_best(held, keep)]
                size = len(held[0][0])
                most = size + MOST_HELD
        rows, positions, distances = _best(held, keep)
        return Answers.of_pairs(m, rows, positions, distances, found)

    def _without_same(self, Q, answers: Answers, own: Optional[np.ndarray]) -> Answers:
        """Without the query's own point, or else the first point that equals it."""
        rows = answers.rows
        own = np.full(len(answers), -1) if own is None else own
        zero = np.flatnonzero(answers.distances == 0)
        equal = zero[equal_rows(Q, self.points, rows[zero], answers.positions[zero])]
        placeless = equal[own[rows[equal]] < 0]
        _, firsts = np.unique(rows[placeless], return_index=True)
        mask = np.ones(len(rows), dtype=bool)
        mask[placeless[firsts]] = False
        mask[equal[answers.positions[equal] == own[rows[equal]]]] = False
        if answers.found is not None:
            answers.found[rows[placeless[firsts]]] -= 1
            answers.found[own >= 0] -= 1
        return answers.kept(mask)


def _chosen(excluded, rows):
    """The exclusions of some rows."""
    if excluded is None or isinstance(rows, slice):
        return excluded if excluded is None else excluded[rows]
    return [excluded[i] for i in rows]


def _is_excluded(rows, positions, excluded, size: int) -> np.ndarray:
    lengths = [len(e) for e in excluded]
    if not sum(lengths):
        return np.zeros(len(rows), dtype=bool)
    keys = np.repeat(np.arange(len(excluded)), lengths) * size + np.concatenate(excluded)
    return np.isin(rows * size + positions, keys.astype(np.int64))


def _best(held: list, keep: int) -> tuple:
    """(rows, positions, distances) of the `keep` nearest of every row, in order."""
    if not held:
        empty = np.empty(0, dtype=np.int64)
        return empty, empty, np.empty(0)
    pairs = tuple(np.concatenate(part) for part in zip(*held))
    order = np.lexsort((pairs[1], pairs[2], pairs[0]))
    rows = pairs[0][order]
    first = np.searchsorted(rows, rows, side="left")
    order = order[np.arange(len(rows)) - first < keep]
    return tuple(part[order] for part in pairs)


def _merged(m: int, parts: list) -> Answers:
    """Answers of all m queries from those of groups of them."""
    if not parts:
        return Answers.of_pairs(m, *_best([], 0))
    if len(parts) == 1 and len(parts[0][1]) == m:
        return parts[0][1]
    rows = np.concatenate([np.arange(m)[group][answers.rows] for group, answers in parts])
    order = np.argsort(rows, kind="stable")
    positions = np.concatenate([answers.positions for _, answers in parts])[order]
    distances = np.concatenate([answers.distances for _, answers in parts])[order]
    found = None
    if all(answers.found is not None for _, answers in parts):
        found = np.zeros(m, dtype=np.int64)
        for group, answers in parts:
            found[group] = answers.found
    return Answers.of_pairs(m, rows[order], positions, distances, found)


def _zero_rows(X) -> np.ndarray:
    """Which rows (n,), dense or CSR, have no value but zeros."""
    if is_sparse(X):
        return np.diff(np.concatenate([[0], np.cumsum(X.data != 0)])[X.indptr]) == 0
    return ~X.any(axis=1)


def equal_rows(Q, X, rows: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Whether (K,) query `rows[i]` equals point `positions[i]` in every column."""
    if not len(rows):
        return np.zeros(0, dtype=bool)
    if not is_sparse(X):
        return np.asarray((Q[rows] == X[positions]).all(axis=1))
    difference = (Q[rows] - X[positions]).tocsr()
    difference.eliminate_zeros()
    return np.diff(difference.indptr) == 0
