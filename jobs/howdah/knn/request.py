"""What a job asks of its index, for every query alike."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Optional


@dataclass(frozen=True)
class Request:
    """The part of a plan that answers depend on, besides the index itself.

    index : what the user calls it
    verify : whether tasks see by the SHA-256 of the file of candidates that it is the index's
    n, radius : the n nearest, all within the radius (the `most` nearest of them), or both
    vote, mean : how a query's neighbours weigh, one of votes.WEIGHTS, where it gets a label or a
        number from them
    output_format : "json" or "tsv"
    exclude_self : whether a query's own id, or without ids one point equal to it, is no answer
    from_points : whether a query's columns are the weights of the index's points, which it sums
    recall_sample : how many queries of each task are answered exactly too, to tell the recall
    """

    index: str = "the index"
    verify: bool = False
    n: Optional[int] = None
    radius: Optional[float] = None
    most: int = 1000
    vote: Optional[str] = None
    mean: Optional[str] = None
    output_format: str = "json"
    exclude_self: bool = False
    from_points: bool = False
    recall_sample: Optional[int] = None

    def to_dict(self) -> dict:
        return asdict(self)

    @classmethod
    def from_dict(cls, value: dict) -> Request:
        return cls(**value)
