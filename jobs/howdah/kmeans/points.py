"""A batch of rows on the grid."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Optional

import numpy as np

from howdah.errors import UserError
from howdah.kmeans.grid import LIMIT, Space, added_in_pairs
from howdah.sparse import is_sparse, stacked


@dataclass
class GridPoints:
    """A batch on the grid: what `classify` and `Sums.add` work on.

    steps   float64 (d, n) of integers, or CSR (n, d)
    norms   float64 (n,), squared lengths in metric units, added in a fixed order
    metric  float32 (d + 1, n) steps in metric units over a row of ones (dense only)
    nearer  None, or by which power of two (n,) a far row was brought near (Space.brought_near)
    """

    steps: object
    norms: np.ndarray
    metric: Optional[np.ndarray] = None
    space: Optional[Space] = field(default=None, repr=False)
    nearer: Optional[np.ndarray] = None

    def __len__(self) -> int:
        return len(self.norms)

    @property
    def sparse(self) -> bool:
        return self.metric is None

    def at(self, rows: np.ndarray) -> GridPoints:
        """Some of the points."""
        if self.metric is None:
            return GridPoints(self.steps[rows], self.norms[rows], None, self.space)  # type: ignore
        return GridPoints(self.steps[:, rows], self.norms[rows],  # type: ignore
                          self.metric[:, rows], self.space)

    @classmethod
    def joined(cls, parts: list) -> GridPoints:
        """All points of several batches of one space."""
        norms, space = np.concatenate([part.norms for part in parts]), parts[0].space
        if parts[0].sparse:
            return cls(stacked([part.steps for part in parts]), norms, None, space)
        return cls(np.concatenate([part.steps for part in parts], axis=1), norms,
                   np.concatenate([part.metric for part in parts], axis=1), space)


def on_grid(X, space: Space, bounded: bool = True,
            weights: Optional[np.ndarray] = None) -> GridPoints:
    """Raw rows, dense (n, d) or CSR, on the grid of `space`.

    Raises UserError when they are to be bounded (for exact sums) and a value lies outside the
    range that the space was made for; rows of weight 0 did not make it, and are not bounded.
    """
    weighing = weights > 0 if weights is not None else None
    free = not bounded or weighing is not None and not weighing.all()
    X, nearer = space.brought_near(X) if free else (X, None)
    if is_sparse(X):
        K = space.sparse_steps(X)
        if bounded:
            _refuse_outside(K.data if weighing is None
                            else K.data[np.repeat(weighing, np.diff(K.indptr))])
        lengths = K.data * space.scale[K.indices]
        row = np.repeat(np.arange(K.shape[0]), np.diff(K.indptr))
        return GridPoints(K, np.bincount(row, lengths * lengths, minlength=K.shape[0]), None, space,
                          nearer)
    K = space.steps(X)
    squares = K * space.scale[:, None]
    metric = np.empty((len(K) + 1, len(X)), dtype=np.float32)
    metric[:-1] = squares
    metric[-1] = 1.0
    squares *= squares
    norms = added_in_pairs(squares)
    if bounded and not space.cosine and len(X):
        reach = np.maximum(metric[:-1].max(axis=1), -metric[:-1].min(axis=1))
        if space.faint or (reach > 0.99 * LIMIT * space.scale).any():
            _refuse_outside(K if weighing is None else K[:, weighing])
    return GridPoints(K, norms, metric, space, nearer)


def _refuse_outside(K: np.ndarray) -> None:
    if K.size and max(K.max(), -K.min()) > LIMIT:
        raise UserError("The data has values outside the range of its profile; make the profile"
                        " from this data (leave out --profile).")
