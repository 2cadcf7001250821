"""What a run leaves behind, centroids.csv, model.json, model.joblib, and how it is read again."""

from __future__ import annotations

import csv
import io
import json
import warnings
from dataclasses import dataclass, field
from typing import Optional

import numpy as np

from howdah import __version__
from howdah.columns import places_of
from howdah.errors import UserError
from howdah.grid import Space
from howdah.launcher.files import Files, join
from howdah.layout import Layout, is_number
from howdah.profile import Profile

FORMAT_VERSION = 1
# What centroids.csv puts before the numbers of columns without a name, or years: they would read
# as a centroid.
NUMBERED = "column "
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
        """The centroids of a howdah.launcher.converge.Result and what is known of them."""
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
            "profile": self.profile.readable()}
        return (json.dumps(value, indent=1) + "\n").encode("utf-8")

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
        except (ValueError, KeyError, TypeError):
            raise UserError("%s is no howdah model: parts of it are missing." % place) from None

    @classmethod
    def _of_value(cls, value: dict) -> Model:
        clusters = value["clusters"]
        return cls(
            value["columns"], value["metric"], value["standardize"], value["sparse"],
            Profile.from_readable(value["profile"]),
            np.array([c["centroid"] for c in clusters], dtype=np.float64),
            [c["weight"] for c in clusters], [c["rows"] for c in clusters],
            [c["cost"] for c in clusters], value["stop"], value["seed"], value["options"])

    def to_estimator(self):
        """A fitted scikit-learn KMeans, behind a StandardScaler if the columns were scaled.

        Cosine needs no scaling of rows: with centroids of unit length the nearest one is the same
        for a row of any length.
        """
        from sklearn.cluster import KMeans
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        space = self.space()
        per_unit = space.per_unit
        centres = self.centroids * per_unit if self.standardize else self.centroids
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            estimator = KMeans(len(centres), init=centres, n_init=1, max_iter=1).fit(centres)
        estimator.cluster_centers_ = centres.copy()
        estimator.inertia_ = float(np.sum(self.costs))
        if not self.standardize:
            return estimator
        scaler = StandardScaler(with_mean=False).fit(np.zeros((1, self.width)))
        scaler.scale_, scaler.var_ = 1.0 / per_unit, 1.0 / per_unit ** 2
        return make_pipeline(scaler, estimator)


def centroids_csv(centroids: np.ndarray, columns: list) -> bytes:
    """A header and one row per centroid, every digit kept."""
    if all(map(is_number, columns)):
        columns = [NUMBERED + name for name in columns]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([[repr(value) for value in row] for row in centroids.tolist()])
    return text.getvalue().encode("utf-8")


def read_model(path: str, files: Files) -> Model:
    """A model.json, or that of an output folder."""
    if not files.exists(path):
        raise UserError("The model %s does not exist." % path)
    if not path.endswith(".json"):
        path = join(path, MODEL)
        if not files.exists(path):
            raise UserError("The model %s does not exist (only a finished run has one)." % path)
    return Model.from_json(files.read(path), path)


def read_centroids(path: str, files: Files, layout: Layout, metric: str) -> np.ndarray:
    """Centroids (k, d) of a centroids.csv, a model.json or an output folder, in the data's columns.

    Raises UserError when they have other columns than the data or another metric.
    """
    if not files.exists(path):
        raise UserError("The centroids %s do not exist." % path)
    names: Optional[list]
    if path.endswith(".json"):
        model = _model_of_metric(path, files, metric)
        names, centroids = model.columns, model.centroids
    elif path.endswith(".csv"):
        names, centroids = parse_centroids(files.read(path), path)
        names = _as_in_the_data(names, layout)
    else:
        # A resumed run that was lost has newer centroids than the model of the run before.
        if files.exists(join(path, MODEL)):
            _model_of_metric(join(path, MODEL), files, metric)
        return read_centroids(join(path, CENTROIDS), files, layout, metric)
    places = places_of(names, layout, "those of the centroids in %s" % path)
    if places is not None:
        centroids = centroids[:, np.argsort(places)]
    if layout.n_columns is not None and centroids.shape[1] != layout.n_columns:
        raise UserError("The centroids of %s have %d columns, but the input has %d."
                        % (path, centroids.shape[1], layout.n_columns))
    if metric == "cosine":
        return _unit_rows(centroids, path)
    return centroids


def _as_in_the_data(names: Optional[list], layout: Layout) -> Optional[list]:
    """Numbers of columns without what `centroids_csv` put before them."""
    if names is None or any(name.startswith(NUMBERED) for name in layout.columns or ()):
        return names
    bare = [name[len(NUMBERED):] for name in names if name.startswith(NUMBERED)]
    return bare if len(bare) == len(names) and all(map(is_number, bare)) else names


def _model_of_metric(path: str, files: Files, metric: str) -> Model:
    model = Model.from_json(files.read(path), path)
    if model.metric != metric:
        raise UserError("%s was made with --metric %s, but this run uses %s; give the same"
                        " --metric." % (path, model.metric, metric))
    return model


def parse_centroids(data: bytes, place: str) -> tuple[Optional[list], np.ndarray]:
    """The names of the columns, None without a header, and the centroids (k, d)."""
    try:
        text = io.StringIO(data.decode("utf-8-sig"))
        rows = [row for row in csv.reader(text, skipinitialspace=True) if row]
    except (UnicodeDecodeError, csv.Error):
        raise UserError("%s is no CSV file of centroids." % place) from None
    names = None
    if rows and not all(is_number(field) for field in rows[0]):
        names = [field.strip() for field in rows.pop(0)]
    if not rows:
        raise UserError("%s holds no centroids." % place)
    if names is not None and len(names) != len(rows[0]):
        raise UserError("The header of %s has %d columns, but its first centroid has %d."
                        % (place, len(names), len(rows[0])))
    for number, row in enumerate(rows, start=1):
        if len(row) != len(rows[0]):
            raise UserError("Centroid %d of %s has %d columns, but the first has %d."
                            % (number, place, len(row), len(rows[0])))
        wrong = [field for field in row if not is_number(field)]
        if wrong:
            raise UserError("Centroid %d of %s holds %r, not a number." % (number, place, wrong[0]))
    return names, np.array(rows, dtype=np.float64)


def _unit_rows(centroids: np.ndarray, place: str) -> np.ndarray:
    lengths = np.sqrt(np.einsum("ij,ij->i", centroids, centroids))
    if not lengths.all():
        raise UserError("Centroid %d of %s is all zeros, which has no direction for cosine."
                        % (int(np.argmin(lengths)) + 1, place))
    return centroids / lengths[:, None]
