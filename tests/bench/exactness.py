"""What exact rounds cost: our classify and sums beside plain float64 NumPy, on one thread.

    python tests/bench/exactness.py                      # 10^6 x 16, k=50
    python tests/bench/exactness.py --small              # seconds: for CI

Both work through the same raw batches. Ours rounds rows to the grid, decides every label as the
row-wise float64 distances do, and adds up without rounding. The plain kernels are a float64 matrix
product, labels by argmin or by a minimum and labels masked by it, sums by bincount or by a sparse
product. Before a time is shown, our labels must be those of the row-wise distances but for ties,
our sums those of 64-bit integers, and the plain kernels must agree. Processor time. Limit: 1.15 of
the faster plain kernel with argmin; the masked minimum, Howdah's own way, is shown beside them.
"""

from __future__ import annotations

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import sys  # noqa: E402
from functools import partial  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Callable  # noqa: E402

import numpy as np  # noqa: E402

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

import generators  # noqa: E402
from bench.report import Report, cpu_seconds, repeats_of, reporting_parser  # noqa: E402
from howdah.input.batches import rows_per_batch  # noqa: E402
from howdah.task.malloc import keep_freed_memory  # noqa: E402
from oracle import InMemory, plain_distances  # noqa: E402
from scipy.sparse import csr_matrix  # noqa: E402

ALLOWED = 1.15
OURS = "howdah"


def by_argmin(halves: np.ndarray) -> tuple:
    """Labels (n,) and the least halves."""
    return halves.argmin(axis=0), halves.min(axis=0)


def by_masked_minimum(halves: np.ndarray) -> tuple:
    """The same; ties go to the highest label."""
    least, k = halves.min(axis=0), len(halves)
    small = np.arange(k, dtype=np.min_scalar_type(k - 1))[:, None]
    return ((halves <= least) * small).max(axis=0), least


def by_bincount(X: np.ndarray, labels: np.ndarray, k: int) -> np.ndarray:
    return np.stack([np.bincount(labels, column, minlength=k) for column in X.T], axis=1)


def by_sparse_product(X: np.ndarray, labels: np.ndarray, k: int) -> np.ndarray:
    n = len(X)
    chooser = csr_matrix((np.ones(n), labels, np.arange(n + 1)), shape=(n, k))
    return chooser.T @ X


PLAIN = {"NumPy, %s, sums by %s" % (of_label, of_sum): (label, add)
         for of_label, label in (("argmin", by_argmin), ("masked minimum", by_masked_minimum))
         for of_sum, add in (("bincount", by_bincount), ("a sparse product", by_sparse_product))}


def plain(X: np.ndarray, C: np.ndarray, batch: int, label: Callable, add: Callable) -> tuple:
    """Sums (k, d), counts (k,) and cost of a scan as one would write it in NumPy."""
    k = len(C)
    sums, counts, cost = np.zeros(C.shape), np.zeros(k), 0.0
    half_norms = np.einsum("ij,ij->i", C, C)[:, None] / 2
    for start in range(0, len(X), batch):
        part = X[start:start + batch]
        halves = half_norms - C @ part.T
        labels, least = label(halves)
        cost += np.einsum("ij,ij->", part, part) + 2 * least.sum()
        sums += add(part, labels, k)
        counts += np.bincount(labels, minlength=k)
    return sums, counts, cost


def check(memory: InMemory, C: np.ndarray, batch: int) -> None:
    """Labels, sums and counts of ours and of the plain kernels."""
    labels, sums = memory.labels(C), memory.sums(C)
    exact = np.zeros(C.shape, dtype=np.int64)
    for start in range(0, len(labels), batch):
        part, own = memory.X[start:start + batch], labels[start:start + batch]
        far = plain_distances(part, C)
        assert (far[np.arange(len(part)), own] <= far.min(axis=1) * (1 + 1e-12)).all()
        # Steps have at most 40 bits, so 64 hold the sums of eight million rows.
        np.add.at(exact, own, memory.space.steps(part).T.astype(np.int64))
    counts = np.bincount(labels, minlength=len(C))
    assert (sums.counts == counts).all() and (sums.vectors() == exact.astype(np.float64)).all()
    means = memory.measure(C).centroids
    for name, way in PLAIN.items():
        plain_sums, plain_counts, _ = plain(memory.X, C, batch, *way)
        assert (plain_counts == counts).all(), name
        assert np.allclose(plain_sums / counts[:, None], means, rtol=1e-9, atol=1e-9), name


def main() -> int:
    parser = reporting_parser(__doc__, repeats=5)
    parser.add_argument("--rows", type=int, default=None, help="default: 1000000")
    parser.add_argument("--columns", type=int, default=16)
    parser.add_argument("--clusters", type=int, default=50)
    parser.add_argument("--kind", choices=["blobs", "heavy"], default="blobs")
    o = parser.parse_args()
    o.rows = o.rows or (20_000 if o.small else 1_000_000)
    report = Report("exactness", o)
    keep_freed_memory()
    batch = rows_per_batch(o.columns)
    print("one thread, %s %d x %d, k=%d, batches of %d" % (
        o.kind, o.rows, o.columns, o.clusters, batch))
    X = getattr(generators, o.kind)(o.rows, o.columns, o.clusters, seed=0)
    C = X[np.random.default_rng(0).choice(len(X), o.clusters, replace=False)]
    memory = InMemory(X, batch=batch)
    check(memory, C, batch)
    kernels: dict = {OURS: lambda: memory.sums(C),
                     **{name: partial(plain, X, C, batch, *way) for name, way in PLAIN.items()}}
    for turn in range(repeats_of(o)):
        for name, run in kernels.items():
            report.add({"contender": name, "turn": turn, "seconds": cpu_seconds(run)})
    report.table([["one scan", "seconds of processor time", "howdah / it"],
                  *([name, report.median(name), report.ratio(OURS, name)] for name in kernels)])
    # The faster kernel has the larger ratio.
    report.limit("howdah / the faster NumPy with argmin, time",
                 max(report.data["ratios"]["%s / %s, seconds" % (OURS, name)]
                     for name, (label, _) in PLAIN.items() if label is by_argmin), ALLOWED)
    return report.code()


if __name__ == "__main__":
    sys.exit(main())
