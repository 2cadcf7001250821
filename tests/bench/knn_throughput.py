"""Queries per second through the k-NN mapper, beside scikit-learn's and FAISS's bare calls.

    python tests/bench/knn_throughput.py                # some minutes
    python tests/bench/knn_throughput.py --small        # seconds: for CI
    python tests/bench/knn_throughput.py --json FILE

1. One core, n = 10. The mapper's time runs from the first byte of CSV to the last byte of JSON,
   index loading included, Python's own start and imports not; a bare call gets the same batches as
   arrays. Processor time: on a shared machine the clock measures the others' work too.
2. From a file to the end, each in a process of its own, starts included, eight times the queries in
   two tasks of one thread: jobs/knn.py -r local, and Spark local[2] with scikit-learn's brute force
   over batches and a broadcast index.

Answers are compared with the oracle before anything is timed, Spark's with Howdah's before its time
is shown. Limits: 0.9 of scikit-learn's bare brute force on floats, 0.5 on integers with ties.
"""

from __future__ import annotations

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import importlib.util  # noqa: E402
import io  # noqa: E402
import json  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Callable  # noqa: E402

import joblib  # noqa: E402
import numpy as np  # noqa: E402

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

from bench.harness import (  # noqa: E402
    JOBS,
    PEERS,
    Contender,
    Ran,
    in_turn,
    parser_of,
    scratch,
)
from bench.kmeans_peers import spark_is_here  # noqa: E402
from bench.report import Report, repeats_of  # noqa: E402
from generators import integer_grid, write_csv  # noqa: E402
from howdah.input.batches import rows_per_batch  # noqa: E402

from howdah.indexing.build import Points, build  # noqa: E402
from howdah.indexing.queries import plan_of_options  # noqa: E402
from howdah.knn.description import read_description  # noqa: E402
from howdah.knn.index import candidates_path, save  # noqa: E402
from howdah.launch.launch import Launch  # noqa: E402
from howdah.scripts.knn import KNN  # noqa: E402
from knn_oracle import neighbours  # noqa: E402

NEIGHBOURS = 10
CHECKED = 40
FLOATS, INTEGERS = "floats", "integers with ties"
LIMITS = {FLOATS: 0.9, INTEGERS: 0.5}
BARE, MAPPER = "%s, bare", "%s, mapper"
LOCAL, SPARK = "howdah -r local", "Spark local[2] + scikit-learn"


def task(folder: Path, queries: Path, index: Path):
    """A map task over the queries, as a cluster starts it: lines on standard input."""
    job = KNN([str(queries), "--index", str(index), "-n", str(NEIGHBOURS), "-r", "inline"])
    plan = plan_of_options(Launch(job))
    (folder / "plan.json").write_bytes(plan.to_json(sliced=False))
    args = ["--mapper", "--plan", str(folder / "plan.json"), "--index", str(index)]
    description = read_description(str(index))
    if description and description.candidates:
        args += ["--candidates", candidates_path(str(index), description)]
    return KNN(args)


def answers(job: KNN, text: bytes) -> list:
    """The task's output lines for this input."""
    job.sandbox(stdin=io.BytesIO(text), stdout=io.BytesIO())
    job.execute()
    return job.stdout.getvalue().splitlines()  # type: ignore[attr-defined]


def seconds(action: Callable[[], object]) -> float:
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


class Bench:
    """Indexes of brute force and of FAISS over files of queries."""

    def __init__(self, report: Report, options, folder: Path):
        self.report, self.options, self.folder = report, options, folder

    def take_turns(self, data: str, queries: int, bare: Callable, mapper: Callable) -> None:
        for turn in range(repeats_of(self.options)):
            for name, action in ((BARE % data, bare), (MAPPER % data, mapper)):
                took = seconds(action)
                self.report.add({"contender": name, "turn": turn, "seconds": took,
                                 "queries_per_second": queries / took})

    def brute(self, data: str, X: np.ndarray, Q: np.ndarray) -> str:
        """Bare kneighbors and the mapper over a brute-force index; what its answers are."""
        index, queries = self.folder / "brute.index", self.folder / "brute.csv"
        built = build(Points(X), "euclidean", "brute")
        save(built, str(index))
        write_csv(queries, Q)
        text = queries.read_bytes()
        job = task(self.folder, queries, index)
        check_exact(answers(job, text), X, Q)
        self.take_turns(
            data, len(Q),
            lambda: [built.fitted.kneighbors(b, NEIGHBOURS)  # type: ignore[attr-defined]
                     for b in cut(Q)],
            lambda: answers(job, text))
        return "exact; %.0f %% tie at the tenth place" % (100 * tied(X, Q))

    def faiss(self, data: str, X: np.ndarray, Q: np.ndarray, factory: str, parameters: str) -> str:
        """FAISS bare and through the mapper; its recall."""
        import faiss
        from howdah.knn.approximate import build_faiss

        index, queries = self.folder / (factory + ".index"), self.folder / "faiss.csv"
        path = str(self.folder / (factory + ".built"))
        description = save(build(Points(X), "euclidean", "brute", lambda X, metric, centre: (
            build_faiss(X, metric, centre, path, factory, parameters), path)), str(index))
        candidates = candidates_path(str(index), description)
        os.replace(path, candidates)
        write_csv(queries, Q)
        text = queries.read_bytes()
        job = task(self.folder, queries, index)
        found = recall(answers(job, text), X, Q)
        searcher = faiss.read_index(candidates)
        batches = [(batch - X.mean(axis=0)).astype(np.float32) for batch in cut(Q)]
        self.take_turns(data, len(Q), lambda: [searcher.search(b, NEIGHBOURS) for b in batches],
                        lambda: answers(job, text))
        return "recall %.3f" % found


def cut(Q: np.ndarray) -> list:
    """Queries in the mapper's batches."""
    size = rows_per_batch(Q.shape[1])
    return [Q[start:start + size] for start in range(0, len(Q), size)]


class FromFile:
    """From a file of queries to the end: Howdah's job and Spark, over the same index."""

    def __init__(self, report: Report, folder: Path, X: np.ndarray, Q: np.ndarray):
        self.report, self.X, self.Q = report, X, Q
        self.index, self.plain = folder / "floats.index", folder / "floats.joblib"
        self.queries = folder / "floats.csv"
        built = build(Points(X), "euclidean", "brute")
        save(built, str(self.index))
        joblib.dump(built.fitted, self.plain)
        write_csv(self.queries, Q)
        self.exact: list = []

    def contenders(self) -> list:
        found = [Contender(LOCAL, lambda out: [
            sys.executable, JOBS / "knn.py", self.queries, "--index", self.index, "-n", NEIGHBOURS,
            "-r", "local", "--jobconf", "mapreduce.job.maps=2", "--no-conf", "--output-dir",
            out / "answers"], self.of_howdah)]
        if spark_is_here(self.report):
            found.append(Contender(SPARK, lambda out: [
                sys.executable, PEERS / "spark_knn.py", self.queries, self.plain, out, "-n",
                NEIGHBOURS, "--rows", rows_per_batch(self.Q.shape[1])], self.of_spark))
        return found

    def of_howdah(self, out: Path, ran: Ran) -> dict:
        lines = lines_of(out)
        check_exact(lines, self.X, self.Q)
        self.exact = [json.loads(line)["neighbors"] for line in lines]
        return self.speed(ran)

    def of_spark(self, out: Path, ran: Ran) -> dict:
        check_same([json.loads(line) for line in lines_of(out)], self.exact, self.X, self.Q)
        return {**self.speed(ran), **json.loads((out / "notes.json").read_text())}

    def speed(self, ran: Ran) -> dict:
        return {"queries_per_second": len(self.Q) / ran.seconds}


def lines_of(out: Path) -> list:
    """All answers of a contender, in the order of the queries."""
    return [line for part in sorted((out / "answers").glob("part-*"))
            for line in part.read_text().splitlines()]


def check_same(found: list, exact: list, X: np.ndarray, Q: np.ndarray) -> None:
    """Distinct neighbours, each as far as told and as the exact one of its place: ties may differ.

    Both in float64, but a matrix product loses some digits of a distance.
    """
    assert len(found) == len(exact)
    for pairs, expected, q in zip(found, exact, Q):
        positions, told = (np.array(column) for column in zip(*pairs))
        far = np.sqrt(((X[positions] - q) ** 2).sum(axis=1))
        assert len(set(positions.tolist())) == len(expected) == len(pairs)
        assert np.allclose(told, far, rtol=1e-9) and np.allclose(
            far, [distance for _, distance in expected], rtol=1e-9)


def main() -> int:
    options = parser_of(__doc__, repeats=3).parse_args()
    report = Report("knn_throughput", options)
    n, m, d = (5_000, 500, 32) if options.small else (100_000, 8_192, 32)
    print("%d queries, index %d x %d, n = %d, one thread a task" % (m, n, d, NEIGHBOURS))
    rng = np.random.default_rng(0)
    X, Q = rng.normal(size=(n, d)), rng.normal(size=(8 * m, d))
    levels = 5 if options.small else 8
    grid = integer_grid(n + m, d, seed=0, levels=levels).astype(float)
    with scratch(options) as folder:
        bench = Bench(report, options, folder)
        about = {FLOATS: bench.brute(FLOATS, X, Q[:m]),
                 INTEGERS: bench.brute(INTEGERS, grid[:n], grid[n:])}
        if importlib.util.find_spec("faiss"):
            for factory, parameters in (("Flat", ""), ("HNSW32", "efSearch=64")):
                data = "floats, FAISS " + factory
                about[data] = bench.faiss(data, X, Q[:m], factory, parameters)
        in_turn(FromFile(report, folder, X, Q).contenders(), report, options, folder)
    summarise(report, about)
    for data, limit in LIMITS.items():
        report.limit("%s, mapper / bare scikit-learn, queries a second" % data,
                     report.ratio(MAPPER % data, BARE % data, "queries_per_second"), limit,
                     least=True)
    return report.code()


def summarise(report: Report, about: dict) -> None:
    def rate(name: str):
        return report.median(name, "queries_per_second")

    report.table([["queries per second of processor time", "bare", "mapper", "mapper / bare", ""],
                  *([data, rate(BARE % data), rate(MAPPER % data),
                     report.ratio(MAPPER % data, BARE % data, "queries_per_second"), words]
                    for data, words in about.items())])
    report.table([["from a file to the end, two tasks", "seconds", "of that Spark's start",
                   "queries a second", "%s / it" % LOCAL],
                  *([name, report.median(name), report.median(name, "startup_seconds"),
                     rate(name), report.ratio(LOCAL, name)]
                    for name in (LOCAL, SPARK) if report.values(name))])


if __name__ == "__main__":
    sys.exit(main())
