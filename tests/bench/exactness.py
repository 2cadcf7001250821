"""What exact rounds cost: our classify and sums beside plain float64 NumPy, on one thread.

    python tests/bench/exactness.py                      # 10^6 x 16, k=50
    python tests/bench/exactness.py --rows 100000 --repeats 3 --json FILE      # for CI

Both work through the same raw batches. Ours rounds rows to the grid, decides every label as the
row-wise float64 distances do, and adds up without rounding; the plain kernel is the faster of two:
matrix product, argmin, then sums by bincount or by a sparse product. Fails (exit 1) above 1.15.
"""

from __future__ import annotations

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import argparse  # noqa: E402
import json  # noqa: E402
import platform  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Callable  # noqa: E402

import numpy as np  # noqa: E402

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

import generators  # noqa: E402
from howdah.batches import rows_per_batch  # noqa: E402
from howdah.memory import keep_freed_memory  # noqa: E402
from oracle import InMemory  # noqa: E402
from scipy.sparse import csr_matrix  # noqa: E402

ALLOWED = 1.15


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
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=16)
    parser.add_argument("--clusters", type=int, default=50)
    parser.add_argument("--kind", choices=["blobs", "heavy"], default="blobs")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path, metavar="FILE")
    o = parser.parse_args()
    keep_freed_memory()
    batch = rows_per_batch(o.columns)
    X = getattr(generators, o.kind)(o.rows, o.columns, o.clusters, seed=0)
    C = X[np.random.default_rng(0).choice(len(X), o.clusters, replace=False)]
    memory = InMemory(X, batch=batch)
    kernels = {"ours": lambda: memory.sums(C),
               "bincount": lambda: plain(X, C, batch, by_bincount),
               "sparse product": lambda: plain(X, C, batch, by_sparse_product)}
    # Interleaved, so that a busy machine slows all alike; the least counts.
    times = {name: [] for name in kernels}  # type: dict
    for _ in range(o.repeats):
        for name, run in kernels.items():
            times[name].append(seconds(run))
    least = {name: min(values) for name, values in times.items()}
    ratio = least["ours"] / min(least["bincount"], least["sparse product"])
    print("%s, Python %s, NumPy %s, one thread, %s %d x %d, k=%d, batches of %d" % (
        time.strftime("%Y-%m-%d"), platform.python_version(), np.__version__, o.kind, o.rows,
        o.columns, o.clusters, batch))
    for name, value in least.items():
        print("%-15s %.3f s" % (name, value))
    print("ours / best plain: %.3f (allowed: %.2f)" % (ratio, ALLOWED))
    if o.json:
        o.json.write_text(json.dumps({**least, "ratio": ratio}))
    return int(ratio > ALLOWED)


if __name__ == "__main__":
    sys.exit(main())
