"""Queries per second through the k-NN mapper, beside scikit-learn's and FAISS's bare calls.

    python tests/bench/knn_throughput.py                # some minutes
    python tests/bench/knn_throughput.py --small        # seconds: for CI
    python tests/bench/knn_throughput.py --json FILE

One core, n = 10. The mapper's time runs from the first byte of CSV to the last byte of JSON, index
loading included, Python's own start and imports not; a bare call gets the same batches as arrays.
Answers are compared with the oracle before anything is timed. Fails (exit 1) below 0.9 of
scikit-learn's bare brute force on floats, or below 0.5 on integers with ties.
"""

from __future__ import annotations

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import argparse  # noqa: E402
import importlib.util  # noqa: E402
import io  # noqa: E402
import json  # noqa: E402
import platform  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
from importlib.metadata import version  # noqa: E402
from pathlib import Path  # noqa: E402

import numpy as np  # noqa: E402

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

from generators import integer_grid, write_csv  # noqa: E402
from howdah.batches import rows_per_batch  # noqa: E402
from howdah.codec import dump_json  # noqa: E402
from howdah.index import candidates_path, save  # noqa: E402
from howdah.launcher.indexing import Points, build  # noqa: E402
from howdah.launcher.knn import knn_plan  # noqa: E402
from howdah.launcher.run import Launch  # noqa: E402
from knn import KNN  # noqa: E402
from knn_oracle import neighbours  # noqa: E402

NEIGHBOURS = 10
CHECKED = 40
FLOATS, INTEGERS = 0.9, 0.5


def task(folder: Path, queries: Path, index: Path):
    """A map task over the queries, as a cluster starts it: lines on standard input."""
    job = KNN([str(queries), "--index", str(index), "-n", str(NEIGHBOURS), "-r", "inline"])
    plan = knn_plan(Launch(job), job.options)
    (folder / "plan.json").write_bytes(dump_json({**plan, "sliced": False}))
    args = ["--mapper", "--plan", str(folder / "plan.json"), "--index", str(index)]
    beside = candidates_path(str(index), "faiss")
    return KNN(args + (["--candidates", beside] if os.path.exists(beside) else []))


def answers(job: KNN, text: bytes) -> list:
    """The task's output lines for this input."""
    job.sandbox(stdin=io.BytesIO(text), stdout=io.BytesIO())
    job.execute()
    return job.stdout.getvalue().splitlines()  # type: ignore[attr-defined]


def seconds(action) -> float:
    """Processor time: on a shared machine the clock measures the others' work too."""
    start = time.process_time()
    action()
    return time.process_time() - start


def check_exact(lines: list, X: np.ndarray, Q: np.ndarray) -> None:
    """The first answers are the oracle's, to the last bit."""
    assert len(lines) == len(Q)
    for line, q in zip(lines[:CHECKED], Q):
        found = json.loads(line)["neighbors"]
        positions, distances = neighbours(q, X, "euclidean", n=NEIGHBOURS)
        assert found == [[p, d] for p, d in zip(positions.tolist(), distances.tolist())]


def recall(lines: list, X: np.ndarray, Q: np.ndarray) -> float:
    """The share of true neighbours among the first answers, ties counted by distance."""
    hits = 0
    for line, q in zip(lines[:CHECKED], Q):
        farthest = neighbours(q, X, "euclidean", n=NEIGHBOURS)[1][-1]
        hits += sum(distance <= farthest for _, distance in json.loads(line)["neighbors"])
    return hits / (CHECKED * NEIGHBOURS)


def tied(X: np.ndarray, Q: np.ndarray) -> float:
    """The share of queries whose tenth and eleventh neighbour are equally far."""
    found = [neighbours(q, X, "euclidean", n=NEIGHBOURS + 1)[1] for q in Q[:150]]
    return float(np.mean([far[-1] == far[-2] for far in found]))


def measure(name: str, X: np.ndarray, Q: np.ndarray, times: int, folder: Path) -> dict:
    """Bare kneighbors and the mapper over a brute-force index."""
    index, queries = folder / (name + ".index"), folder / (name + ".csv")
    built = build(Points(X), "euclidean", "brute")
    save(built, str(index))
    write_csv(queries, Q)
    text = queries.read_bytes()
    job = task(folder, queries, index)
    check_exact(answers(job, text), X, Q)
    size = rows_per_batch(X.shape[1])
    batches = [Q[start:start + size] for start in range(0, len(Q), size)]
    bare = mapper = np.inf
    for _ in range(times):
        bare = min(bare, seconds(lambda: [built.fitted.kneighbors(b, NEIGHBOURS)  # type: ignore
                                          for b in batches]))
        mapper = min(mapper, seconds(lambda: answers(job, text)))
    return {"data": name, "ties": tied(X, Q), "bare": len(Q) / bare, "mapper": len(Q) / mapper}


def measure_faiss(X: np.ndarray, Q: np.ndarray, factory: str, parameters: str, times: int,
                  folder: Path) -> dict:
    """FAISS bare and through the mapper."""
    import faiss
    from howdah.approximate import build_faiss

    index, queries = folder / ("faiss.%s.index" % factory), folder / "faiss.csv"
    path = candidates_path(str(index), "faiss")
    save(build(Points(X), "euclidean", "brute", lambda X, metric, centre: (
        build_faiss(X, metric, centre, path, factory, parameters), path)), str(index))
    write_csv(queries, Q)
    text = queries.read_bytes()
    job = task(folder, queries, index)
    found = recall(answers(job, text), X, Q)
    searcher = faiss.read_index(path)
    size = rows_per_batch(X.shape[1])
    batches = [(Q[start:start + size] - X.mean(axis=0)).astype(np.float32)
               for start in range(0, len(Q), size)]
    bare = mapper = np.inf
    for _ in range(times):
        bare = min(bare, seconds(lambda: [searcher.search(b, NEIGHBOURS) for b in batches]))
        mapper = min(mapper, seconds(lambda: answers(job, text)))
    return {"data": "floats, FAISS %s" % factory, "recall": found, "bare": len(Q) / bare,
            "mapper": len(Q) / mapper}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--small", action="store_true")
    options.add_argument("--json", metavar="FILE")
    options.add_argument("--times", type=int, default=3)
    asked = options.parse_args()
    n, m, d = (5_000, 500, 32) if asked.small else (100_000, 8_192, 32)
    rng = np.random.default_rng(0)
    X, Q = rng.normal(size=(n, d)), rng.normal(size=(m, d))
    levels = 5 if asked.small else 8
    grid = integer_grid(n + m, d, seed=0, levels=levels).astype(float)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = [measure("floats", X, Q, asked.times, folder),
                measure("integers", grid[:n], grid[n:], asked.times, folder)]
        if importlib.util.find_spec("faiss"):
            rows += [measure_faiss(X, Q, factory, parameters, asked.times, folder)
                     for factory, parameters in (("Flat", ""), ("HNSW32", "efSearch=64"))]
    report(rows, n, m, d, asked)


def report(rows: list, n: int, m: int, d: int, asked) -> None:
    floats, integers = rows[:2]
    print("%d queries, index %d x %d, n = %d, one thread; best of %d runs; queries per second of"
          " processor time" % (m, n, d, NEIGHBOURS, asked.times))
    print("%-24s %10s %10s %7s  %s" % ("", "bare", "mapper", "ratio", ""))
    for row in rows:
        note = "recall@10 %.3f, mapper %.2f x scikit-learn bare" % (
            row["recall"], row["mapper"] / floats["bare"]) if "recall" in row else (
            "exact; %.0f %% of the queries tie at the tenth place" % (100 * row["ties"]))
        print("%-24s %10.0f %10.0f %7.2f  %s" % (row["data"], row["bare"], row["mapper"],
                                                 row["mapper"] / row["bare"], note))
    versions = {name: version(name) for name in ("numpy", "scikit-learn")}
    print("Python %s, %s" % (platform.python_version(),
                             ", ".join("%s %s" % pair for pair in versions.items())))
    if asked.json:
        Path(asked.json).write_text(json.dumps({
            "rows": rows, "n": n, "m": m, "d": d, "python": platform.python_version(),
            "machine": platform.processor() or platform.machine(), **versions}) + "\n")
    good = floats["mapper"] >= FLOATS * floats["bare"]
    good &= integers["mapper"] >= INTEGERS * integers["bare"]
    sys.exit(0 if good or asked.small else 1)


if __name__ == "__main__":
    main()
