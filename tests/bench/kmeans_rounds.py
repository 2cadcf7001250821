"""One k-means round: rows a second from CSV and from packed blocks, beside bare NumPy.

    python tests/bench/kmeans_rounds.py                        # 10^7 x 16, k=50: some minutes
    python tests/bench/kmeans_rounds.py --rows 1000000
    python tests/bench/kmeans_rounds.py --small                # seconds: for CI

1. In this process, one thread, in turn: the round's mapper over the CSV file, over packed float32
   blocks, and the bare matrix products, argmin and sums on arrays already in memory, by rows or
   by columns, with sums by bincount or by a sparse product, whichever is the fastest. Beside them,
   not judged, the same with a minimum and labels masked by it instead of argmin, as the mapper
   does. Sums and counts must agree before a time is shown.
2. A whole round by jobs/kmeans_round.py -r inline and -r local, a thread per task; and the map
   tasks of -r local as bare processes at the same time, which shows what the launcher adds.
3. A sample scan and two rounds by driver.py for the number of clusters alone, and with a fifth and
   two fifths of it beside it. Both start from random rows, for from seeds of the sample the blobs
   alone are done after one round, and the same scans are what is compared.
4. Where the mapper's time goes: reading, grid, classify, sums, farthest.
"""

from __future__ import annotations

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import json  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from functools import partial  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Callable  # noqa: E402

import numpy as np  # noqa: E402

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

from bench.harness import (  # noqa: E402
    JOBS,
    ONE_THREAD,
    REPOSITORY,
    Contender,
    Ran,
    dataset,
    in_turn,
    must_run,
    parser_of,
    scratch,
    write_centroids,
)
from bench.map_tasks import RoundTasks  # noqa: E402
from bench.report import Report, repeats_of  # noqa: E402
from generators import centres  # noqa: E402
from howdah.kmeans.centroids import GridCentroids  # noqa: E402
from howdah.kmeans.classify import classify  # noqa: E402
from howdah.kmeans.points import on_grid  # noqa: E402
from howdah.kmeans.sums import Sums  # noqa: E402
from howdah.task.malloc import keep_freed_memory  # noqa: E402
from scipy.sparse import csr_matrix  # noqa: E402

CSV, PACKED = "mapper, CSV", "mapper, packed float32"
BARE, MASKED = "bare NumPy", "bare NumPy, masked minimum"
INLINE, LOCAL, TASKS = "round -r inline", "round -r local", "the map tasks of -r local alone"
ALONE, SEVERAL = "driver.py, one k", "driver.py, three k in the same scans"


def options_of():
    parser = parser_of(__doc__, repeats=3)
    parser.add_argument("--rows", type=int, default=None, help="default: 10000000")
    parser.add_argument("--columns", type=int, default=16)
    parser.add_argument("--clusters", type=int, default=50)
    parser.add_argument("--no-runners", dest="runners", action="store_false",
                        help="leave out -r inline and -r local")
    options = parser.parse_args()
    options.rows = options.rows or (20_000 if options.small else 10_000_000)
    return options


# the bare kernels: chunks are float32, by rows (n, d) or by columns (d, n)


def labels_by_rows(part: np.ndarray, C: np.ndarray, half_norms: np.ndarray) -> np.ndarray:
    return (half_norms - part.T @ C.T).argmin(axis=1)


def labels_by_columns(part: np.ndarray, C: np.ndarray, half_norms: np.ndarray) -> np.ndarray:
    return (half_norms[:, None] - C @ part).argmin(axis=0)


def labels_by_masked_minimum(part: np.ndarray, C: np.ndarray,
                             half_norms: np.ndarray) -> np.ndarray:
    """Ties go to the highest label."""
    halves = half_norms[:, None] - C @ part
    small = np.arange(len(C), dtype=np.min_scalar_type(len(C) - 1))[:, None]
    return ((halves <= halves.min(axis=0)) * small).max(axis=0)


def sums_by_bincount(part: np.ndarray, labels: np.ndarray, k: int) -> np.ndarray:
    return np.stack([np.bincount(labels, column, minlength=k) for column in part], axis=1)


def sums_by_sparse_product(part: np.ndarray, labels: np.ndarray, k: int) -> np.ndarray:
    n = part.shape[1]
    chooser = csr_matrix((np.ones(n), labels, np.arange(n + 1)), shape=(n, k))
    return chooser.T @ part.T


SUMS = (sums_by_bincount, sums_by_sparse_product)
BARE_WAYS = {BARE: [(label, add) for label in (labels_by_rows, labels_by_columns) for add in SUMS],
             MASKED: [(labels_by_masked_minimum, add) for add in SUMS]}


def bare_round(chunks: list, C: np.ndarray, way: tuple) -> tuple:
    """Sums (k, d) in float64 and counts (k,) by a pair of functions of BARE_WAYS."""
    label, add = way
    k = len(C)
    C32 = C.astype(np.float32)
    half_norms = (np.einsum("ij,ij->i", C, C) / 2).astype(np.float32)
    sums, counts = np.zeros(C.shape), np.zeros(k)
    for part in chunks:
        labels = label(part, C32, half_norms)
        sums += add(part, labels, k)
        counts += np.bincount(labels, minlength=k)
    return sums, counts


def fastest_way(ways: list, chunks: list, C: np.ndarray) -> tuple:
    few = chunks[:40]
    return min(ways, key=lambda way: min(seconds(lambda: bare_round(few, C, way))
                                         for _ in range(3)))


def seconds(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


# measuring


class Rounds:
    """A CSV file and its packed blocks, and one round over each."""

    def __init__(self, options, report: Report, folder: Path):
        self.options, self.report, self.folder = options, report, folder
        self.csv = dataset(options.data_dir, "blobs", options.rows, options.columns,
                           options.clusters)
        self.packed = folder / "packed"
        self.packing = must_run(
            [sys.executable, JOBS / "pack.py", self.csv, "--dtype", "float32", "--no-conf",
             "--output-dir", self.packed], folder / "pack.log", options.timeout).seconds
        self.start = write_centroids(folder / "start.csv", centres(
            options.columns, options.clusters, seed=0))
        self.tasks = {CSV: RoundTasks(self.csv, self.start, folder),
                      PACKED: RoundTasks(self.packed, self.start, folder)}

    def arrays(self) -> list:
        """The packed rows in memory, float32, by columns."""
        return [np.array(batch.X.T, dtype=np.float32, order="C")
                for batch in self.tasks[PACKED].batches()]

    def measure(self) -> None:
        chunks = self.arrays()
        C = self.tasks[PACKED].centroids
        runs: dict = {name: tasks.map for name, tasks in self.tasks.items()}
        for name, ways in BARE_WAYS.items():
            way = fastest_way(ways, chunks, C)
            runs[name] = partial(bare_round, chunks, C, way)
            self.report.note("%s: %s, %s, chunks of %d rows" % (
                name, way[0].__name__, way[1].__name__, chunks[0].shape[1]))
        expected, masked = runs[BARE](), runs[MASKED]()
        check(MASKED, means(*masked), masked[1], expected)
        for name, tasks in self.tasks.items():
            result = tasks.result(runs[name]())
            check(name, result.centroids, result.counts, expected)
        for turn in range(repeats_of(self.options)):
            for name, action in runs.items():
                took = seconds(action)
                self.report.add({"contender": name, "turn": turn, "seconds": took,
                                 "rows_per_second": self.options.rows / took})

    def profile(self) -> None:
        """Seconds of each part of the mapper's work, the loop of KMeansRound.map_batches."""
        for name, tasks in self.tasks.items():
            parts = parts_of(tasks)
            self.report.add({"profile": name, **parts})

    def runners(self) -> None:
        sample = self.folder / "sample.jsonl"
        log = self.folder / "sample.log"
        must_run([sys.executable, JOBS / "kmeans_sample.py", self.csv, "-k", self.options.clusters,
                  "-r", "local", "--no-conf"], log, self.options.timeout)
        lines = [line for line in log.read_text().splitlines() if line.startswith('{"profile"')]
        sample.write_text(lines[0] + "\n")
        k = self.options.clusters
        in_turn([self.round_by(INLINE, "inline", sample), self.round_by(LOCAL, "local", sample),
                 self.map_tasks(), self.run_of(ALONE, [k]),
                 self.run_of(SEVERAL, [k // 5, 2 * k // 5, k])],
                self.report, self.options, self.folder)

    def round_by(self, name: str, runner: str, sample: Path) -> Contender:
        return Contender(name, lambda out: [
            sys.executable, JOBS / "kmeans_round.py", self.csv, "--centroids", self.start,
            "--profile", sample, "-r", runner, "--no-conf"], self.counted, ONE_THREAD)

    def map_tasks(self) -> Contender:
        """As many map tasks as cores, as processes of their own, all at once."""
        tasks = self.tasks[CSV]
        commands = []
        for i, text in enumerate(tasks.inputs(os.cpu_count() or 1)):
            given = self.folder / ("task-%d.in" % i)
            given.write_bytes(text)
            commands.append("%s %s --mapper --plan %s < %s > %s &" % (
                sys.executable, JOBS / "kmeans_round.py", tasks.path, given,
                given.with_suffix(".out")))
        return Contender(TASKS, lambda out: ["sh", "-c", " ".join([*commands, "wait"])],
                         self.handed_on, ONE_THREAD)

    def handed_on(self, out: Path, ran: Ran) -> dict:
        outputs = [path.read_bytes() for path in sorted(self.folder.glob("task-*.out"))]
        result = self.tasks[CSV].result(b"".join(outputs))
        assert result.counts.sum() == self.options.rows
        return {"cost": result.cost}

    def run_of(self, name: str, clusters: list) -> Contender:
        return Contender(name, lambda out: [
            sys.executable, REPOSITORY / "driver.py", self.csv, "-k", ",".join(map(str, clusters)),
            "--init", "random", "--min-gain", "0.999", "--no-conf", "--output-dir", out / "result"],
            self.converged, ONE_THREAD)

    def converged(self, out: Path, ran: Ran) -> dict:
        """The cost for the largest k; that of several k is at most 1 % above that of one alone."""
        folder = out / "result" / ("k-%d" % self.options.clusters)
        model = json.loads(((folder if folder.exists() else out / "result") / "model.json"
                            ).read_text())
        [cost] = self.report.values(ALONE, "cost")[:1] or [model["cost"]]
        assert model["cost"] <= 1.01 * cost, (model["cost"], cost)
        return {"cost": model["cost"]}

    def counted(self, out: Path, ran: Ran) -> dict:
        clusters = [json.loads(line) for line in Path(ran.log).read_text().splitlines()
                    if line.startswith('{"label"')]
        rows = sum(cluster["count"] for cluster in clusters)
        assert rows == self.options.rows, "%d rows counted" % rows
        return {"cost": sum(cluster["cost"] for cluster in clusters)}


def means(sums: np.ndarray, counts: np.ndarray) -> np.ndarray:
    return sums / np.maximum(counts, 1)[:, None]


def check(name: str, centroids: np.ndarray, counts: np.ndarray, expected: tuple) -> None:
    """Means and counts are those of the bare products with argmin, ties and float32 aside."""
    off = np.abs(counts - expected[1]).sum()
    assert off <= 1e-4 * expected[1].sum(), "%s: %d rows in other clusters" % (name, off)
    filled = expected[1] > 0
    assert np.allclose(centroids[filled], means(*expected)[filled], atol=2e-3), name


def parts_of(tasks: RoundTasks) -> dict:
    spent = dict.fromkeys(("read", "grid", "classify", "sums", "farthest"), 0.0)
    centroids = GridCentroids.of(tasks.centroids, tasks.space)
    sums = Sums(len(tasks.centroids), tasks.space)
    clock = time.perf_counter
    before = clock()
    for batch in tasks.batches():
        marks = [before, clock()]
        points = on_grid(batch.X, tasks.space)
        marks.append(clock())
        labels, distances = classify(points, centroids)
        marks.append(clock())
        sums.add(labels, points, batch.weights)
        marks.append(clock())
        sums.farthest.offer(points, centroids, labels, distances, batch.weights)
        before = clock()
        marks.append(before)
        for part, start, end in zip(spent, marks, marks[1:]):
            spent[part] += end - start
    return spent


def summarise(report: Report) -> None:
    names = list(dict.fromkeys(row["contender"] for row in report.rows if "contender" in row))
    rows = report.data["options"]["rows"]
    report.table([["", "seconds", "least", "most", "million rows/s"]] + [
        [name, report.median(name), min(report.values(name)), max(report.values(name)),
         rows / report.median(name) / 1e6] for name in names])  # type: ignore
    profiles = [row for row in report.rows if "profile" in row]
    if profiles:
        report.table([["seconds of", *list(profiles[0])[1:]],
                      *(list(row.values()) for row in profiles)])


def main() -> int:
    options = options_of()
    report = Report("kmeans_rounds", options)
    print("blobs %d x %d, k=%d, one round, one thread a task" % (
        options.rows, options.columns, options.clusters))
    keep_freed_memory()
    with scratch(options) as folder:
        rounds = Rounds(options, report, folder)
        rounds.measure()
        saved = (report.median(CSV) or 0) - (report.median(PACKED) or 0)
        if saved > 0:
            report.note("packing took %.1f s and saves %.1f s a scan, so it pays from scan %d on"
                        % (rounds.packing, saved, int(rounds.packing / saved) + 1))
        rounds.profile()
        if options.runners:
            rounds.runners()
    summarise(report)
    faster = report.ratio(CSV, PACKED)
    report.limit("rows a second, packed / CSV", faster, 3, least=True)
    report.limit("time, packed / bare NumPy", report.ratio(PACKED, BARE), 2.5)
    report.limit("time, -r local / -r inline, CSV", report.ratio(LOCAL, INLINE), 0.9)
    report.limit("time, three k / the largest alone", report.ratio(SEVERAL, ALONE), 1.3)
    beside, apart = report.ratio(TASKS, LOCAL), report.ratio(TASKS, INLINE)
    if beside and apart:
        report.note("of a round with -r local %.2f pass outside its map tasks (launcher, sort,"
                    " reducer); these alone, at the same time on %d cores, take %.2f of -r"
                    " inline" % (1 - beside, report.data["machine"]["cores"], apart))
    return report.code()


if __name__ == "__main__":
    sys.exit(main())
