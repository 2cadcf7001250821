"""Priority samples: the rows of highest weight * sensitivity / u, merged exactly in any order.

N. Duffield, C. Lund, M. Thorup, Priority sampling for estimation of arbitrary subset sums, 2007.
"""

from __future__ import annotations

from typing import Any, Optional

import numpy as np

from howdah.kmeans.records import SampleRecord
from howdah.sparse import is_sparse, stacked


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

    def weighted(self) -> tuple[Any, np.ndarray]:
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
        values = 2 * X.nnz // X.shape[0] if is_sparse(X) else X.shape[1]
        step = max(1, most_bytes // (8 * max(values, 1)))
        for start in range(0, X.shape[0], step):
            part = slice(start, start + step)
            yield SampleRecord.of(self.size, self.threshold, X[part], self._weights[0][part],
                                  self._masses[0][part], self._priorities[0][part]).to_dict()

    @classmethod
    def of_records(cls, records) -> Optional[PrioritySample]:
        """The union of records, None of no records."""
        sample = None
        for record in map(SampleRecord.from_dict, records):
            part = cls(record.size)
            part.threshold = record.threshold
            part._append(record.X, record.weights, record.masses, record.priorities)
            if sample is None:
                sample = part
            else:
                sample._take(part)
        if sample is not None:
            sample._compact()
            sample._drop_below_threshold()
        return sample

    def _take(self, part: PrioritySample) -> None:
        """Take a part in without sorting yet, as long as twice the size is not held."""
        self.threshold = max(self.threshold, part.threshold)
        for piece in zip(part._rows, part._weights, part._masses, part._priorities):
            self._append(*piece)
        if self._held > 2 * self.size:
            self._compact()
            self._drop_below_threshold()
