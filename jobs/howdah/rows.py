"""Rows: what the parser makes of text."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Optional

import numpy as np

# Larger numbers are bad rows: their squares are infinite, and so are sums of many of them.
LARGEST = 1e300


@dataclass
class Rows:
    """Consecutive good rows of a block.

    `X` is a float64 array (n, d), or for sparse input a tuple (values, columns, row lengths).
    `lines` are the raw lines, when they were asked for.
    """

    X: object
    weights: Optional[np.ndarray] = None
    texts: dict = field(default_factory=dict)
    lines: Optional[list] = None

    def __len__(self) -> int:
        return len(self.X[2]) if isinstance(self.X, tuple) else len(self.X)  # type: ignore

    def all_nonzero(self) -> bool:
        """Whether every row has a value other than zero."""
        if isinstance(self.X, tuple):
            values, _, lengths = self.X
            row = np.repeat(np.arange(len(lengths)), lengths)
            return bool((np.bincount(row, values != 0, minlength=len(lengths)) > 0).all())
        return bool((self.X != 0).any(axis=1).all())  # type: ignore
