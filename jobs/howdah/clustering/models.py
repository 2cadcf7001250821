"""What a run leaves behind, model.json and model.joblib, and how it is read again."""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass, field

import numpy as np

from howdah import __version__
from howdah.arithmetic import libraries
from howdah.clustering.profiles import from_readable, readable
from howdah.errors import UserError
from howdah.input.rows import LARGEST
from howdah.kmeans.grid import Space
from howdah.kmeans.profile import Profile
from howdah.launch.files.files import Files
from howdah.launch.files.paths import join
from howdah.spelling import json_text

FORMAT_VERSION = 1
# Beyond this power of two of the columns' ranges scikit-learn's squares are no longer safe.
SAFE_POWERS = 400
METRICS = ("euclidean", "cosine")
CENTROIDS, MODEL, JOBLIB, ROUNDS, PROFILE = (
    "centroids.csv", "model.json", "model.joblib", "rounds.jsonl", "profile.json")


@dataclass
class Model:
    """A result: raw centroids (k, d) with the weight, rows and cost of every cluster."""

    columns: list
    metric: str
    standardize: bool
    sparse: bool
    profile: Profile
    centroids: np.ndarray
    weights: list = field(default_factory=list)
    counts: list = field(default_factory=list)
    costs: list = field(default_factory=list)
    stop: str = ""
    seed: int = 0
    options: dict = field(default_factory=dict)

    @property
    def width(self) -> int:
        return self.centroids.shape[1]

    def space(self) -> Space:
        return self.profile.space(self.metric, self.standardize, self.sparse)

    def take(self, result) -> None:
        """The centroids of a howdah.clustering.converge.Result and what is known of them."""
        measured = result.measured
        self.centroids, self.stop = result.centroids, result.stop
        self.weights, self.counts = measured.weights.tolist(), measured.counts.tolist()
        self.costs = measured.costs.tolist()

    def to_json(self) -> bytes:
        value = {
            "format_version": FORMAT_VERSION, "howdah_version": __version__,
            "k": len(self.centroids), "columns": self.columns, "metric": self.metric,
            "standardize": self.standardize, "sparse": self.sparse, "seed": self.seed,
            "options": self.options, "stop": self.stop, "cost": float(np.sum(self.costs)),
            "clusters": [{"label": i, "rows": int(n), "weight": float(w), "cost": float(c),
                          "centroid": centroid.tolist()}
                         for i, (n, w, c, centroid) in enumerate(
                             zip(self.counts, self.weights, self.costs, self.centroids))],
            "profile": readable(self.profile)}
        return (json_text(value, indent=1) + "\n").encode("utf-8")

    @classmethod
    def from_json(cls, data: bytes, place: str) -> Model:
        """Raises UserError for another format version or a file that is no model."""
        try:
            value = json.loads(data)
            version = value["format_version"]
        except (ValueError, KeyError, TypeError):
            raise UserError("%s is no howdah model." % place) from None
        if version != FORMAT_VERSION:
            raise UserError("%s has the format version %r, but this howdah reads version %d; make"
                            " the model again or use the howdah that wrote it (%s)."
                            % (place, version, FORMAT_VERSION, value.get("howdah_version")))
        try:
            return cls._of_value(value)
        except (ValueError, KeyError, TypeError, OverflowError) as error:
            raise UserError("%s is no howdah model: parts of it are missing or damaged (%s); make"
                            " the model again." % (place, error)) from None

    @classmethod
    def _of_value(cls, value: dict) -> Model:
        _refuse_impossible(value)
        clusters = value["clusters"]
        return cls(
            value["columns"], value["metric"], value["standardize"], value["sparse"],
            from_readable(value["profile"]),
            np.array([c["centroid"] for c in clusters], dtype=np.float64),
            [c["weight"] for c in clusters], [c["rows"] for c in clusters],
            [c["cost"] for c in clusters], value["stop"], value["seed"], value["options"])

    def to_estimator(self):
        """A fitted scikit-learn KMeans, behind what brings rows to its scale, if they need it.

        Rows are scaled to unit length for cosine; columns by their standard deviations, or by one
        power of two for all where scikit-learn's squares would leave float64.
        """
        from sklearn.cluster import KMeans
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import Normalizer, StandardScaler

        space = self.space()
        extreme = abs(space.top) > SAFE_POWERS
        factors = np.ldexp(space.per_unit, -space.top if extreme else 0)
        scaled = self.standardize or extreme
        centres = self.centroids * factors if scaled else self.centroids
        with warnings.catch_warnings(), libraries():
            warnings.simplefilter("ignore", ConvergenceWarning)
            estimator = KMeans(len(centres), init=centres, n_init=1, max_iter=1).fit(centres)
        estimator.cluster_centers_ = centres.copy()
        estimator.inertia_ = float(np.sum(self.costs))
        if self.metric == "cosine":
            # Normalizer takes a row below 2e-15 for zeros: such a row is enlarged, where the others
            # are at most 1, and their squares do not vanish.
            larger, *normalizers = (_fitted(part, self.width) for part in (
                StandardScaler(with_mean=False), Normalizer("max"), Normalizer("max"),
                Normalizer()))
            larger.scale_ = np.full(self.width, 2.0 ** -1000)
            return make_pipeline(normalizers[0], larger, *normalizers[1:], estimator)
        if not scaled:
            return estimator
        scaler = _fitted(StandardScaler(with_mean=False), self.width)
        scaler.scale_ = 1.0 / factors
        with libraries():
            scaler.var_ = scaler.scale_ ** 2
        return make_pipeline(scaler, estimator)


def _fitted(transformer, width: int):
    """A transformer that knows the number of columns."""
    return transformer.fit(np.zeros((1, width)))


def _refuse_impossible(value: dict) -> None:
    """ValueError unless the parts of a model.json fit each other, and are possible at all."""
    clusters, names = value["clusters"], value["columns"]
    centroids = np.array([cluster["centroid"] for cluster in clusters], dtype=np.float64)
    if centroids.ndim != 2 or not centroids.size or not (np.abs(centroids) <= LARGEST).all():
        raise ValueError("its centroids are no table of numbers")
    if centroids.shape[1] != value["profile"]["columns"] or not isinstance(names, list) or (
            names and len(names) != centroids.shape[1]) or not all(
                isinstance(name, str) for name in names):
        raise ValueError("its columns, centroids and profile differ")
    if value["metric"] not in METRICS or not all(
            isinstance(value[name], bool) for name in ("standardize", "sparse")):
        raise ValueError("its metric or scaling is unknown")
    for cluster in clusters:
        if type(cluster["rows"]) is not int or not (
                0 <= cluster["rows"] and 0 <= cluster["weight"] < np.inf
                and 0 <= cluster["cost"] < np.inf):
            raise ValueError("a cluster has an impossible number of rows, weight or cost")


def read_model(path: str, files: Files) -> Model:
    """A model.json, or that of an output folder."""
    if not files.exists(path):
        raise UserError("The model %s does not exist." % path)
    if not path.endswith(".json"):
        path = join(path, MODEL)
        if not files.exists(path):
            raise UserError("The model %s does not exist (only a finished run has one)." % path)
    return Model.from_json(files.read(path), path)
