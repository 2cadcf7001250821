"""Memory of k-NN mappers: what a mapped index costs each, and what a long run peaks at.

    python tests/bench/knn_memory.py               # some minutes
    python tests/bench/knn_memory.py --small       # seconds: for CI
    python tests/bench/knn_memory.py --json FILE

1. Four mappers on one machine hold an index of 160 MB at the same time: the private memory and the
   time that loading it and a first batch of queries add to each (/proc/PID/smaps_rollup; the
   digest's time excluded). Limits: 20 MB, 50 ms. A compressed index must be refused.
2. One mapper answers 10^6 queries against 100,000 x 32, Euclidean and cosine: its peak resident
   memory, index pages included. Limit: 600 MB. Answers are checked against the oracle first.
"""

from __future__ import annotations

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

from argparse import SUPPRESS  # noqa: E402
import io  # noqa: E402
import json  # noqa: E402
import re  # noqa: E402
import resource  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
from pathlib import Path  # noqa: E402

import joblib  # noqa: E402
import numpy as np  # noqa: E402

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

from bench.report import Report, reporting_parser  # noqa: E402
from generators import write_csv  # noqa: E402

from howdah.errors import UserError  # noqa: E402
from howdah.indexing.build import Points, build  # noqa: E402
from howdah.indexing.queries import plan_of_options  # noqa: E402
from howdah.knn.description import read_description  # noqa: E402
from howdah.knn.index import load, save  # noqa: E402
from howdah.launch.launch import Launch  # noqa: E402
from howdah.scripts.knn import KNN  # noqa: E402
from knn_oracle import neighbours  # noqa: E402

MAPPERS = 4
PRIVATE_MB, LOAD_MS, PEAK_MB = 20, 50, 600
BLOCK_ROWS = 4096


def private_mb() -> float:
    """Memory of this process that no other shares, in MB."""
    text = Path("/proc/self/smaps_rollup").read_text()
    return sum(int(kb) for kb in re.findall(r"Private_\w+:\s+(\d+) kB", text)) / 1024


class Repeated(io.RawIOBase):
    """One block of text over and over: an input as long as asked for, without the file."""

    def __init__(self, block: bytes, times: int):
        super().__init__()
        self.block, self.left, self.rest = block, times, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        if not self.rest and self.left:
            self.rest, self.left = self.block, self.left - 1
        size = min(len(buffer), len(self.rest))
        buffer[:size], self.rest = self.rest[:size], self.rest[size:]
        return size


# the workers: processes of their own, told on standard input when to go on

def hold(path: str) -> None:
    """Load the index when told, answer a batch, wait with it in memory, and tell what it cost."""
    import sklearn.neighbors  # noqa: F401

    d = read_description(path).d  # type: ignore[union-attr]
    warm = build(Points(np.random.default_rng(0).normal(size=(5000, d))), "euclidean", "brute")
    Q = np.random.default_rng(1).normal(size=(256, d))
    warm.neighbors().query(Q, 10)
    del warm
    _say("ready")
    before = private_mb()
    start = time.perf_counter()
    index = load(path)
    milliseconds = 1000 * (time.perf_counter() - start)
    index.neighbors().query(Q, 10)
    _say("loaded")
    _say({"private_mb": private_mb() - before, "load_ms": milliseconds})


def _say(value) -> None:
    print(json.dumps(value), flush=True)
    sys.stdin.readline()


def stream(plan: str, index: str, text: str, times: int) -> None:
    """A map task over a long input; its peak memory."""
    job = KNN(["--mapper", "--plan", plan, "--index", index])
    stdin = io.BufferedReader(Repeated(Path(text).read_bytes(), times))
    with open(os.devnull, "wb") as nowhere:
        job.sandbox(stdin=stdin, stdout=nowhere)
        job.execute()
    print(json.dumps({"peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


def worker(*args) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, __file__, *map(str, args)], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, text=True)


# the measurements

def measure_sharing(folder: Path, n: int) -> list:
    """What a mapped index adds to each of four processes that hold it together."""
    path = str(folder / "large.index")
    save(build(Points(np.random.default_rng(0).normal(size=(n, 16))), "euclidean", "brute"), path)
    _refuse_compressed(folder, path)
    workers = [worker("--hold", path) for _ in range(MAPPERS)]
    for process in workers:
        assert json.loads(process.stdout.readline()) == "ready"  # type: ignore[union-attr]
    for process in workers:  # one after the other: four at once would measure the queue
        _go_on(process)
        assert json.loads(process.stdout.readline()) == "loaded"  # type: ignore[union-attr]
    found = []
    for process in workers:
        _go_on(process)
        found.append(json.loads(process.stdout.readline()))  # type: ignore[union-attr]
    for process in workers:
        process.communicate("\n")
    return [{"index_mb": os.path.getsize(path) / 1e6, **one} for one in found]


def _go_on(process) -> None:
    process.stdin.write("\n")
    process.stdin.flush()


def _refuse_compressed(folder: Path, path: str) -> None:
    small = str(folder / "compressed.index")
    joblib.dump(load(path).fitted, small, compress=1)
    try:
        load(small)
    except UserError as error:
        print("a compressed index is refused: %s" % str(error).partition(", but")[0][-40:])
        os.unlink(small)
        return
    raise AssertionError("a compressed index was accepted")


def measure_stream(folder: Path, metric: str, n: int, m: int) -> dict:
    """The peak of a mapper over m queries."""
    rng = np.random.default_rng(2)
    X, Q = rng.normal(size=(n, 32)), rng.normal(size=(BLOCK_ROWS, 32))
    index, text, plan = (folder / (metric + end) for end in (".index", ".csv", ".json"))
    save(build(Points(X), metric, "brute"), str(index))
    write_csv(text, Q)
    job = KNN([str(text), "--index", str(index), "-n", "10", "-r", "inline", "--no-header"])
    made = plan_of_options(Launch(job))
    plan.write_bytes(made.to_json(sliced=False))
    _check(plan, index, text, X, Q, metric)
    start = time.perf_counter()
    process = worker("--stream", plan, index, text, -(-m // BLOCK_ROWS))
    told = json.loads(process.communicate()[0])
    return {"metric": metric, "queries": -(-m // BLOCK_ROWS) * BLOCK_ROWS, **told,
            "seconds": time.perf_counter() - start}


def _check(plan: Path, index: Path, text: Path, X: np.ndarray, Q: np.ndarray, metric: str) -> None:
    job = KNN(["--mapper", "--plan", str(plan), "--index", str(index)])
    lines = text.read_bytes().splitlines(keepends=True)[:20]
    job.sandbox(stdin=io.BytesIO(b"".join(lines)), stdout=io.BytesIO())
    job.execute()
    answers = job.stdout.getvalue().splitlines()  # type: ignore[attr-defined]
    assert len(answers) == 20
    for line, q in zip(answers, Q):
        positions, distances = neighbours(q, X, metric, n=10)
        assert json.loads(line)["neighbors"] == [
            [p, d] for p, d in zip(positions.tolist(), distances.tolist())]


def main() -> int:
    parser = reporting_parser(__doc__)
    parser.add_argument("--hold", nargs=1, help=SUPPRESS)
    parser.add_argument("--stream", nargs=4, help=SUPPRESS)
    asked = parser.parse_args()
    if asked.hold:
        hold(*asked.hold)
        return 0
    if asked.stream:
        plan, index, text, times = asked.stream
        stream(plan, index, text, int(times))
        return 0
    report = Report("knn_memory", asked, repeated="each mapper once")
    points, n, m = (125_000, 10_000, 20_000) if asked.small else (1_250_000, 100_000, 1_000_000)
    with tempfile.TemporaryDirectory() as folder:
        for number, row in enumerate(measure_sharing(Path(folder), points), 1):
            name = "mapper %d of %d, index of %.0f MB" % (number, MAPPERS, row["index_mb"])
            report.add({"contender": name, **row})
        for metric in ("euclidean", "cosine"):
            row = measure_stream(Path(folder), metric, n, m)
            report.add({"contender": "%d queries, %s" % (row["queries"], metric), **row})
    summarise(report)
    return report.code()


def summarise(report: Report) -> None:
    shared = [row for row in report.rows if "load_ms" in row]
    streams = [row for row in report.rows if "peak_mb" in row]
    keys = ("private_mb", "load_ms", "peak_mb")
    report.table([["", "private MB", "ms to load", "peak MB"],
                  *([row["contender"], *map(row.get, keys)] for row in report.rows)])
    for what, key, rows, limit in (("private MB of a mapper", "private_mb", shared, PRIVATE_MB),
                                   ("ms to load the index", "load_ms", shared, LOAD_MS),
                                   ("peak MB of a mapper", "peak_mb", streams, PEAK_MB)):
        report.limit("most " + what, max(row[key] for row in rows), limit,
                     at_any_size=key != "load_ms")


if __name__ == "__main__":
    sys.exit(main())
