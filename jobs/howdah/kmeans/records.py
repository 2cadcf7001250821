"""The records of the sample scan: what travels is the dict of a dataclass's fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Optional

import numpy as np

from howdah.sparse import csr_rows, is_sparse


class Record:
    """A dataclass that travels as the dict of its fields."""

    def to_dict(self) -> dict:
        return dict(vars(self))

    @classmethod
    def from_dict(cls, value: dict):
        return cls(**value)


@dataclass
class ProfileRecord(Record):
    """A profile: its Moments as a dict, and of its Distinct the size and the smallest hashes.

    What data without weights does not have is left out, as it was before there were such fields.
    """

    moments: dict
    distinct_size: int
    distinct: np.ndarray
    total_weight: Optional[float]
    heaviest: Optional[float]
    lightest: Optional[float] = None
    weightless: int = 0

    def to_dict(self) -> dict:
        value = super().to_dict()
        if self.lightest is None:
            del value["lightest"]
        if not self.weightless:
            del value["weightless"]
        return value


@dataclass
class SampleRecord(Record):
    """Some rows of a priority sample with the size and threshold of the whole.

    rows  (m, d), or of CSR the dict of a SparseRows; weights, masses, priorities (m,)
    """

    size: int
    threshold: float
    rows: Any
    weights: np.ndarray
    masses: np.ndarray
    priorities: np.ndarray

    @classmethod
    def of(cls, size: int, threshold: float, X, *others: np.ndarray) -> SampleRecord:
        """Of rows X, dense or CSR."""
        return cls(size, threshold, SparseRows.of(X).to_dict() if is_sparse(X) else X, *others)

    @property
    def X(self):
        """The rows, dense or CSR."""
        return (SparseRows.from_dict(self.rows).csr if isinstance(self.rows, dict) else self.rows)


@dataclass
class SparseRows(Record):
    """CSR rows: those of row i are values and columns [ends[i]:ends[i + 1]]."""

    values: np.ndarray
    columns: np.ndarray
    ends: np.ndarray
    width: int

    @classmethod
    def of(cls, X) -> SparseRows:
        return cls(X.data, X.indices, X.indptr, X.shape[1])

    @property
    def csr(self):
        return csr_rows(self.values, self.columns, self.ends, self.width)
