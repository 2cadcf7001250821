"""Centroids as files: centroids.csv, and how centroids are read from any file that has them."""

from __future__ import annotations

import csv
import io
from typing import Optional

import numpy as np

from howdah.clustering.models import CENTROIDS, MODEL, Model
from howdah.errors import UserError
from howdah.input.columns import places_of
from howdah.input.layout import Layout, is_missing, is_number
from howdah.input.rows import LARGEST
from howdah.input.side_files import text_lines
from howdah.lengths import squared_lengths, unit_rows
from howdah.launch.files.files import Files
from howdah.launch.files.paths import join

# What centroids.csv puts before the numbers of columns without a name, or years: they would read
# as a centroid.
NUMBERED = "column "


def centroids_csv(centroids: np.ndarray, columns: list) -> bytes:
    """A header and one row per centroid, every digit kept."""
    if all(map(is_number, columns)):
        columns = [NUMBERED + name for name in columns]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([[repr(value) for value in row] for row in centroids.tolist()])
    return text.getvalue().encode("utf-8")


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
    text = text_lines(data, place)
    try:
        reader = csv.reader(text, skipinitialspace=True)
        numbered = [(row, reader.line_num) for row in reader if row]
    except csv.Error:
        raise UserError("%s, line %d is no line of CSV." % (place, reader.line_num)) from None
    rows, numbers = [row for row, _ in numbered], [number for _, number in numbered]
    names = None
    if rows and _is_header(rows[0]):
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
            raise UserError("Centroid %d of %s, in line %d, holds %r, not a number."
                            % (number, place, numbers[number - len(rows) - 1], wrong[0][:40]))
    centroids = np.array(rows, dtype=np.float64)
    large = np.argwhere(np.abs(centroids) > LARGEST)
    if len(large):
        i, j = large[0].tolist()
        raise UserError("Centroid %d of %s holds %s, which is too large (at most 1e300)."
                        % (i + 1, place, rows[i][j].strip()))
    return names, centroids


def _is_header(fields: list) -> bool:
    """Words, or words beside whole numbers: a number or NaN beside a slip is no name."""
    words = [not is_number(field) and not is_missing(field.strip()) for field in fields]
    return any(words) and all(word or field.strip().isdecimal()
                              for word, field in zip(words, fields))


def _unit_rows(centroids: np.ndarray, place: str) -> np.ndarray:
    squares = squared_lengths(centroids)
    if not squares.all():
        raise UserError("Centroid %d of %s is all zeros, which has no direction for cosine."
                        % (int(np.argmin(squares)) + 1, place))
    return unit_rows(centroids)
