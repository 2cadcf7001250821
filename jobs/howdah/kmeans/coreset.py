"""The weighted sample that seeds k-means after one scan.

Each chunk of rows picks references of its own by k-means++ (Arthur, Vassilvitskii 2007); a row's
sensitivity (Bachem, Lucic, Krause 2017) bounds its share of the cost under any centroids, and the
rows of highest priority = weight * sensitivity / u are kept (see priority_sample).
"""

from __future__ import annotations

import hashlib
from typing import Optional

import numpy as np

from howdah.lengths import squared_lengths, unit_rows
from howdah.kmeans.priority_sample import PrioritySample
from howdah.sparse import is_sparse

CHUNK_ROWS = 16384
SPARSE_CHUNK_ROWS = 8192
# Wide rows come in smaller chunks (32 MB), and fewer of them are sampled (64 MB).
CHUNK_VALUES = 1 << 22
SAMPLE_VALUES = 1 << 23
REFERENCE_ROWS = 2000
MOST_REFERENCES = 256
PROJECTED_COLUMNS = 256
SIGNED_COLUMNS = 4096
# Rows whose products with all references stay in the processor's cache.
NEAREST_ROWS = 2048


def sample_size(k: int, n_columns: int) -> int:
    """Rows to sample for k clusters: 20,000 or 40 per cluster, within 64 MB, 10 per cluster."""
    affordable = SAMPLE_VALUES // max(n_columns, 1)
    return max(10 * k, min(max(20000, 40 * k), affordable))


def chunk_rows(n_columns: Optional[int]) -> int:
    """Rows whose sensitivities are judged together; `n_columns` None for sparse rows."""
    if n_columns is None:
        return SPARSE_CHUNK_ROWS
    return min(CHUNK_ROWS, max(1024, CHUNK_VALUES // max(n_columns, 1)))


def sensitivities(X: np.ndarray, k: int, rng: np.random.Generator,
                  weights: Optional[np.ndarray] = None) -> np.ndarray:
    """Sensitivity of every row of a chunk, scaled to a (weighted) mean of 1: (n,).

    X (n, d) float64; weights (n,) or None.
    """
    w = np.ones(len(X)) if weights is None else weights
    total = w.sum()
    if total <= 0:
        return np.ones(len(X))
    references = choose_references(X, min(k, MOST_REFERENCES), rng, w)
    labels, distances = _nearest_reference(X, references)
    mean = (w @ distances) / total
    share = np.bincount(labels, w, minlength=len(references))
    own = np.bincount(labels, w * distances, minlength=len(references))
    with np.errstate(divide="ignore", invalid="ignore"):
        part = np.where(share > 0, total / (share * len(references)), 0.0)
        spread = np.where(share > 0, own / share, 0.0)
    result = part[labels]
    if mean > 0:
        result = result + distances / mean + spread[labels] / mean
    return result / ((w @ result) / total)


def choose_references(X: np.ndarray, k: int, rng: np.random.Generator,
                      w: np.ndarray) -> np.ndarray:
    """k-means++ on at most 2,000 rows of the chunk: at most k distinct rows (m, d)."""
    if len(X) > REFERENCE_ROWS:
        rows = rng.choice(len(X), REFERENCE_ROWS, replace=False, shuffle=False)
        X, w = X[rows], w[rows]
    # What cancellation leaves of a zero must not be drawn as if it were a distance.
    norms = (1 - 1e-12) * squared_lengths(X)
    doubled = -2.0 * X
    chosen = [_draw(np.cumsum(w), rng) if w.sum() > 0 else 0]
    closest, distances, mass = np.full(len(X), np.inf), np.empty(len(X)), np.empty(len(X))
    while len(chosen) < min(k, len(X)):
        newest = chosen[-1]
        np.dot(doubled, X[newest], out=distances)
        distances += norms
        distances += norms[newest]
        np.minimum(closest, distances, out=closest)
        np.maximum(closest, 0.0, out=closest)
        np.multiply(closest, w, out=mass)
        np.cumsum(mass, out=mass)
        if not mass[-1] > 0:
            break
        chosen.append(_draw(mass, rng))
    return X[chosen]


def _draw(cumulated: np.ndarray, rng: np.random.Generator) -> int:
    """An index drawn with probability proportional to its mass, from the masses' cumulated sums."""
    drawn = cumulated.searchsorted(rng.random() * cumulated[-1], side="right")
    return min(int(drawn), len(cumulated) - 1)


def _nearest_reference(X: np.ndarray, references: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Labels (n,) and squared distances (n,), float32 products in pieces that stay in cache."""
    labels, distances = np.empty(len(X), dtype=np.intp), np.zeros(len(X))
    factors = (-2.0 * references).astype(np.float32)
    constants = squared_lengths(references).astype(np.float32)[:, None]
    numbers = np.arange(len(references)).astype(np.min_scalar_type(len(references) - 1))[:, None]
    for start in range(0, len(X), NEAREST_ROWS):
        part = slice(start, start + NEAREST_ROWS)
        values = factors @ X.T[:, part].astype(np.float32)
        values += constants
        nearest = values <= values.min(axis=0)
        labels[part] = (nearest.view(np.uint8) * numbers).max(axis=0)
    for column, reference in zip(X.T, references.T):
        difference = column - reference[labels]
        difference *= difference
        distances += difference
    return labels, distances


def projected(X, rng: np.random.Generator) -> np.ndarray:
    """CSR rows (n, d) as dense ones (n, at most PROJECTED_COLUMNS)."""
    if X.shape[1] <= PROJECTED_COLUMNS:
        return X.toarray()
    by_column = X.tocsc()
    used = np.flatnonzero(np.diff(by_column.indptr))
    total = np.zeros((X.shape[0], PROJECTED_COLUMNS))
    # Hashed features have millions of columns, and signs for all of them at once would not fit.
    for start in range(0, len(used), SIGNED_COLUMNS):
        part = by_column[:, used[start:start + SIGNED_COLUMNS]]
        total += part @ (rng.integers(0, 2, size=(part.shape[1], PROJECTED_COLUMNS)) * 2.0 - 1.0)
    return total / np.sqrt(PROJECTED_COLUMNS)


class Sampler:
    """Draws the sample of one task, chunk by chunk.

    A chunk's random numbers come from a hash of the seed and of all rows of the task so far, for
    no runner gives a split a stable name; that of the chunk alone would draw the same numbers for
    every chunk of a constant stretch.
    """

    def __init__(self, k: int, size: int, seed: int, cosine: bool = False,
                 standardize: bool = False):
        self.k, self.cosine, self.standardize = k, cosine, standardize
        self.sample = PrioritySample(size)
        self._state = hashlib.blake2b(str(seed).encode("ascii"), digest_size=32)

    def add(self, X: np.ndarray, weights: Optional[np.ndarray], hashes: np.ndarray) -> None:
        """A chunk X, float64 (n, d) or CSR, with weights (n,) or None, and its row hashes (n,)."""
        self._state.update(hashes.tobytes())
        seed = int.from_bytes(self._state.digest(), "little")
        rng = np.random.Generator(np.random.PCG64(seed))
        w = np.ones(X.shape[0]) if weights is None else weights.copy()
        masses = w * sensitivities(self._comparable(X, rng), self.k, rng, weights)
        priorities = masses / (1.0 - rng.random(X.shape[0]))
        self.sample.offer(X, w, masses, priorities)

    def _comparable(self, X, rng: np.random.Generator) -> np.ndarray:
        """The chunk as the metric sees it: unit rows, or centred and scaled to avoid overflow.

        Wide sparse rows are projected to fewer dimensions, which nearly keeps their distances
        (Johnson, Lindenstrauss 1984; random signs: Achlioptas 2003).
        """
        if is_sparse(X):
            X = projected(X, rng)
        top = np.abs(X).max(initial=0.0)
        X = X / (top or 1.0)
        if self.cosine:
            return unit_rows(X)
        X = X - X.mean(axis=0)
        if self.standardize:
            std = X.std(axis=0)
            return X / np.where(std > 0, std, 1.0)
        return X
