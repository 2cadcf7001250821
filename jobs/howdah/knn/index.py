"""The k-NN index: one uncompressed joblib file, then its description.

    pickle of the payload | JSON | length of the JSON (8 bytes) | magic (8 bytes)

The description stands behind the pickle because joblib maps the arrays of a file into memory only
if the pickle begins at its first byte. It is read and checked before anything is unpickled; the
last kilobyte of the file is enough for it. Unpickling runs code: `--index-sha256` names the only
file that a job may load. joblib and scikit-learn, which take a second to import, are imported where
an index is opened or written: who only launches a job does without.
"""

from __future__ import annotations

import hashlib
import os
import warnings
from dataclasses import dataclass
from importlib.metadata import version
from typing import Optional

import numpy as np

from howdah.errors import UserError
from howdah.input.columns import places_of
from howdah.knn.approximate import Approximate, open_candidates
from howdah.knn.brute import Brute
from howdah.knn.description import FORMAT_VERSION, MARK, REBUILD, Description, read_description
from howdah.knn.distances import METRICS
from howdah.knn.neighbors import Neighbors
from howdah.knn.search import Search
from howdah.knn.trees import Tree
from howdah.sparse import is_sparse


def refuse_other_digest(path: str, sha256: str) -> None:
    """UserError unless the file has this SHA-256."""
    found = file_digest(path)
    if found != sha256.strip().lower():
        raise UserError("The index %s has the SHA-256 %s, but --index-sha256 is %s."
                        % (path, found, sha256))


def refuse_other_candidates(told: dict, path: str, by_digest: bool = True) -> None:
    """UserError unless the file is the one that an index tells of: by its size, and its SHA-256."""
    size = os.path.getsize(path)
    if size != told["bytes"]:
        raise UserError("%s has %d bytes, but its index was built with one of %d; copy both again,"
                        " or %s." % (path, size, told["bytes"], REBUILD))
    found = file_digest(path) if by_digest else told["sha256"]
    if found != told["sha256"]:
        raise UserError("%s has the SHA-256 %s, but its index was built with a file of %s; copy"
                        " both again, or %s." % (path, found, told["sha256"], REBUILD))


def file_digest(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for chunk in iter(lambda: file.read(1 << 20), b""):
            digest.update(chunk)
    return digest.hexdigest()


@dataclass
class Index:
    """An index in memory.

    Attributes
    ----------
    fitted : sklearn.neighbors.NearestNeighbors
    points : (n, d) float ndarray or CSR, the points that `fitted` holds
    ids : (n,) bytes (UTF-8) or None; `id_order` sorts them
    codes, classes : (n,) int32 and (c,) bytes, or None: the label of point i is classes[codes[i]]
    targets : (n,) float64 or None
    centre : (d,) float64 or None, the mean of dense points
    columns : names of the d columns, or None: sparse points have none, nor have old files
    mapped : whether the arrays are a file's, shared with other processes
    """

    description: Description
    fitted: object
    ids: Optional[np.ndarray] = None
    id_order: Optional[np.ndarray] = None
    codes: Optional[np.ndarray] = None
    classes: Optional[np.ndarray] = None
    targets: Optional[np.ndarray] = None
    centre: Optional[np.ndarray] = None
    columns: Optional[list] = None
    mapped: bool = True

    @property
    def points(self):
        points = self.fitted._fit_X  # type: ignore[attr-defined]
        return points if is_sparse(points) else np.asarray(points)

    def places_of_columns(self, layout, name: str, from_points: bool = False) -> Optional[list]:
        """Where the columns of this index stand among those of queries, as `places_of` says it.

        `from_points`: the queries' columns are points of the index, whose ids are their names.
        """
        if not from_points:
            return places_of(self.columns, layout, "those of the index %s" % name)
        if self.ids is None or not layout.named:
            return None
        ids = [held.decode("utf-8") for held in np.asarray(self.ids).tolist()]
        return places_of(ids, layout, "the points of the index %s" % name, ids=True)

    def neighbors(self, candidates: Optional[str] = None, verify: bool = False) -> Neighbors:
        """Exact neighbours, or those among the candidates of an Annoy or FAISS file.

        `verify`: read the whole file first, to see that it is this index's.
        """
        if candidates is None:
            return Neighbors(self.points, self.description.metric, self.search())
        told = self.description.candidates or {}
        refuse_other_candidates(told, candidates, verify)
        searcher = open_candidates(told, candidates, self.description.metric, self.description.d,
                                   self.centre)
        return Neighbors(self.points, self.description.metric, Approximate(searcher))

    def search(self) -> Search:
        """The exact search for this index."""
        if self.description.algorithm in ("kd_tree", "ball_tree"):
            return Tree(self.fitted)
        return Brute(self.points, self.description.metric, self.centre)

    def positions_of(self, ids: list) -> np.ndarray:
        """Positions of ids (str); -1 for those that the index does not hold.

        In an index without ids a point's position is its id.
        """
        if not ids:
            return np.empty(0, dtype=np.int64)
        if self.ids is None or self.id_order is None:
            numbers = [int(name) if name.isdecimal() and len(name) < 19 else -1 for name in ids]
            return np.array([i if i < self.description.n else -1 for i in numbers])
        wanted = np.array([name.encode("utf-8") for name in ids])
        held, order = np.asarray(self.ids), np.asarray(self.id_order)
        at = np.minimum(np.searchsorted(held, wanted, sorter=order), len(held) - 1)
        found = order[at]
        return np.where(held[found] == wanted, found, -1)


def candidates_path(path: str, kind: str) -> str:
    """Where the Annoy or FAISS file of an index lies: beside it."""
    return "%s.%s" % (path, kind)


def save(index: Index, path: str) -> Description:
    """Write the index; what the file says of itself."""
    import joblib

    payload = {MARK: FORMAT_VERSION, "fitted": index.fitted, "ids": index.ids,
               "id_order": index.id_order, "codes": index.codes, "classes": index.classes,
               "targets": index.targets, "centre": index.centre, "columns": index.columns}
    joblib.dump(payload, path, compress=0)
    index.description.payload_bytes = os.path.getsize(path)
    with open(path, "ab") as file:
        file.write(index.description.trailer())
    return index.description


def load(path: str, warn=lambda text: None) -> Index:
    """The index in a local file, its arrays mapped into memory and shared with other processes.

    `warn` is called with a sentence when the file is a plain joblib dump, or when it cannot be
    mapped and is read into memory instead. Raises UserError as `read_description` does.
    """
    description = read_description(path)
    payload, mapped = _unpickled(path, warn)
    if description is None:
        warn("%s is a plain joblib dump: its points have no ids, so neighbours are given by their"
             " position." % path)
        names = list(getattr(payload, "feature_names_in_", ()))
        return Index(_described(payload, path), payload, columns=names or None, mapped=mapped)
    parts = {key: payload[key] for key in payload if key != MARK}
    return Index(description, mapped=mapped, **parts)


def _unpickled(path: str, warn) -> tuple:
    """The object in a file, and whether its arrays are mapped."""
    import joblib
    from sklearn.exceptions import InconsistentVersionWarning

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", InconsistentVersionWarning)
            try:
                return joblib.load(path, mmap_mode="r"), True
            except (OSError, ValueError) as error:
                # Some file systems cannot map files.
                payload = joblib.load(path)
                warn("%s cannot be mapped into memory (%s): this process reads it whole."
                     % (path, error))
                return payload, False
    except InconsistentVersionWarning as error:
        raise UserError("The index %s was dumped by scikit-learn %s, but here is scikit-learn %s;"
                        " use the same version, or %s."
                        % (path, error.original_sklearn_version, error.current_sklearn_version,
                           REBUILD)) from None
    except Exception as error:
        raise UserError("The index %s cannot be loaded (%s: %s); is it truncated, or no index?"
                        % (path, type(error).__name__, error)) from error


def _described(fitted, path: str) -> Description:
    """The description of a plain dump, from the estimator itself."""
    from sklearn.neighbors import NearestNeighbors

    if not isinstance(fitted, NearestNeighbors):
        raise UserError("%s holds a %s, but an index is a fitted NearestNeighbors."
                        % (path, type(fitted).__name__))
    if not hasattr(fitted, "_fit_X"):
        raise UserError("%s holds a NearestNeighbors that is not fitted." % path)
    metric = {"l2": "euclidean", "l1": "manhattan", "cityblock": "manhattan"}.get(
        fitted.effective_metric_, fitted.effective_metric_)
    if metric not in METRICS:
        raise UserError("%s uses the metric %r, but howdah knows %s."
                        % (path, metric, ", ".join(METRICS)))
    if is_sparse(fitted._fit_X) and not fitted._fit_X.has_sorted_indices:
        fitted._fit_X = fitted._fit_X.sorted_indices()
    points = fitted._fit_X
    n, d = points.shape
    return Description(metric, fitted._fit_method, n, d, points.dtype.name, is_sparse(points),
                       library_version=version("scikit-learn"))
