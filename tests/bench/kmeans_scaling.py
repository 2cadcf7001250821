"""How a k-means round's time, memory and shuffled bytes grow, one factor at a time.

    python tests/bench/kmeans_scaling.py                # around 10^6 x 16, k=50: tens of minutes
    python tests/bench/kmeans_scaling.py --small        # seconds: for CI

A round is run as Hadoop Streaming runs it, without Hadoop: map tasks as processes at the same time,
each with its share of the input and one thread, then sort, then one reducer. Measured: seconds from
the start of the map tasks to the reducer's end, the peak resident memory of the largest map task,
and the bytes that the map tasks hand on. Every point's rows must all be counted, and its cost must
be that of plain NumPy. Fitted per factor: seconds = a + b x, and the slope on log-log scales.
Limit: a map task's memory from the fewest rows to the most within 10 %. Beside it, once and not
judged: the memory by rows of the round from packed blocks and of the sample scan's map task.
"""

from __future__ import annotations

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import json  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from collections.abc import Sequence  # noqa: E402
from dataclasses import asdict, dataclass, replace  # noqa: E402
from pathlib import Path  # noqa: E402

import numpy as np  # noqa: E402

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

from bench.harness import (  # noqa: E402
    JOBS,
    Costs,
    Process,
    dataset,
    first_rows,
    must_run,
    parser_of,
    scratch,
    write_centroids,
)
from bench.map_tasks import RoundTasks, Tasks  # noqa: E402
from bench.report import RESULTS, Report, repeats_of  # noqa: E402
from howdah.scripts.kmeans_sample import KMeansSample  # noqa: E402

BLOBS = 50
BILLION = 10 ** 9
NODES = (1, 4, 16, 64)
TASKS_A_NODE = 8
# Two million rows of 16 columns are 256 MB, Howdah's splits.
TASK_ROWS = {"tasks of 2 x 10^6 rows": 2 * 10 ** 6, "tasks of 8 x 10^6 rows": 8 * 10 ** 6}


@dataclass(frozen=True)
class Size:
    """The size of a round; `clusters` are the centroids, the data has 50 blobs in any case."""

    rows: int = 1_000_000
    clusters: int = 50
    columns: int = 16
    tasks: int = 1


FULL = (Size(), {"rows": (100_000, 1_000_000, 10_000_000), "clusters": (10, 100, 1000),
                 "columns": (4, 64, 256), "tasks": (1, 2)})
SMALL = (Size(10_000, 10, 4), {"rows": (1_000, 10_000), "clusters": (5, 20), "columns": (2, 8),
                               "tasks": (1, 2)})


def options_of():
    parser = parser_of(__doc__, repeats=3)
    parser.add_argument("--factors", nargs="*", default=list(FULL[1]), choices=list(FULL[1]))
    parser.add_argument("--packed", action="store_true",
                        help="from packed float32 blocks instead of CSV")
    return parser.parse_args()


class Bench:
    """Rounds of any size; plans are made once per data and number of clusters."""

    def __init__(self, options, report: Report, folder: Path):
        self.options, self.report, self.folder = options, report, folder
        self._tasks: dict = {}

    def tasks_of(self, size: Size) -> RoundTasks:
        key = replace(size, tasks=1)
        if key not in self._tasks:
            csv = dataset(self.options.data_dir, "blobs", size.rows, size.columns, BLOBS)
            own = self.folder / ("%d-%d-%d" % (size.rows, size.clusters, size.columns))
            own.mkdir()
            start = write_centroids(own / "start.csv", first_rows(csv, size.clusters))
            made = RoundTasks(self.packed(csv) if self.options.packed else csv, start, own)
            self._tasks[key] = made, Costs(csv).of(made.centroids)
        return self._tasks[key][0]

    def packed(self, csv: Path) -> Path:
        out = self.folder / ("packed-" + csv.stem)
        if not out.exists():
            must_run([sys.executable, JOBS / "pack.py", csv, "--dtype", "float32", "--no-conf",
                      "--output-dir", out], self.folder / "pack.log", self.options.timeout)
        return out

    def measure(self, size: Size, turn: int, factor: str) -> None:
        tasks = self.tasks_of(size)
        started = time.perf_counter()
        ran = self.map(tasks, size.tasks)
        map_seconds = time.perf_counter() - started
        outputs = [path.read_bytes() for path in self.outputs(len(ran))]
        reducer = self.reduce(tasks, outputs)
        seconds = time.perf_counter() - started
        for one in [*ran, reducer]:
            if one.trouble:
                self.report.fail("%s: %s" % (size, one.trouble), one.tail())
                return
        self.check(tasks, b"".join(outputs), size)
        self.report.add({"factor": factor, **asdict(size), "turn": turn, "seconds": seconds,
                         "map_seconds": map_seconds, "peak_mb": max(r.peak_mb for r in ran),
                         "shuffled_bytes": sum(map(len, outputs))})

    def memory(self, size: Size) -> None:
        """Peak memory of one map task over the whole input: packed round and sample scan."""
        csv = dataset(self.options.data_dir, "blobs", size.rows, size.columns, BLOBS)
        start = write_centroids(self.folder / "start.csv", first_rows(csv, size.clusters))
        packed = RoundTasks(self.packed(csv), start, self.folder)
        sample = Tasks(KMeansSample, csv, self.folder, "-k", str(size.clusters))
        given, out = self.folder / "memory.in", self.folder / "memory.out"
        row: dict = {"memory_rows": size.rows}
        for name, tasks, script in (("packed_mb", packed, "kmeans_round.py"),
                                    ("sample_mb", sample, "kmeans_sample.py")):
            given.write_bytes(b"".join(tasks.inputs(1)))
            ran = self.start(tasks, "--mapper", given, out, script).wait()
            if ran.trouble:
                self.report.fail("%s of %d rows: %s" % (name, size.rows, ran.trouble), ran.tail())
                return
            if tasks is packed:
                assert packed.result(out.read_bytes()).counts.sum() == size.rows
            row[name] = ran.peak_mb
        self.report.add(row)

    def outputs(self, n: int) -> list:
        return [self.folder / ("map-%d.out" % i) for i in range(n)]

    def map(self, tasks: RoundTasks, n: int) -> list:
        """All map tasks, at the same time."""
        texts = tasks.inputs(n)
        processes = []
        for i, (text, out) in enumerate(zip(texts, self.outputs(len(texts)))):
            given = self.folder / ("map-%d.in" % i)
            given.write_bytes(text)
            processes.append(self.start(tasks, "--mapper", given, out))
        return [process.wait() for process in processes]

    def reduce(self, tasks: RoundTasks, outputs: Sequence):
        given = self.folder / "reduce.in"
        lines = [line for output in outputs for line in output.splitlines(keepends=True)]
        given.write_bytes(b"".join(sorted(lines)))
        return self.start(tasks, "--reducer", given, self.folder / "reduce.out").wait()

    def start(self, tasks: Tasks, kind: str, given: Path, out: Path,
              script: str = "kmeans_round.py") -> Process:
        with open(given, "rb") as stdin, open(out, "wb") as stdout:
            return Process([sys.executable, JOBS / script, kind, "--plan", tasks.path],
                           out.with_suffix(".log"), self.options.timeout, stdin=stdin,
                           stdout=stdout)

    def check(self, tasks: RoundTasks, output: bytes, size: Size) -> None:
        """All rows counted, and the cost that plain float64 distances give."""
        result = tasks.result(output)
        expected = self._tasks[replace(size, tasks=1)][1]
        assert result.counts.sum() == size.rows, (size, result.counts.sum())
        assert abs(result.cost / expected - 1) < 1e-6, (size, result.cost, expected)


def points(base: Size, factors: dict, wanted: list) -> dict:
    """The sizes by factor, the base among them."""
    return {name: sorted({base, *(replace(base, **{name: value}) for value in values)},
                         key=lambda size: getattr(size, name))
            for name, values in factors.items() if name in wanted}


def law(x: Sequence, y: Sequence) -> dict:
    """Fits of y = a + b x, weighted to be as good for small as for large y, and y ~ x^slope."""
    slope = float(np.polyfit(np.log(x), np.log(y), 1)[0])
    b, a = np.polyfit(x, y, 1, w=1 / np.asarray(y, dtype=np.float64))
    return {"slope": slope, "a": float(a), "b": float(b)}


def summarise(report: Report, sizes: dict) -> None:
    laws = report.data["laws"] = {}
    for factor, line in sizes.items():
        rows = [medians(report, size) for size in line]
        rows = [row for row in rows if row]
        report.table([[factor, "round s", "map s", "peak MB", "shuffled bytes"]] + [
            [str(row["x"][factor]), row["seconds"], row["map_seconds"], row["peak_mb"],
             int(row["shuffled_bytes"])] for row in rows])
        if len(rows) < 2:
            continue
        x = [row["x"][factor] for row in rows]
        for what in ("seconds", "shuffled_bytes"):
            found = law(x, [row[what] for row in rows])
            laws["%s by %s" % (what, factor)] = found
            report.note("  %s: %.3g + %.3g x %s; slope on log-log scales %.2f" % (
                what, found["a"], found["b"], factor, found["slope"]))


def memory_by_rows(report: Report) -> None:
    rows = [row for row in report.rows if "memory_rows" in row]
    if rows:
        report.table([["rows: peak MB of a map task", "round, packed", "sample scan, CSV"], *(
            [str(row["memory_rows"]), row["packed_mb"], row["sample_mb"]] for row in rows)])


def calculate_billion(report: Report, fixed_cost: Path) -> None:
    """What a scan over 10^9 rows takes on clusters, from the laws and from the fixed cost of a job.

    A map task costs the start of its container and process, then so much a row; a job the rest.
    """
    by_rows = report.data["laws"].get("seconds by rows")
    if by_rows is None or not fixed_cost.exists():
        report.note("10^9 rows are not calculated: the law by rows or %s is missing"
                    % fixed_cost.name)
        return
    steps = [row for row in json.loads(fixed_cost.read_text())["rows"]
             if row["contender"] == "bare hadoop jar, no uber mode"]
    container, whole = (float(np.median([row[key] for row in steps])) for key in ("map", "seconds"))
    start, per_row = max(by_rows["a"], 0.0), by_rows["b"]
    lines: list = [["10^9 rows, calculated: nodes of %d tasks" % TASKS_A_NODE,
                    *("%s, scan s" % text for text in TASK_ROWS), "three scans, minutes"]]
    for nodes in NODES:
        scans = [whole - container + -(-BILLION // (rows * nodes * TASKS_A_NODE)) * (
            container + start + per_row * rows) for rows in TASK_ROWS.values()]
        lines.append([str(nodes), *scans, 3 * min(scans) / 60])
    report.table(lines)
    report.note("calculated from %.2g s a row, %.1f s for the start of a task and %.1f s for the"
                " rest of a job (its bare floor on one node); reading from disks, the network and"
                " what tasks that share cores and memory take from each other are not in it" % (
                    per_row, container + start, whole - container))


def medians(report: Report, size: Size) -> dict:
    rows = [row for row in report.rows if "factor" in row
            and all(row[k] == v for k, v in asdict(size).items())]
    if not rows:
        return {}
    return {"x": asdict(size), **{key: float(np.median([row[key] for row in rows])) for key in (
        "seconds", "map_seconds", "peak_mb", "shuffled_bytes")}}


def main() -> int:
    options = options_of()
    report = Report("kmeans_scaling" + ("_packed" if options.packed else ""), options)
    base, factors = SMALL if options.small else FULL
    sizes = points(base, factors, options.factors)
    print("around blobs %d x %d, k=%d, 1 task" % (base.rows, base.columns, base.clusters))
    with scratch(options) as folder:
        bench = Bench(options, report, folder)
        for turn in range(repeats_of(options)):
            done: set = set()
            for factor, line in sizes.items():
                for size in line:
                    if size not in done:
                        bench.measure(size, turn, factor)
                    done.add(size)
        for size in sizes.get("rows", []):
            bench.memory(size)
    summarise(report, sizes)
    memory_by_rows(report)
    calculate_billion(report, RESULTS / "hadoop_fixed_cost.json")
    if "rows" in sizes:
        peaks = [row["peak_mb"] for row in (medians(report, s) for s in sizes["rows"]) if row]
        report.limit("memory of a map task, most / least over rows",
                     max(peaks) / min(peaks) if len(peaks) > 1 else None, 1.1)
    return report.code()


if __name__ == "__main__":
    sys.exit(main())
