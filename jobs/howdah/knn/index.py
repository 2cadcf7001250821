"""The k-NN index: one uncompressed joblib file, then its description.

    pickle of the payload | its checksums | JSON | length of the JSON (8 bytes) | magic (8 bytes)

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

from howdah.checksum import checksum
from howdah.errors import UserError
from howdah.input.columns import places_of
from howdah.knn.approximate import Approximate, open_candidates
from howdah.knn.brute import Brute
from howdah.knn.checks import BLOCK, Checks, Opened, sums_of
from howdah.knn.description import FORMAT_VERSION, MARK, REBUILD, Description, read_description
from howdah.knn.distances import METRICS
from howdah.knn.names import Finder, Names
from howdah.knn.neighbors import Neighbors
from howdah.knn.search import Search
from howdah.knn.trees import Tree
from howdah.sparse import is_sparse


def refuse_other_digest(path: str, sha256: str) -> None:
    """UserError unless the file has this SHA-256."""
    _refuse_other(path, file_digest(path), sha256)


def _refuse_other(path: str, found: str, sha256: str) -> None:
    if found != sha256.strip().lower():
        raise UserError("The index %s has the SHA-256 %s, but --index-sha256 is %s."
                        % (path, found, sha256))


def refuse_other_candidates(told: dict, path: str, by: str = "sha256") -> None:
    """UserError unless the file is the one that an index tells of: by its size alone, or besides
    by its "sha256" or its quicker "checksum", in whose place old indexes have the first only.
    """
    size = os.path.getsize(path)
    if size != told["bytes"]:
        raise UserError("%s has %d bytes, but its index was built with one of %d; copy both again,"
                        " or %s." % (path, size, told["bytes"], REBUILD))
    if by == "size":
        return
    if by == "checksum" and "checksum" in told:
        if file_checksum(path) != told["checksum"]:
            raise UserError("%s is not the file that its index was built with, or is damaged (its"
                            " checksum is another); copy both again, or %s." % (path, REBUILD))
        return
    found = file_digest(path)
    if found != told["sha256"]:
        raise UserError("%s has the SHA-256 %s, but its index was built with a file of %s; copy"
                        " both again, or %s." % (path, found, told["sha256"], REBUILD))


def file_digest(path: str) -> str:
    with open(path, "rb") as file:
        return _digest_of(file.fileno())


def _digest_of(descriptor: int) -> str:
    digest, at = hashlib.sha256(), 0
    while chunk := os.pread(descriptor, BLOCK, at):
        digest.update(chunk)
        at += len(chunk)
    return digest.hexdigest()


def file_checksum(path: str) -> int:
    """The checksum of the checksums of a file's blocks."""
    return checksum(sums_of(path))


@dataclass
class Index:
    """An index in memory.

    Attributes
    ----------
    fitted : sklearn.neighbors.NearestNeighbors
    points : (n, d) float ndarray or CSR, the points that `fitted` holds
    ids : Names of the n points, or None; `finder` finds their places
    codes, classes : (n,) int32 and Names, or None: the label of point i is classes[codes[i]]
    targets : (n,) float64 or None
    centre : (d,) float64 or None, the mean of dense points
    columns : names of the d columns, or None: sparse points have none, nor have old files
    mapped : whether the arrays are a file's, shared with other processes
    checks : the checks of the file, None of an index that was built here, or of an old file
    """

    description: Description
    fitted: object
    ids: Optional[Names] = None
    finder: Optional[Finder] = None
    codes: Optional[np.ndarray] = None
    classes: Optional[Names] = None
    targets: Optional[np.ndarray] = None
    centre: Optional[np.ndarray] = None
    columns: Optional[list] = None
    mapped: bool = True
    checks: Optional[Checks] = None

    def check_points(self) -> None:
        """UserError if a point, or a tree over them, is damaged in the file."""
        if self.checks is not None:
            self.checks.check_all()

    def check_rows(self, positions: np.ndarray) -> None:
        """The same of some rows of dense points."""
        if self.checks is None or not self.description.points:
            return
        offset, size = self.description.points[0]
        starts = offset + positions * (size // self.description.n)
        self.checks.check_spans(starts, starts + size // self.description.n)

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
        ids = [held.decode("utf-8") for held in self.ids]
        return places_of(ids, layout, "the points of the index %s" % name, ids=True)

    def neighbors(self, candidates: Optional[str] = None, verify: bool = False) -> Neighbors:
        """Exact neighbours, or those among the candidates of an Annoy or FAISS file.

        `verify`: see by its SHA-256, not by the quicker checksum, that the file is this index's.
        """
        if candidates is None:
            # A search over all points reads them for each batch, and a tree's leaves are scattered
            # over all blocks.
            self.check_points()
            return Neighbors(self.points, self.description.metric, self.search())
        told = self.description.candidates or {}
        refuse_other_candidates(told, candidates, "sha256" if verify else "checksum")
        searcher = open_candidates(told, candidates, self.description.metric, self.description.d,
                                   self.centre)
        return Neighbors(self.points, self.description.metric, Approximate(searcher),
                         self.check_rows)

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
        if self.ids is None:
            numbers = [int(name) if name.isdecimal() and len(name) < 19 else -1 for name in ids]
            return np.array([i if i < self.description.n else -1 for i in numbers])
        if self.finder is None:
            self.finder = Finder.of(self.ids)
        return self.finder.places([name.encode("utf-8", "surrogatepass") for name in ids])


def candidates_path(path: str, description: Description) -> str:
    """Where the Annoy or FAISS file of an index lies: beside it, its digest in its name.

    So the two are published together: an index whose building failed, or is not yet done, leaves
    that of before with its own file.
    """
    told = description.candidates or {}
    if description.format_version == 1:
        return "%s.%s" % (path, told["kind"])
    return "%s.%s.%s" % (path, told["sha256"][:12], told["kind"])


def save(index: Index, path: str) -> Description:
    """Write the index; what the file says of itself."""
    import joblib

    payload = {MARK: FORMAT_VERSION, "fitted": index.fitted, "ids": None, "classes": None,
               "codes": index.codes, "targets": index.targets, "centre": index.centre,
               "columns": index.columns}
    for part, names in (("ids", index.ids), ("classes", index.classes)):
        if names is not None:
            payload[part] = (names.data, names.offsets)
    if index.ids is not None:
        finder = index.finder or Finder.of(index.ids)
        payload["finder"] = (finder.hashes, finder.order)
    joblib.dump(payload, path, compress=0)
    description = index.description
    description.payload_bytes = os.path.getsize(path)
    description.points = _places_of_points(path)
    sums = sums_of(path)
    description.sums_check = checksum(sums)
    with open(path, "ab") as file:
        file.write(sums + description.trailer())
    return description


def _places_of_points(path: str) -> list:
    """[offset, bytes] of the arrays of the points, and of a tree's copy of them, in a file."""
    import joblib

    fitted = joblib.load(path, mmap_mode="r")["fitted"]
    points, tree = fitted._fit_X, getattr(fitted, "_tree", None)
    arrays = [points.data, points.indices] if is_sparse(points) else [points]
    if tree is not None:
        arrays.append(tree.__getstate__()[0])
    found = []
    for array in arrays:
        nbytes = array.nbytes
        while array is not None and not isinstance(array, np.memmap):
            array = getattr(array, "base", None)
        if array is not None and array.nbytes == nbytes:
            found.append([array.offset, nbytes])
    return found if len(found) == len(arrays) else []


def load(path: str, warn=lambda text: None, sha256: Optional[str] = None) -> Index:
    """The index in a local file, its arrays mapped into memory and shared with other processes.

    `warn` is called with a sentence when the file is a plain joblib dump, or when it cannot be
    mapped and is read into memory instead. `sha256` is the only file's that may be unpickled.
    Raises UserError as `read_description` does, and for damage to all but the points, which are
    checked when a search first reads them.
    """
    description = read_description(path)
    summed = description is not None and description.format_version > 1
    checks = Checks(path, description) if summed else None
    opened = checks or Opened(path)
    if sha256:
        _refuse_other(path, _digest_of(opened.descriptor), sha256)
    if checks:
        checks.check_but(checks.points)
    payload, mapped = _unpickled(opened, warn)
    if checks and not mapped:
        checks.check_all()
    if description is None:
        warn("%s is a plain joblib dump: its points have no ids, so neighbours are given by their"
             " position." % path)
        names = list(getattr(payload, "feature_names_in_", ()))
        return Index(_described(payload, path), payload, columns=names or None, mapped=mapped)
    parts = {key: payload[key] for key in ("fitted", "codes", "targets", "centre")}
    index = Index(description, columns=payload.get("columns"), mapped=mapped, checks=checks,
                  ids=_names(payload["ids"]), classes=_names(payload["classes"]), **parts)
    if index.ids is not None and "finder" in payload:
        index.finder = Finder(index.ids, *map(np.asarray, payload["finder"]))
    return index


def _names(held) -> Optional[Names]:
    """Names as a payload holds them: data and offsets, or in old files an array of bytes."""
    if held is None or isinstance(held, tuple):
        return None if held is None else Names(*map(np.asarray, held))
    return Names.of(np.asarray(held).tolist())


def _unpickled(opened: Opened, warn) -> tuple:
    """The object in a file, and whether its arrays are mapped."""
    path = opened.path
    import joblib
    from sklearn.exceptions import InconsistentVersionWarning

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", InconsistentVersionWarning)
            try:
                return joblib.load(opened.name, mmap_mode="r"), True
            except (OSError, ValueError) as error:
                # Some file systems cannot map files.
                payload = joblib.load(opened.name)
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
