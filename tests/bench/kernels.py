"""What was tried for each part of a round, and what it takes: one batch, one thread.

    python tests/bench/kernels.py                        # a minute: 8,192 x 16, k=50
    python tests/bench/kernels.py --small                # seconds: for CI

Ways to read rows from text, to label them and to add them up by label; those that the round uses
are marked. All ways of a part must give the same before they are timed, and the whole parts what
plain NumPy gives. A figure is the median of the turns, each the least
of many calls in a row; beside it, its ratio to one plain float32 matrix product of the same shape.
Limit: the way in use takes at most 1.2 times the fastest.
"""

from __future__ import annotations

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import io  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Callable  # noqa: E402

import numpy as np  # noqa: E402
import pandas  # noqa: E402

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

from bench.report import Report, repeats_of, reporting_parser  # noqa: E402
from generators import blobs  # noqa: E402
from howdah.input.detect import detect  # noqa: E402
from howdah.input.lines import BLOCK_BYTES, Block  # noqa: E402
from howdah.input.parse import Parser  # noqa: E402
from howdah.kmeans.centroids import GridCentroids  # noqa: E402
from howdah.kmeans.classify import classify  # noqa: E402
from howdah.kmeans.grid import Space  # noqa: E402
from howdah.kmeans.moments import Moments  # noqa: E402
from howdah.kmeans.points import on_grid  # noqa: E402
from howdah.kmeans.sums import Sums  # noqa: E402
from howdah.task.malloc import keep_freed_memory  # noqa: E402
from oracle import plain_labels  # noqa: E402
from scipy.sparse import csr_matrix  # noqa: E402

CALLS = 40


class Batch:
    """A batch on the grid, its centroids, and every way of working on it."""

    def __init__(self, rows: int, columns: int, clusters: int):
        X = blobs(rows, columns, clusters, seed=0)
        self.X = X
        self.space = Space.of(Moments.of(X))
        self.packed = np.asfortranarray(X, dtype=np.float32)
        self.points = on_grid(X, self.space)
        self.steps: np.ndarray = self.points.steps  # type: ignore[assignment]
        chosen = np.random.default_rng(0).choice(rows, clusters, replace=False)
        self.centroids = GridCentroids.of(X[chosen], self.space)
        self.labels, self.distances = classify(self.points, self.centroids)
        self.halves = self.centroids.factors @ self.points.metric
        self.k, self.rows = clusters, np.arange(rows)
        self.chosen = X[chosen]
        text = io.StringIO()
        np.savetxt(text, X, delimiter=",", fmt="%.6f")
        # Whole lines, at most a block of them.
        cut = text.getvalue().encode()[:BLOCK_BYTES]
        self.text = cut[:cut.rfind(b"\n") + 1]
        self.parser = Parser(detect(self.text))

    # text to float64 rows

    def simdjson(self) -> np.ndarray:
        [rows] = self.parser.parse(Block(self.text))
        return rows.X  # type: ignore[return-value]

    def pandas(self) -> np.ndarray:
        return pandas.read_csv(io.BytesIO(self.text), header=None, engine="c",
                               dtype=np.float64).to_numpy()

    def loadtxt(self) -> np.ndarray:
        return np.loadtxt(io.BytesIO(self.text), delimiter=",", ndmin=2)

    # the product

    def product(self) -> np.ndarray:
        return self.centroids.factors @ self.points.metric  # type: ignore[operator]

    def product_in_float64(self) -> np.ndarray:
        metric = self.centroids.metric
        return self.centroids.half_norms[:, None] - (metric * self.space.scale) @ self.steps

    # labels from products (k, n)

    def near(self) -> np.ndarray:
        return self.halves <= self.halves.min(axis=0)

    def argmin_by_columns(self) -> np.ndarray:
        return self.halves.argmin(axis=0)

    def argmin_by_rows(self) -> np.ndarray:
        return np.ascontiguousarray(self.halves.T).argmin(axis=1)

    def minimum_and_places(self) -> np.ndarray:
        labels, rows = np.divmod(np.flatnonzero(self.near()), len(self.rows))
        settled = np.empty_like(rows)
        settled[rows] = labels
        return settled

    def minimum_and_masked_labels(self) -> np.ndarray:
        return (self.near().view(np.uint8) * self.centroids.labels).max(axis=0)

    # sums by label, (k, d)

    def sorted_reduceat(self) -> np.ndarray:
        order = np.argsort(self.labels.astype(np.uint8), kind="stable")
        starts = np.searchsorted(self.labels[order], np.arange(self.k))
        return np.stack([np.add.reduceat(column[order], starts) for column in self.steps],
                        axis=1)

    def bincount(self) -> np.ndarray:
        return np.stack([np.bincount(self.labels, column, self.k) for column in self.steps],
                        axis=1)

    def sparse_product(self) -> np.ndarray:
        n = len(self.rows)
        chooser = csr_matrix((np.ones(n), self.labels, np.arange(n + 1)), shape=(n, self.k))
        return chooser.T @ self.steps.T

    def dense_product(self) -> np.ndarray:
        chooser = np.zeros((self.k, len(self.rows)))
        chooser[self.labels, self.rows] = 1.0
        return chooser @ self.steps.T

    # parts of the round as they are

    def grid(self) -> np.ndarray:
        return on_grid(self.packed, self.space).norms

    def classified(self) -> np.ndarray:
        return classify(self.points, self.centroids)[0]

    def summed(self) -> np.ndarray:
        sums = Sums(self.k, self.space)
        sums.add(self.labels, self.points)
        return sums.limbs

    def ways(self) -> dict:
        """Part of a round: {what: (way, whether the round uses it)}."""
        return {
            "text": {"simdjson": (self.simdjson, True),
                     "pandas' C parser": (self.pandas, False),
                     "np.loadtxt": (self.loadtxt, False)},
            "product": {"float32": (self.product, True),
                        "float64": (self.product_in_float64, False)},
            "labels of products": {
                "argmin by columns": (self.argmin_by_columns, False),
                "transposed, argmin by rows": (self.argmin_by_rows, False),
                "minimum, then the places that equal it": (self.minimum_and_places, False),
                "minimum, then labels masked by it": (self.minimum_and_masked_labels, True)},
            "sums": {"rows sorted by label, add.reduceat": (self.sorted_reduceat, False),
                     "bincount by column": (self.bincount, True),
                     "sparse one-hot product": (self.sparse_product, False),
                     "dense one-hot product": (self.dense_product, False)},
            "whole parts": {"on_grid": (self.grid, True), "classify": (self.classified, True),
                            "Sums.add": (self.summed, True)}}

    def check_whole_parts(self) -> None:
        """The grid, labels and sums of the round are those of plain NumPy."""
        assert np.allclose(self.steps.T / self.space.rate + self.space.origin, self.X, rtol=1e-9,
                           atol=1e-9)
        lengths = ((self.packed - self.space.origin) * self.space.rate * self.space.scale) ** 2
        assert np.allclose(self.grid(), lengths.sum(axis=1), rtol=1e-6)
        assert (self.classified() == plain_labels(self.X, self.chosen)).all()
        sums = Sums(self.k, self.space)
        sums.add(self.labels, self.points)
        assert (sums.limbs == self.summed()).all() and (sums.vectors() == self.bincount()).all()


def check(part: str, ways: dict) -> None:
    """All ways give the same: labels and sums exactly, text and products but for rounding."""
    results = [way() for way, _ in ways.values()]
    if part == "product":
        assert np.allclose(results[0], results[1], atol=1e-4 * np.abs(results[1]).max())
    elif part == "text":
        # pandas' parser may miss the last bit.
        assert np.allclose(results, results[-1], rtol=1e-15, atol=0)
    elif part != "whole parts":
        for other in results[1:]:
            assert (other == results[0]).all(), part


def microseconds(way: Callable[[], object]) -> float:
    """The least of many calls in a row: what is left when nothing else disturbs."""
    best = np.inf
    for _ in range(CALLS):
        started = time.perf_counter()
        way()
        best = min(best, time.perf_counter() - started)
    return 1e6 * best


def main() -> int:
    parser = reporting_parser(__doc__, repeats=5)
    parser.add_argument("--columns", type=int, default=16)
    parser.add_argument("--clusters", type=int, default=50)
    options = parser.parse_args()
    report = Report("kernels", options)
    keep_freed_memory()
    batch = Batch(1024 if options.small else 8192, options.columns, options.clusters)
    ways = batch.ways()
    for part, its_ways in ways.items():
        check(part, its_ways)
    batch.check_whole_parts()
    for turn in range(repeats_of(options)):
        for part, its_ways in ways.items():
            for name, (way, _) in its_ways.items():
                report.add({"contender": "%s: %s" % (part, name), "turn": turn,
                            "microseconds": microseconds(way)})
    lines: list = [["part: way", "microseconds a batch", "of one product", "used"]]
    for part, its_ways in ways.items():
        for name, (_, used) in its_ways.items():
            full = "%s: %s" % (part, name)
            lines.append([full, report.median(full, "microseconds"), report.ratio(
                full, "product: float32", "microseconds"), "yes" if used else ""])
    report.table(lines)
    for part in ("text", "labels of products", "sums"):
        figures = {name: report.median("%s: %s" % (part, name), "microseconds") or 0.0
                   for name in ways[part]}
        [used] = [name for name, (_, is_used) in ways[part].items() if is_used]
        report.limit("%s: the way in use / the fastest" % part,
                     figures[used] / min(figures.values()), 1.2)
    return report.code()


if __name__ == "__main__":
    sys.exit(main())
