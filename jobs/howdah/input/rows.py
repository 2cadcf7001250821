"""Rows: what the parser makes of text."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import compress
from typing import Optional

import numpy as np

# Larger numbers are bad rows: their squares are infinite, and so are sums of many of them.
LARGEST = 1e300
MOST_SPARSE_COLUMNS = 2 ** 31


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

    def nonzero(self) -> np.ndarray:
        """Which rows have a value other than zero."""
        if isinstance(self.X, tuple):
            values, _, lengths = self.X
            row = np.repeat(np.arange(len(lengths)), lengths)
            return np.bincount(row, values != 0, minlength=len(lengths)) > 0
        return (self.X != 0).any(axis=1)  # type: ignore

    def within(self, largest: float) -> np.ndarray:
        """Which rows have no value of a magnitude above this."""
        largest = np.float64(largest)  # a Python number would become a float32 beside others
        if isinstance(self.X, tuple):
            values, _, lengths = self.X
            row = np.repeat(np.arange(len(lengths)), lengths)
            return np.bincount(row, np.abs(values) > largest, minlength=len(lengths)) == 0
        return (np.abs(self.X) <= largest).all(axis=1)  # type: ignore

    def only(self, kept: np.ndarray) -> Rows:
        """The rows that `kept` (n,) marks."""
        if isinstance(self.X, tuple):
            values, columns, lengths = self.X
            entries = np.repeat(kept, lengths)
            X: object = (values[entries], columns[entries], lengths[kept])
        else:
            X = self.X.T[:, kept].T  # type: ignore
        held = {role: list(compress(texts, kept)) for role, texts in self.texts.items()}
        return Rows(X, None if self.weights is None else self.weights[kept], held,
                    None if self.lines is None else list(compress(self.lines, kept)))
