"""Which points are not to be answered: the query itself, those of a list, those it is made of."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Optional

import numpy as np

from howdah.errors import UserError
from howdah.knn.index import Index
from howdah.knn.neighbors import equal_rows
from howdah.knn.request import Request
from howdah.sparse import is_sparse

# What is counted, by the names of counters.
BY_ID, NO_ID = "queries left out by their id", "queries whose id is no point's"
BY_PLACE, BY_EQUALITY = "queries left out at their place", "queries left out as an equal point"
LISTED, UNKNOWN = "exclusions of queries", "exclusions of unknown points"


@dataclass
class Excluded:
    """What a batch of m queries leaves out.

    positions  m arrays of positions of points, or None where there are none at all
    same       whether one point equal to the query is left out; of queries that have an
               `own` (m,) position, not -1, it is that one
    """

    positions: Optional[list] = None
    same: bool = False
    own: Optional[np.ndarray] = None

    def at(self, i: int) -> Excluded:
        """Of one query."""
        return Excluded(None if self.positions is None else self.positions[i:i + 1], self.same,
                        None if self.own is None else self.own[i:i + 1])


class Exclusions:
    """The exclusions of all batches, by a request and a file of `query id TAB ids of points`."""

    def __init__(self, request: Request, index: Index, path: Optional[str] = None):
        self.request, self.index = request, index
        self.listed = {} if path is None else read_exclusions(path)
        self.counts: Counter = Counter()

    def of(self, ids: list, X, queries, named: bool) -> Excluded:
        """Of a batch: X as it was read, `queries` in the form of the points."""
        by_id = self.request.exclude_self and named and self.index.ids is not None
        same = self.request.exclude_self and not by_id
        return Excluded(self._positions(ids, X, by_id), same,
                        None if not same or named else self._own_places(ids, queries))

    def _own_places(self, ids: list, queries) -> np.ndarray:
        """The running place of each query, where the point there is equal; else -1."""
        n = self.index.description.n
        own = np.array([place if isinstance(place, int) and place < n else -1 for place in ids],
                       dtype=np.int64)
        placed = np.flatnonzero(own >= 0)
        own[placed[~equal_rows(queries, self.index.points, placed, own[placed])]] = -1
        self.counts[BY_PLACE] += int((own >= 0).sum())
        self.counts[BY_EQUALITY] += int((own < 0).sum())
        return own

    def _positions(self, ids: list, X, by_id: bool) -> Optional[list]:
        if not (by_id or self.listed or self.request.from_points):
            return None
        parts = self._found([self.listed.get(str(name), []) for name in ids])
        self.counts[LISTED] += sum(map(len, parts))
        self.counts[UNKNOWN] += sum(int((part < 0).sum()) for part in parts)
        if by_id:
            own = self.index.positions_of(ids)
            self.counts[BY_ID] += int((own >= 0).sum())
            self.counts[NO_ID] += int((own < 0).sum())
            parts = [np.append(part, place) for part, place in zip(parts, own)]
        if self.request.from_points:
            parts = [np.concatenate([part, used]) for part, used in zip(parts, used_columns(X))]
        return [np.unique(part[part >= 0]).astype(np.int64) for part in parts]

    def _found(self, lists: list) -> list:
        """The positions of lists of ids."""
        flat = self.index.positions_of([name for names in lists for name in names])
        return np.split(flat, np.cumsum([len(names) for names in lists])[:-1])


def used_columns(X) -> list:
    """The columns (as positions of points) where each row of X is not 0."""
    if is_sparse(X):
        return np.split(X.indices, X.indptr[1:-1])
    return [np.flatnonzero(row) for row in X]


def told(counted: dict, request: Request, listed: Optional[int]) -> list:
    """Sentences about what was left out; `listed` is how many exclusions the file has."""
    lines = []
    if request.exclude_self:
        by_id, by_place = counted.get(BY_ID, 0), counted.get(BY_PLACE, 0)
        if by_id or counted.get(NO_ID):
            lines.append("--exclude-self: %d queries leave out the point of their id, %d have an id"
                         " that is no point's." % (by_id, counted.get(NO_ID, 0)))
        elif by_place or counted.get(BY_EQUALITY):
            lines.append("--exclude-self: %d queries leave out the point at their own place, which"
                         " is equal; %d leave out one equal point, if there is any."
                         % (by_place, counted.get(BY_EQUALITY, 0)))
        else:
            lines.append("--exclude-self: queries without ids leave out one equal point, if there"
                         " is any.")
    if counted.get(UNKNOWN):
        lines.append("%d ids of --exclude are no points of the index." % counted[UNKNOWN])
    if listed is not None and LISTED in counted and counted[LISTED] < listed:
        lines.append("%d of %d ids of --exclude stand at queries that did not come."
                     % (listed - counted[LISTED], listed))
    return lines


def read_exclusions(path: str) -> dict:
    """Ids of points by query id, from lines: query id TAB id [TAB id ...]."""
    excluded: dict = {}
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            query, *points = line.rstrip("\r\n").split("\t")
            if line.strip() and not points:
                raise UserError("Line %d of the --exclude file %s has no tab: %r; it must be query"
                                " id TAB ids of points." % (number, path, line[:40]))
            if points:
                excluded.setdefault(query, []).extend(points)
    return excluded
