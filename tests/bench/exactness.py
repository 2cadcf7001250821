"""What exact rounds cost: our classify and sums beside plain float64 NumPy, on one thread.

    python tests/bench/exactness.py                      # 10^6 x 16, k=50
    python tests/bench/exactness.py --small              # seconds: for CI

Both work through the same raw batches. Ours rounds rows to the grid, decides every label as the
row-wise float64 distances do, and adds up without rounding; the plain kernel is the faster of two:
matrix product, argmin, then sums by bincount or by a sparse product. Processor time. Limit: 1.15.
"""

from __future__ import annotations

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import sys  # noqa: E402
import time  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Callable  # noqa: E402

import numpy as np  # noqa: E402

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

import generators  # noqa: E402
from bench.report import Report, repeats_of, reporting_parser  # noqa: E402
from howdah.batches import rows_per_batch  # noqa: E402
from howdah.memory import keep_freed_memory  # noqa: E402
from oracle import InMemory  # noqa: E402
from scipy.sparse import csr_matrix  # noqa: E402

ALLOWED = 1.15
OURS, PLAIN = "howdah", ("NumPy, sums by bincount", "NumPy, sums by a sparse product")


def by_bincount(X: np.ndarray, labels: np.ndarray, k: int) -> np.ndarray:
    return np.stack([np.bincount(labels, column, minlength=k) for column in X.T], axis=1)


def by_sparse_product(X: np.ndarray, labels: np.ndarray, k: int) -> np.ndarray:
    n = len(X)
    chooser = csr_matrix((np.ones(n), labels, np.arange(n + 1)), shape=(n, k))
    return chooser.T @ X


def plain(X: np.ndarray, C: np.ndarray, batch: int, summed: Callable) -> tuple:
    """Sums (k, d), counts (k,) and cost of a scan as one would write it in NumPy."""
    k = len(C)
    sums, counts, cost = np.zeros(C.shape), np.zeros(k), 0.0
    half_norms = np.einsum("ij,ij->i", C, C)[:, None] / 2
    for start in range(0, len(X), batch):
        part = X[start:start + batch]
        halves = half_norms - C @ part.T
        labels = halves.argmin(axis=0)
        cost += np.einsum("ij,ij->", part, part) + 2 * halves.min(axis=0).sum()
        sums += summed(part, labels, k)
        counts += np.bincount(labels, minlength=k)
    return sums, counts, cost


def seconds(run: Callable[[], object]) -> float:
    started = time.process_time()
    run()
    return time.process_time() - started


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
    kernels = {OURS: lambda: memory.sums(C),
               PLAIN[0]: lambda: plain(X, C, batch, by_bincount),
               PLAIN[1]: lambda: plain(X, C, batch, by_sparse_product)}
    for turn in range(repeats_of(o)):
        for name, run in kernels.items():
            report.add({"contender": name, "turn": turn, "seconds": seconds(run)})
    report.table([["one scan", "seconds of processor time", "howdah / it"],
                  *([name, report.median(name), report.ratio(OURS, name)] for name in kernels)])
    # The plain kernel that is the faster one here: the larger ratio.
    report.limit("howdah / the faster NumPy, time",
                 max(report.data["ratios"]["%s / %s, seconds" % (OURS, name)] for name in PLAIN),
                 ALLOWED)
    return report.code()


if __name__ == "__main__":
    sys.exit(main())
