"""Candidates from Annoy and FAISS, which promise nothing.

Both keep their index in a file of their own beside the joblib file, mapped into memory where they
can. Their distances are float32 and are not asked for: neighbours are measured again.
"""

from __future__ import annotations

from typing import Optional

import numpy as np

from howdah.errors import UserError
from howdah.knn.search import Search
from howdah.lengths import unit_rows
from howdah.sparse import is_sparse

ANNOY_METRICS = {"euclidean": "euclidean", "manhattan": "manhattan", "cosine": "angular"}
FAISS_METRICS = ("euclidean", "cosine")
# Of values of float32 whose squares are float32, too.
SMALLEST, LARGEST = 1e-17, 1e17


def build_annoy(points: np.ndarray, metric: str, centre, path: str, trees: int,
                search_k: int = -1, seed: int = 0) -> dict:
    """Write an Annoy index of the points (n, d); its description."""
    annoy = _module("annoy")
    refuse_range(points, metric, centre)
    if metric not in ANNOY_METRICS:
        raise UserError("Annoy has no metric %s; it has %s." % (metric, ", ".join(ANNOY_METRICS)))
    index = annoy.AnnoyIndex(points.shape[1], ANNOY_METRICS[metric])
    index.set_seed(seed)
    for i, row in enumerate(_vectors(points, metric, centre)):
        index.add_item(i, row.tolist())
    index.build(trees, n_jobs=1)
    index.save(path)
    return {"kind": "annoy", "trees": trees, "search_k": search_k}


def build_faiss(points: np.ndarray, metric: str, centre, path: str, factory: str,
                parameters: str = "") -> dict:
    """Write a FAISS index made from an index_factory string; its description."""
    faiss = _module("faiss")
    if metric not in FAISS_METRICS:
        raise UserError("FAISS is offered with %s, not with the metric %s."
                        % (" and ".join(FAISS_METRICS), metric))
    refuse_range(points, metric, centre)
    kind = faiss.METRIC_INNER_PRODUCT if metric == "cosine" else faiss.METRIC_L2
    vectors = _vectors(points, metric, centre)
    try:
        index = faiss.index_factory(points.shape[1], factory, kind)
        index.train(vectors)
        index.add(vectors)
        _set_parameters(faiss, index, parameters)
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise UserError("FAISS cannot build %r for %d points of %d columns: %s"
                        % (factory, len(points), points.shape[1], reason)) from None
    try:
        faiss.write_index(index, path)
    except RuntimeError as error:
        raise OSError(str(error)) from None
    return {"kind": "faiss", "factory": factory, "parameters": parameters}


def open_candidates(description: dict, path: str, metric: str, d: int, centre):
    """The Annoy or Faiss whose file `build_annoy` or `build_faiss` wrote."""
    kind = {"annoy": Annoy, "faiss": Faiss}[description["kind"]]
    return kind(description, path, metric, d, centre)


class Annoy:
    """Annoy maps its file by itself; it answers one query at a time."""

    def __init__(self, description: dict, path: str, metric: str, d: int, centre):
        self.metric, self.centre = metric, centre
        self.search_k = description["search_k"]
        self.index = _module("annoy").AnnoyIndex(d, ANNOY_METRICS[metric])
        self.index.load(path)

    def candidates(self, X: np.ndarray, k: int) -> np.ndarray:
        """Positions (m, k) of about the k nearest points of every row; -1 where fewer are found."""
        positions = np.full((len(X), k), -1, dtype=np.int64)
        for i, row in enumerate(_vectors(X, self.metric, self.centre)):
            found = self.index.get_nns_by_vector(row.tolist(), k, self.search_k)
            positions[i, :len(found)] = found
        return positions


class Faiss:
    """FAISS works on whole batches; its file is mapped for the index types that allow it."""

    def __init__(self, description: dict, path: str, metric: str, d: int, centre):
        self.metric, self.centre = metric, centre
        faiss = _module("faiss")
        try:
            self.index = faiss.read_index(path, getattr(faiss, "IO_FLAG_MMAP_IFC", 0))
        except RuntimeError:
            self.index = faiss.read_index(path)
        _set_parameters(faiss, self.index, description["parameters"])

    def candidates(self, X: np.ndarray, k: int) -> np.ndarray:
        """Positions (m, k) of about the k nearest points of every row; -1 where fewer are found."""
        return self.index.search(_vectors(X, self.metric, self.centre), k)[1]


def _vectors(X: np.ndarray, metric: str, centre: Optional[np.ndarray]) -> np.ndarray:
    """Rows as float32: of unit length for cosine, else about the centre, or digits are lost.

    A row so far away that its square is beyond float32 comes nearer in its direction.
    """
    X = np.asarray(X, dtype=np.float64)
    if metric == "cosine":
        X = unit_rows(X)
    elif centre is not None:
        X = X - centre
    top = np.abs(X).max(axis=1, initial=0.0)
    if (top > LARGEST).any():
        X = X * np.where(top > LARGEST, LARGEST / np.maximum(top, 1.0), 1.0)[:, None]
    return np.ascontiguousarray(X, dtype=np.float32)


def refuse_range(points: np.ndarray, metric: str, centre) -> None:
    """UserError for points that float32, in which both libraries compute, does not tell apart."""
    if metric == "cosine":
        return
    low, high = points.min(axis=0) - centre, points.max(axis=0) - centre
    span = float(np.maximum(np.abs(low), np.abs(high)).max(initial=0.0))
    if span and not SMALLEST < span < LARGEST:
        raise UserError("The points lie within %g of their mean, but Annoy and FAISS compute in"
                        " float32, from %g to %g; scale the columns, or build an exact index."
                        % (span, SMALLEST, LARGEST))


def _set_parameters(faiss, index, parameters: str) -> None:
    if parameters:
        faiss.ParameterSpace().set_index_parameters(index, parameters)


def _module(name: str):
    try:
        return __import__(name)
    except ImportError:
        raise UserError("This index needs a Python package here: pip install %s."
                        % ("faiss-cpu" if name == "faiss" else name)) from None


class Approximate(Search):
    """Candidates from an index that promises nothing: what it misses is missed."""

    exact = False

    def __init__(self, searcher):
        self.searcher = searcher

    def nearest(self, Q, k: int):
        return self.searcher.candidates(Q.toarray() if is_sparse(Q) else Q, k), None

    def proves(self, reach, t: np.ndarray) -> np.ndarray:
        return np.ones(len(t), dtype=bool)

    def within(self, Q, t: np.ndarray):
        raise NotImplementedError("An approximate index does not know all points within a radius.")
