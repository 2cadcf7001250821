"""Brute force in two steps: a matrix product finds candidates, a proven bound says what it missed.

|q - x|^2 = |q|^2 + 2 (|x|^2 / 2 - q.x), so one matrix product per block of points scores them. The
product runs in float32 on centred data; a point within distance t of q scores at most
`limit(t)`, rounding included. Candidates are measured again by howdah.knn.distances, so the bound
decides only how many there are, never the answer.
"""

from __future__ import annotations

from typing import Iterator, Union

import numpy as np

from howdah.knn.search import Search
from howdah.lengths import extreme, squared_lengths, unit_rows
from howdah.sparse import is_sparse

CHUNK_POINTS = 1024
BLOCK_QUERIES = 256
SAMPLE_POINTS = 2048
# Products of float32 below this bound neither overflow nor lose their sum.
LARGEST_SQUARE = 1e30
# The score of a row of zeros for cosine, worse than any: such rows are no neighbours.
NO_DIRECTION = 3.0


class Product:
    """Scores by matrix product: |x|^2 / 2 - q.x for Euclidean, -cosine for cosine."""

    def __init__(self, points, metric: str, centre, dtype):
        self.points = points
        self.cosine = metric == "cosine"
        self.sparse = is_sparse(points)
        self.centre = None if self.cosine or self.sparse else centre
        self.dtype = np.dtype(np.float64 if self.sparse else dtype)
        # Rounding of the product, and of the distances that candidates are measured by.
        unit, double = (float(np.finfo(t).eps) / 2 for t in (self.dtype, np.float64))
        self.slack = (points.shape[1] + 16) * (2 * unit + 4 * double)
        self.underflow = 4 * (points.shape[1] + 1) * float(np.finfo(self.dtype).tiny)

    def queries(self, Q):
        """What `scores` and `limit` need of the queries: their side of the product, lengths."""
        moved, squares = self._moved(Q)
        lengths = np.sqrt(squares)
        if self.cosine:
            moved = _scaled(moved, _inverse(lengths))
            lengths = np.ones(len(lengths))
        if self.sparse:
            return moved, lengths
        side = np.empty((len(lengths), moved.shape[1] + 1), dtype=self.dtype)
        with np.errstate(over="ignore"):    # what overflows is too_large
            np.negative(moved, out=side[:, :-1], casting="same_kind")
        side[:, -1] = 1
        return side, lengths

    def chunk(self, positions: slice):
        """The points' side of the product."""
        moved, squares = self._moved(self.points[positions])
        half = np.where(squares == 0, NO_DIRECTION, 0.0) if self.cosine else squares / 2
        if self.cosine:
            moved = _scaled(moved, _inverse(np.sqrt(squares)))
        if self.sparse:
            return moved.T.tocsr(), half
        dtype = self.dtype
        if squares.max(initial=0) > LARGEST_SQUARE and not self.cosine:
            dtype = np.dtype(np.float64)
        side = np.empty((len(half), moved.shape[1] + 1), dtype=dtype)
        side[:, :-1] = moved
        side[:, -1] = half
        return side, half

    def scores(self, queries, block: slice, chunk) -> np.ndarray:
        """Scores (queries of the block, points of the chunk)."""
        side, half = chunk
        if self.sparse:
            return half - (queries[0][block] @ side).toarray()
        return queries[0][block] @ side.T

    def limit(self, queries, t: np.ndarray) -> np.ndarray:
        """The highest score that a point within the computed distance t of its query can have."""
        lengths = queries[1]
        if self.cosine:
            return (t - 1) + self.slack
        reach = lengths + t
        with np.errstate(over="ignore"):    # a radius may be any number
            return (t * t - lengths * lengths) / 2 + self.slack * reach * reach + self.underflow

    def too_large(self, queries) -> bool:
        """Whether float32 could overflow for these queries."""
        return bool((queries[1] ** 2 > LARGEST_SQUARE).any())

    def distance_of(self, queries, scores: np.ndarray) -> np.ndarray:
        """About the distance that a score stands for."""
        if self.cosine:
            return scores + 1
        return np.sqrt(np.maximum(2 * scores.astype(np.float64) + queries[1] ** 2, 0))

    def _moved(self, A):
        """Rows about the centre, and their squared lengths, in float64."""
        A = A.astype(np.float64) if self.sparse else np.asarray(A, dtype=np.float64)
        if self.centre is not None:
            A = A - self.centre
        with np.errstate(over="ignore"):
            squares = squared_lengths(A)
        if self.cosine and len(extreme(squares)):
            A = unit_rows(A)
            squares = squared_lengths(A)
        return A, squares


class Direct:
    """Scores that are distances already, for metrics that are no matrix product.

    Only these need SciPy and scikit-learn, which are imported with the first scores.
    """

    def __init__(self, points, metric: str):
        self.points = points
        self.metric = metric
        self.sparse = is_sparse(points)
        self.slack = 1 + 4 * (points.shape[1] + 16) * float(np.finfo(np.float64).eps)

    def queries(self, Q):
        return Q

    def chunk(self, positions: slice):
        chunk = self.points[positions]
        return chunk if self.sparse else np.ascontiguousarray(chunk, dtype=np.float64)

    def scores(self, queries, block: slice, chunk) -> np.ndarray:
        if self.sparse:
            from sklearn.metrics.pairwise import manhattan_distances

            return manhattan_distances(queries[block], chunk)
        from scipy.spatial.distance import cdist

        metric = "cityblock" if self.metric == "manhattan" else self.metric
        return cdist(queries[block], chunk, metric)

    def limit(self, queries, t: np.ndarray) -> np.ndarray:
        return t * self.slack

    def too_large(self, queries) -> bool:
        return False

    def distance_of(self, queries, scores: np.ndarray) -> np.ndarray:
        return scores


class Brute(Search):
    """Candidates from all points.

    Attributes
    ----------
    points : (n, d) ndarray or CSR
    single, double : scores in float32, where that is safe, and in float64
    """

    def __init__(self, points, metric: str, centre=None):
        self.points = points
        n = points.shape[0]
        if metric in ("euclidean", "cosine"):
            if centre is None and not is_sparse(points):
                centre = np.asarray(points[::max(1, n // 256)], dtype=np.float64).mean(axis=0)
            self.single: Union[Product, Direct] = Product(points, metric, centre, np.float32)
            self.double: Union[Product, Direct] = Product(points, metric, centre, np.float64)
        else:
            self.single = self.double = Direct(points, metric)

    def nearest(self, Q, k: int):
        """See Search; by the reach no point that was left out scores less than the threshold."""
        scoring = self.single
        queries = scoring.queries(Q)
        if scoring.too_large(queries):
            scoring = self.double
            queries = scoring.queries(Q)
        n, m = self.points.shape[0], Q.shape[0]
        tops = [TopK(min(BLOCK_QUERIES, m - start), k, start)
                for start in range(0, m, BLOCK_QUERIES)]
        self._first_thresholds(scoring, queries, tops, k)
        for start in range(0, n, CHUNK_POINTS):
            chunk = scoring.chunk(slice(start, start + CHUNK_POINTS))
            for top in tops:
                top.offer(scoring.scores(queries, top.block, chunk), start)
        for top in tops:
            top.shrink()
        positions = np.concatenate([top.positions[:, :k] for top in tops])
        reach = np.concatenate([top.threshold for top in tops])
        if k >= n:
            reach[:] = np.inf
        return positions, (scoring, queries, reach)

    def _first_thresholds(self, scoring, queries, tops: list, k: int) -> None:
        """Thresholds from a sample of points, so that few of the first chunks' points pass."""
        n = self.points.shape[0]
        size = min(SAMPLE_POINTS, n // 8)
        if k > size // 4:
            return
        chunk = scoring.chunk(slice(0, n, n // size))
        for top in tops:
            scores = scoring.scores(queries, top.block, chunk)
            kth = np.partition(scores, k - 1, axis=1)[:, k - 1].astype(np.float64)
            there = _part(queries, top.block)
            # The same points must pass again although another product may round differently.
            t = scoring.distance_of(there, kth)
            top.threshold = np.maximum(kth, scoring.limit(there, t * (1 + 1e-6)))

    def proves(self, reach, t: np.ndarray) -> np.ndarray:
        scoring, queries, lowest = reach
        return (lowest == np.inf) | (lowest > scoring.limit(queries, t))

    def within(self, Q, t: np.ndarray) -> Iterator[tuple]:
        """See Search; a piece is of one block of queries and one chunk of points."""
        queries = self.double.queries(Q)
        limit = self.double.limit(queries, t)
        m = Q.shape[0]
        for start in range(0, self.points.shape[0], CHUNK_POINTS):
            chunk = self.double.chunk(slice(start, start + CHUNK_POINTS))
            for low in range(0, m, BLOCK_QUERIES):
                block = slice(low, low + BLOCK_QUERIES)
                scores = self.double.scores(queries, block, chunk)
                flat = np.flatnonzero(scores <= limit[block, None])
                if len(flat):
                    rows, columns = np.divmod(flat, scores.shape[1])
                    yield rows + low, columns + start


class TopK:
    """The k lowest scores so far of each of m queries, and their points.

    `threshold` (m,): no point that is not kept scored less.
    """

    def __init__(self, m: int, k: int, start: int):
        self.k = k
        self.block = slice(start, start + m)
        self.width = 2 * k + 32
        self.scores = np.full((m, self.width), np.inf)
        self.positions = np.full((m, self.width), -1, dtype=np.int64)
        self.filled = np.zeros(m, dtype=np.int64)
        self.threshold = np.full(m, np.inf)

    def offer(self, scores: np.ndarray, first: int) -> None:
        """Take the scores (m, p) of the points from position `first` on."""
        # Rounding up to float32 keeps what the threshold lets pass.
        with np.errstate(over="ignore"):
            threshold = self.threshold.astype(scores.dtype)
        threshold = np.nextafter(threshold, scores.dtype.type(np.inf))
        flat = np.flatnonzero(scores <= threshold[:, None])
        if not len(flat):
            return
        rows, columns = np.divmod(flat, scores.shape[1])
        counts = np.bincount(rows, minlength=len(self.filled))
        if (self.filled + counts).max() > self.width:
            self.shrink()
            self._widen(int((self.filled + counts).max()))
        within_row = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
        slots = self.filled[rows] + within_row
        self.scores[rows, slots] = scores.ravel()[flat]
        self.positions[rows, slots] = columns + first
        self.filled += counts

    def shrink(self) -> None:
        """Keep the k best of every query."""
        k = self.k
        if self.filled.max(initial=0) <= k:
            return
        best = np.argpartition(self.scores, k - 1, axis=1)[:, :k]
        scores = np.take_along_axis(self.scores, best, axis=1)
        if self.filled.min() < k:
            order = np.argsort(scores, axis=1)
            best, scores = (np.take_along_axis(a, order, axis=1) for a in (best, scores))
        positions = np.take_along_axis(self.positions, best, axis=1)
        full = self.filled >= k
        self.threshold[full] = np.minimum(self.threshold, scores.max(axis=1))[full]
        self.width = 2 * k + 32
        self.scores = np.full((len(scores), self.width), np.inf)
        self.positions = np.full((len(scores), self.width), -1, dtype=np.int64)
        self.scores[:, :k], self.positions[:, :k] = scores, positions
        self.filled = np.minimum(self.filled, k)

    def _widen(self, width: int) -> None:
        missing = width - self.width
        if missing > 0:
            self.scores = np.pad(self.scores, ((0, 0), (0, missing)), constant_values=np.inf)
            self.positions = np.pad(self.positions, ((0, 0), (0, missing)), constant_values=-1)
            self.width = width


def _part(queries, block: slice):
    """The queries of one block, for `limit`."""
    return tuple(part[block] for part in queries) if isinstance(queries, tuple) else queries[block]


def _inverse(lengths: np.ndarray) -> np.ndarray:
    return np.divide(1.0, lengths, out=np.zeros_like(lengths), where=lengths > 0)


def _scaled(A, factors: np.ndarray):
    """Rows of A times their factor."""
    if not is_sparse(A):
        return A * factors[:, None]
    A = A.copy()
    A.data *= np.repeat(factors, np.diff(A.indptr))
    return A
