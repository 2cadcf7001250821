"""What a k-NN mapper does with a batch of queries: search, leave out, vote, spell."""

from __future__ import annotations

from functools import cached_property
from typing import Iterator, Optional

import numpy as np

from howdah.errors import UserError
from howdah.input.layout import Layout
from howdah.knn.exclusions import Excluded, Exclusions
from howdah.knn.index import Index
from howdah.knn.neighbors import Answers
from howdah.knn.recall import Recall, Sample, hits
from howdah.knn.request import Request
from howdah.knn.votes import class_shares, means, winners
from howdah.lengths import lengths
from howdah.sparse import as_csr, csr_rows, is_sparse
from howdah.spelling import field, json_text

GROUP = "howdah k-NN"
TRUNCATED = "answers cut at --max-neighbors"
SHORT = "queries with fewer neighbours than there are"
UNKNOWN_ITEMS = "columns of queries that are no points"
NOT_MAPPED = "tasks that read the index whole"


class Answering:
    """Answers batches as a request says.

    `candidates` is the file of an approximate index; `exclude` one of lines: query id TAB ids of
    points.
    """

    def __init__(self, request: Request, index: Index, layout: Layout,
                 candidates: Optional[str] = None,
                 exclude: Optional[str] = None):
        self.request = request
        self.index = index
        self.neighbors = index.neighbors(candidates, request.verify)
        self.exclusions = Exclusions(request, index, exclude)
        self.sample = Sample(request.recall_sample) if request.recall_sample else None
        self.truncated = self.short = self.unknown = 0
        self.places = index.places_of_columns(layout, request.index, request.from_points)
        if request.vote:
            self.labels = [label.decode("utf-8") for label in index.classes]  # type: ignore

    def lines(self, ids: list, X, named: bool) -> Iterator[bytes]:
        """One line (or, of pairs, several) for each query of a batch, in its order."""
        if self.places is not None:
            X = X.T[self.places].T  # by columns, as it was
        if self.request.from_points and is_sparse(X):
            X = self._known_items(X)
        queries = self.queries(X)
        excluded = self.exclusions.of(ids, X, queries, named)
        answers = self._query(self.neighbors, queries, excluded)
        self._count_short(answers, excluded)
        if self.sample is not None:
            self._keep_for_recall(answers, queries, excluded)
        spell = {"json": self._json, "tsv": self._tsv}[self.request.output_format]
        yield from spell(ids, answers)

    def counts(self) -> Iterator[tuple]:
        """(name, count) of what the launcher reports."""
        if not self.index.mapped:
            yield NOT_MAPPED, 1
        for name, count in ((TRUNCATED, self.truncated), (SHORT, self.short),
                            (UNKNOWN_ITEMS, self.unknown), *self.exclusions.counts.items()):
            if count:
                yield name, count
        if self.sample is not None and self.sample.kept:
            found, true = zip(*(self._hits_of(*kept) for kept in self.sample.kept))
            yield from Recall.of(np.concatenate(found), np.concatenate(true)).counts()

    def queries(self, X):
        """Query points in the form of the index: dense or CSR, sums of points if asked for."""
        if X.shape[1] != (self.index.description.n if self.request.from_points
                          else self.index.description.d):
            raise UserError("The queries have %d columns, but the index has %d points of %d"
                            " columns."
                            % (X.shape[1], self.index.description.n, self.index.description.d))
        if self.request.from_points:
            return self._sums_of_points(X)
        if is_sparse(X) == self.index.description.sparse:
            return X
        return X.toarray() if is_sparse(X) else as_csr(X)

    def _known_items(self, X):
        """CSR queries without the columns that are no points of the index, which are counted."""
        known = X.indices < self.index.description.n
        self.unknown += int((~known).sum())
        ends = np.concatenate([[0], np.cumsum(known)])[X.indptr]
        return csr_rows(X.data[known], X.indices[known], ends, self.index.description.n)

    def _count_short(self, answers: Answers, excluded: Excluded) -> None:
        """How many queries an approximate index found fewer points for than there are."""
        if self.neighbors.search.exact or self.request.n is None or self.request.radius is not None:
            return
        free = np.asarray(self.index.description.n - excluded.same)
        if excluded.positions is not None:
            free = free - np.array(list(map(len, excluded.positions)), dtype=np.int64)
        self.short += int((np.diff(answers.starts) < np.minimum(self.request.n, free)).sum())

    def _sums_of_points(self, weights):
        """Weighted sums of the points at unit length, so that each counts by its weight alone."""
        self.index.check_points()
        # CSR products add up row by row, whatever the batch.
        weights = weights.copy() if is_sparse(weights) else as_csr(weights)
        weights.data *= self._inverse_lengths[weights.indices]
        sums = weights @ self.index.points
        if is_sparse(sums):
            sums.sort_indices()
        return sums

    @cached_property
    def _inverse_lengths(self) -> np.ndarray:
        found = lengths(self.index.points)
        return np.divide(1.0, found, out=np.zeros_like(found), where=found > 0)

    def _query(self, neighbors, queries, excluded: Excluded) -> Answers:
        asked = self.request
        return neighbors.query(queries, asked.n, asked.radius, excluded.positions, excluded.same,
                               asked.most, excluded.own)

    # recall

    def _keep_for_recall(self, answers: Answers, queries, excluded: Excluded) -> None:
        def take(i: int):
            ours = slice(answers.starts[i], answers.starts[i + 1])
            return (queries[i:i + 1].copy(), answers.distances[ours].copy(),
                    excluded.at(i))

        self.sample.offer(len(answers), take)  # type: ignore[union-attr]

    @cached_property
    def _exact(self):
        return self.index.neighbors()

    def _hits_of(self, query, distances: np.ndarray, excluded: Excluded) -> tuple:
        """(found, true), both (1,), of a query that was kept."""
        exact = self._query(self._exact, query, excluded)
        found = Answers(np.array([0, len(distances)]), np.zeros(len(distances), dtype=np.int64),
                        distances)
        return hits(found, exact)

    # output

    def _json(self, ids: list, answers: Answers) -> Iterator[bytes]:
        names = self._names(answers.positions)
        pairs = list(map(list, zip(names, answers.distances.tolist())))
        extras = self._extras(answers)
        starts = answers.starts.tolist()
        for i, name in enumerate(ids):
            record = {"id": name, "neighbors": pairs[starts[i]:starts[i + 1]]}
            if extras:
                record.update(extras[i])
            yield json_text(record, ascii_only=False).encode("utf-8")

    def _tsv(self, ids: list, answers: Answers) -> Iterator[bytes]:
        names = list(map(field, self._names(answers.positions)))
        distances = answers.distances.tolist()
        extras = self._extras(answers)
        starts = answers.starts.tolist()
        for i, name in enumerate(ids):
            name = field(name)
            if self.request.vote:
                label = extras[i]["label"]
                pairs = ["%s\t%s\t%r" % (name, "" if label is None else field(label),
                                         extras[i]["shares"].get(label, 0.0))]
            elif self.request.mean:
                value = extras[i]["value"]
                pairs = ["%s\t%s" % (name, "" if value is None else repr(value))]
            else:
                pairs = ["%s\t%s\t%r" % (name, names[j], distances[j])
                         for j in range(starts[i], starts[i + 1])]
            if pairs:
                yield "\n".join(pairs).encode("utf-8")

    def _names(self, positions: np.ndarray) -> list:
        if self.index.ids is None:
            return positions.tolist()
        return [name.decode("utf-8") for name in self.index.ids[positions]]

    def _extras(self, answers: Answers) -> list:
        """What stands in each record beside the neighbours."""
        extras: list = [{} for _ in range(len(answers))]
        if self.request.vote:
            self._add_votes(extras, answers, self.request.vote)
        if self.request.mean:
            values = means(answers, np.asarray(self.index.targets), self.request.mean)
            for extra, value in zip(extras, values.tolist()):
                extra["value"] = None if value != value else value
        if self.request.n is None:
            self._add_truncated(extras, answers)
        return extras if any(extras) else []

    def _add_votes(self, extras: list, answers: Answers, weighting: str) -> None:
        voted = class_shares(answers, np.asarray(self.index.codes), weighting)
        for extra, best in zip(extras, winners(len(answers), *voted).tolist()):
            extra.update(label=None if best < 0 else self.labels[best], shares={})
        for row, code, share in zip(*(part.tolist() for part in voted)):
            extras[row]["shares"][self.labels[code]] = share

    def _add_truncated(self, extras: list, answers: Answers) -> None:
        """How many points lie within the radius, where not all of them are given."""
        given = np.diff(answers.starts)
        if answers.found is None:  # an approximate index does not know how many there are
            self.truncated += int((given >= self.request.most).sum())
            return
        for i in np.flatnonzero(answers.found > given).tolist():
            extras[i]["within_radius"] = int(answers.found[i])
            self.truncated += 1


def slice_name(part: dict) -> str:
    """What the plan calls a local task's part of an input file."""
    return "%s:%d" % (part["path"], part["start"])
