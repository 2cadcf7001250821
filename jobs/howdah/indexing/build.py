"""Building a k-NN index: read the points, check that they can be served, fit, save."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Iterator, Optional

import numpy as np

from howdah.errors import UserError
from howdah.input.batches import batches, rows_per_batch
from howdah.input.formats import MARK_ROWS, SVMLIGHT_MARK, svmlight_fault
from howdah.input.layout import is_number, split_fields
from howdah.input.lines import read_slice
from howdah.input.parse import Parser
from howdah.input.row_counts import RowCounts
from howdah.input.schema import Schema
from howdah.knn.description import Description
from howdah.knn.distances import SPARSE_METRICS, largest_value, refuse_extremes
from howdah.knn.index import Index, file_checksum, file_digest
from howdah.knn.names import Finder, Names
from howdah.knn.votes import encoded_labels
from howdah.launch.bad_rows import refuse_bad_rows
from howdah.launch.files.files import Files
from howdah.launch.inputs import Inputs
from howdah.sparse import is_sparse, stacked

TREES = ("kd_tree", "ball_tree")


@dataclass
class Points:
    """All rows of the input: X (n, d) float64 or CSR, and the texts beside them by role.

    `columns` are the names of the d columns; none for sparse rows, nor where they are points.
    """

    X: object
    texts: dict = field(default_factory=dict)
    columns: list = field(default_factory=list)


def read_points(inputs: Inputs, files: Files, metric: str,
                bad_rows: str) -> tuple[Points, RowCounts]:
    """Every row of the input files; UserError for bad rows, unless they are to be skipped."""
    layout = inputs.layout
    if layout.weight is not None:
        raise UserError("k-NN uses no sample weights; name that column in --ignore-columns.")
    parser = Parser(layout, nonzero=metric == "cosine", largest=largest_value(metric))
    blocks = chain.from_iterable(read_slice(path) for path, _ in inputs.files)
    parts: list = []
    texts: dict = {role: [] for role in layout.texts}
    for batch in batches(parser, blocks, rows_per_batch(layout.n_columns)):
        # A dense batch's memory is used again.
        parts.append(batch.X if layout.sparse else np.array(batch.X))
        for role, held in texts.items():
            held.extend(batch.texts[role])
    refuse_bad_rows(parser.row_counts, bad_rows, files)
    if layout.sparse:
        X = stacked(parts, layout.width)
        X.sort_indices()
    else:
        X = np.concatenate(parts)
    return Points(X, texts, list(layout.columns or ())), parser.row_counts


def transposed(points: Points, first: int) -> Points:
    """Columns as points: their ids are their names, or their numbers from `first` on."""
    X = points.X
    if is_sparse(X):
        X = X.T.tocsr()  # type: ignore[attr-defined]
        X.sort_indices()
        names = [str(i) for i in range(first, first + X.shape[0])]
    else:
        X = np.ascontiguousarray(X.T)  # type: ignore[attr-defined]
        names = points.columns
    return Points(X, {"id": names})


def build(points: Points, metric: str, algorithm: str, candidates=None) -> Index:
    """A fitted index; UserError for texts, or a metric and an algorithm, that cannot be served.

    `candidates` writes an approximate index of (points, metric, centre) once all else is checked
    and gives its (description, path).
    """
    from sklearn.neighbors import NearestNeighbors

    X = points.X
    sparse = is_sparse(X)
    refuse_pair(metric, algorithm, sparse)
    refuse_extremes(X, metric, "A point")
    centre = None if sparse or metric == "cosine" else X.mean(axis=0)  # type: ignore
    if candidates is not None:
        if sparse:
            raise UserError("Annoy and FAISS need dense points, but the input is sparse"
                            " (svmlight).")
        if algorithm in TREES:
            raise UserError("--algorithm %s is another index than --annoy or --faiss; leave it out."
                            % algorithm)
    if candidates is not None or sparse or metric == "cosine":
        algorithm = "brute"
    fitted = NearestNeighbors(algorithm=algorithm, metric=metric).fit(X)
    description = Description(metric, fitted._fit_method, *X.shape,  # type: ignore
                              dtype="float64", sparse=sparse)
    index = Index(description, fitted, centre=centre, columns=points.columns or None)
    if points.columns:
        description.schema = Schema(tuple(points.columns), "", width=len(points.columns)).digest()
    _add_ids(index, points.texts.get("id"))
    _add_labels(index, points.texts.get("label"))
    _add_targets(index, points.texts.get("target"))
    if candidates is not None:
        described, path = candidates(X, metric, centre)
        described.update(bytes=os.path.getsize(path), sha256=file_digest(path),
                         checksum=file_checksum(path))
        description.candidates = described
    return index


def refuse_pair(metric: str, algorithm: str, sparse: bool) -> None:
    if algorithm in TREES and (sparse or metric == "cosine"):
        raise UserError("--algorithm %s does not serve %s; use --algorithm brute."
                        % (algorithm, "sparse points" if sparse else "--metric cosine"))
    if sparse and metric not in SPARSE_METRICS:
        raise UserError("--metric %s does not serve sparse points; use one of %s."
                        % (metric, ", ".join(SPARSE_METRICS)))


def _add_ids(index: Index, ids: Optional[list]) -> None:
    if ids is None:
        return
    n = index.description.n
    if len(ids) != n:
        raise UserError("There are %d ids for %d points; give one line per point." % (len(ids), n))
    seen: dict = {}
    for i, name in enumerate(ids):
        if name in seen:
            raise UserError("The id %r stands at row %d and again at row %d; ids must differ."
                            % (name, seen[name] + 1, i + 1))
        if not name.isprintable() or not name:
            raise UserError("The id %r of row %d is empty or holds control characters."
                            % (name, i + 1))
        seen[name] = i
    index.ids = Names.of([name.encode("utf-8") for name in ids])
    index.finder = Finder.of(index.ids)
    index.description.ids = True


def _add_labels(index: Index, labels: Optional[list]) -> None:
    if labels is not None:
        if "" in labels:
            raise UserError("The label of row %d is empty; give it one, or leave the row out."
                            % (labels.index("") + 1))
        index.codes, index.classes = encoded_labels(labels)
        index.description.classes = len(index.classes)


def _add_targets(index: Index, targets: Optional[list]) -> None:
    if targets is None:
        return
    for i, text in enumerate(targets):
        if not is_number(text):
            raise UserError("The target of row %d is %r, not a number." % (i + 1, text[:40]))
    index.targets = np.array([float(text) for text in targets])
    index.description.targets = True


def summary(description: Description, path: str) -> str:
    """What the user reads of an index that was written."""
    carried = [name for name, there in (
        ("ids", description.ids), ("%d classes" % description.classes, description.classes),
        ("targets", description.targets)) if there]
    if description.candidates:
        carried.append("%(kind)s candidates" % description.candidates)
    return ("%s: %d points, %d columns, %s, %s%s; %.1f MB\nsha256 %s"
            % (path, description.n, description.d, description.metric, description.algorithm,
               "".join(", " + name for name in carried), os.path.getsize(path) / 1e6,
               file_digest(path)))


def as_target(name: str) -> str:
    """The id as a row of svmlight begins with it; UserError for one that would not come back."""
    if ":" in name or split_fields(name.partition("#")[0], " ") != [name]:
        raise UserError("The id %r cannot be the target of an svmlight row: it holds a blank, a #"
                        " or a colon; leave out --write-points, or name other ids." % name)
    return name


def write_svmlight(path: str, index: Index) -> int:
    """The points as svmlight rows, their ids (or positions) first, indices from 1.

    A comment above them tells the format where the first rows would not. Cosine knows no points
    without entries, so they are left out; their number. Raises UserError for an id that svmlight
    cannot hold.
    """
    rows = (row for row in _svmlight_rows(index)
            if " " in row or index.description.metric != "cosine")
    first = list(islice(rows, MARK_ROWS))
    tells = (any(" " in row for row in first)
             and not any(svmlight_fault(row.encode("utf-8").split()) for row in first))
    written = 0
    with open(path, "w", encoding="utf-8") as file:
        file.write("" if tells else SVMLIGHT_MARK.decode() + ": an id, then column:value\n")
        for row in chain(first, rows):
            file.write(row + "\n")
            written += 1
    return index.description.n - written


def _svmlight_rows(index: Index) -> Iterator[str]:
    points, ids = index.points, index.ids
    for i in range(index.description.n):
        row = points[i]
        if is_sparse(points):
            entries = list(zip(row.indices.tolist(), row.data.tolist()))
        else:
            entries = [(j, row[j].item()) for j in np.flatnonzero(row)]
        name = str(i) if ids is None else as_target(ids[i].decode("utf-8"))
        yield " ".join([name, *("%d:%r" % (j + 1, value) for j, value in entries)])
