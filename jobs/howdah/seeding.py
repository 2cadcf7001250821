"""The weighted sample that seeds k-means after one scan.

Each chunk of rows picks references of its own by k-means++ (Arthur, Vassilvitskii 2007); a row's
sensitivity (Bachem, Lucic, Krause 2017) bounds its share of the cost under any centroids, and the
rows of highest priority = weight * sensitivity / u are kept (priority sampling: Duffield, Lund,
Thorup 2007). Priority samples merge exactly, and weighted sums over them are unbiased.
"""

from __future__ import annotations

import hashlib
from typing import Optional

import numpy as np

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
    norms = (1 - 1e-12) * np.einsum("ij,ij->i", X, X)
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
    constants = np.einsum("ij,ij->i", references, references).astype(np.float32)[:, None]
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


class PrioritySample:
    """The `size` rows of highest priority seen so far, and the highest priority left out.

    Rows are kept as they were read; `masses` are weight * sensitivity. Merging keeps the top rows
    of the union: the same sample as if all rows had been offered to one.
    """

    def __init__(self, size: int):
        self.size = size
        self.threshold = 0.0
        self._priorities: list = []
        self._rows: list = []
        self._weights: list = []
        self._masses: list = []
        self._held = 0

    def __len__(self) -> int:
        self._compact()
        return self._held

    def offer(self, X: np.ndarray, weights: np.ndarray, masses: np.ndarray,
              priorities: np.ndarray) -> None:
        """Offer rows X (n, d) with weights, masses and priorities (n,); mass 0 is never kept."""
        rows = np.flatnonzero((priorities > self.threshold) & (masses > 0))
        if not len(rows):
            return
        self._append(X[rows], weights[rows], masses[rows], priorities[rows])
        if self._held > 2 * self.size:
            self._compact()

    def _append(self, X, weights, masses, priorities) -> None:
        self._rows.append(X)
        self._weights.append(weights)
        self._masses.append(masses)
        self._priorities.append(priorities)
        self._held += len(priorities)

    def _compact(self) -> None:
        """Keep the top `size` rows, in descending priority."""
        if not self._rows:
            return
        X = stacked(self._rows)
        weights, masses, priorities = (np.concatenate(part) for part in (
            self._weights, self._masses, self._priorities))
        order = np.lexsort((masses, -priorities))
        if len(order) > self.size:
            self.threshold = max(self.threshold, float(priorities[order[self.size]]))
            order = order[:self.size]
        self._rows, self._weights = [X[order]], [weights[order]]
        self._masses, self._priorities = [masses[order]], [priorities[order]]
        self._held = len(order)

    def merge(self, other: PrioritySample) -> None:
        other._compact()
        self.threshold = max(self.threshold, other.threshold)
        for part in zip(other._rows, other._weights, other._masses, other._priorities):
            self._append(*part)
        self._compact()
        self._drop_below_threshold()

    def _drop_below_threshold(self) -> None:
        """What another sample left out of its top rows is no longer in the union's top rows."""
        if not self._rows:
            return
        kept = self._priorities[0] > self.threshold
        if not kept.all():
            self._rows, self._weights = [self._rows[0][kept]], [self._weights[0][kept]]
            self._masses, self._priorities = [self._masses[0][kept]], [self._priorities[0][kept]]
            self._held = int(kept.sum())

    def shrink(self, size: int) -> None:
        """Keep the top rows only: the sample that a smaller size would have given."""
        self.size = min(self.size, size)
        self._compact()

    def weighted(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows, dense (m, d) or CSR, and weights w * max(1, threshold / mass) (m,)."""
        self._compact()
        if not self._rows:
            return np.empty((0, 0)), np.empty(0)
        weights, masses = self._weights[0], self._masses[0]
        return self._rows[0], weights * np.maximum(1.0, self.threshold / masses)

    def records(self, most_bytes: int = 1 << 20):
        """The sample in records of about a megabyte."""
        self._compact()
        if not self._rows:
            return
        X = self._rows[0]
        values = X.shape[1] if isinstance(X, np.ndarray) else 2 * X.nnz // len(self._weights[0])
        step = max(1, most_bytes // (8 * max(values, 1)))
        for start in range(0, X.shape[0], step):
            part = slice(start, start + step)
            yield {"size": self.size, "threshold": self.threshold, "rows": rows_record(X[part]),
                   "weights": self._weights[0][part], "masses": self._masses[0][part],
                   "priorities": self._priorities[0][part]}

    @classmethod
    def of_records(cls, records) -> Optional[PrioritySample]:
        """The union of records, None of no records."""
        sample = None
        for record in records:
            part = cls(record["size"])
            part.threshold = record["threshold"]
            part._append(rows_of_record(record["rows"]), record["weights"], record["masses"],
                         record["priorities"])
            if sample is None:
                sample = part
            else:
                sample.merge_later(part)
        if sample is not None:
            sample._compact()
            sample._drop_below_threshold()
        return sample

    def merge_later(self, part: PrioritySample) -> None:
        """Take a part in without sorting yet, as long as twice the size is not held."""
        self.threshold = max(self.threshold, part.threshold)
        for piece in zip(part._rows, part._weights, part._masses, part._priorities):
            self._append(*piece)
        if self._held > 2 * self.size:
            self._compact()
            self._drop_below_threshold()


def stacked(pieces: list):
    """Rows of all pieces, dense or CSR; of sparse pieces the narrower ones are widened."""
    if isinstance(pieces[0], np.ndarray):
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
    from scipy.sparse import csr_matrix, vstack

    width = max(X.shape[1] for X in pieces)
    return vstack([csr_matrix((X.data, X.indices, X.indptr), shape=(X.shape[0], width))
                   for X in pieces], format="csr")


def rows_record(X):
    """Rows as a record carries them."""
    if isinstance(X, np.ndarray):
        return X
    return {"values": X.data, "columns": X.indices, "ends": X.indptr, "width": X.shape[1]}


def rows_of_record(record):
    if isinstance(record, np.ndarray):
        return record
    from scipy.sparse import csr_matrix

    return csr_matrix((record["values"], record["columns"], record["ends"]),
                      shape=(len(record["ends"]) - 1, record["width"]))


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
        if not isinstance(X, np.ndarray):
            X = projected(X, rng)
        top = np.abs(X).max(initial=0.0)
        X = X / (top or 1.0)
        if self.cosine:
            lengths = np.sqrt(np.einsum("ij,ij->i", X, X))
            return X / np.where(lengths > 0, lengths, 1.0)[:, None]
        X = X - X.mean(axis=0)
        if self.standardize:
            std = X.std(axis=0)
            return X / np.where(std > 0, std, 1.0)
        return X
