"""The profile: what one scan finds out about the data."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import Iterable, Optional

import numpy as np

from howdah.kmeans.grid import Space
from howdah.kmeans.moments import Distinct, Moments
from howdah.kmeans.records import ProfileRecord


@dataclass
class Profile:
    """Moments of the columns, number of distinct rows, sample weights.

    `total_weight`, `heaviest` and `lightest` are None for data without weights. All is of the rows
    whose weight is not 0; `weightless` counts the others.
    """

    moments: Moments
    distinct: Distinct
    total_weight: Optional[float] = None
    heaviest: Optional[float] = None
    lightest: Optional[float] = None
    weightless: int = 0

    @classmethod
    def of(cls, X, weights: Optional[np.ndarray], hashes: np.ndarray, distinct: int) -> Profile:
        """Of one batch; `distinct` is the number of distinct rows that are counted exactly."""
        sketch = Distinct(distinct)
        sketch.add(hashes)
        if weights is None:
            return cls(Moments.of(X), sketch)
        return cls(Moments.of(X), sketch, float(weights.sum()), float(weights.max()),
                   float(weights.min()))

    def merge(self, other: Profile) -> Profile:
        self.distinct.add(other.distinct.smallest)
        if self.heaviest is None or other.heaviest is None:
            return Profile(self.moments.merge(other.moments), self.distinct)
        return Profile(self.moments.merge(other.moments), self.distinct,
                       (self.total_weight or 0.0) + (other.total_weight or 0.0),
                       max(self.heaviest, other.heaviest),
                       min((profile.lightest for profile in (self, other)
                            if profile.lightest is not None), default=None))

    @staticmethod
    def merged(profiles: Iterable[Profile]) -> Profile:
        return reduce(Profile.merge, profiles)

    @property
    def rows(self) -> int:
        """Rows that were used, those of weight 0 too."""
        return self.moments.n + self.weightless

    @property
    def width(self) -> int:
        return len(self.moments.mean)

    def space(self, metric: str, standardize: bool, sparse: bool) -> Space:
        """The grid for this data."""
        return Space.of(self.moments, metric == "cosine", standardize, sparse, self.heaviest)

    def to_dict(self) -> dict:
        return ProfileRecord(self.moments.to_dict(), self.distinct.size, self.distinct.smallest,
                             self.total_weight, self.heaviest, self.lightest,
                             self.weightless).to_dict()

    @classmethod
    def from_dict(cls, value: dict) -> Profile:
        record = ProfileRecord.from_dict(value)
        return cls(Moments.from_dict(record.moments),
                   Distinct(record.distinct_size, record.distinct),
                   record.total_weight, record.heaviest, record.lightest, record.weightless)
