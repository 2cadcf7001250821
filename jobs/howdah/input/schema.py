"""The schema: what decides which column is which, made at the first reading, kept in all files."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Optional


@dataclass(frozen=True)
class Schema:
    """The columns of an input, as everything that is made of it tells them.

    columns     names of dense columns in their order, their numbers where `named` is false; None
                of sparse rows
    format      how the input was written, one of layout.FORMATS
    zero_based  whether sparse indices count from 0
    width       number of columns, None where no one knows yet
    metric, standardize  of a run, which compares rows by them
    """

    columns: Optional[tuple]
    format: str
    named: bool = False
    zero_based: bool = False
    width: Optional[int] = None
    metric: Optional[str] = None
    standardize: Optional[bool] = None

    @property
    def sparse(self) -> bool:
        return self.columns is None

    def digest(self) -> str:
        """16 hexadecimal digits, equal where the columns are the same in the same order."""
        names = None if self.columns is None else [name.strip() for name in self.columns]
        told = [names, self.zero_based and self.sparse, self.width]
        return hashlib.sha256(json.dumps(told).encode("utf-8")).hexdigest()[:16]

    def to_dict(self) -> dict:
        return asdict(self)

    @classmethod
    def from_dict(cls, value: dict) -> Schema:
        names = value["columns"]
        return cls(**{**value, "columns": None if names is None else tuple(names)})
