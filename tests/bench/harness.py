"""What all benchmarks share: data, running contenders in turn, exact costs.

A contender runs in a process of its own (measured.py notes its wall time, its processor time and
the peak resident memory of its largest process). Contenders take turns (A, B, A, B, ...), so a
machine that gets busier slows all alike, and ratios are medians of the ratios within a turn. Every
result is in the JSON file as soon as it is known.
"""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from argparse import ArgumentParser
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Iterator, Optional, Sequence

import numpy as np

from bench.report import Report, repeats_of, reporting_parser

BENCH = Path(__file__).resolve().parent
REPOSITORY = BENCH.parents[1]
JOBS = REPOSITORY / "jobs"
PEERS = BENCH / "peers"
MEASURED = BENCH / "measured.py"
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
CHUNK_ROWS = 1 << 16


def parser_of(doc: Optional[str], repeats: int) -> ArgumentParser:
    """The options of a benchmark whose contenders are processes of their own."""
    parser = reporting_parser(doc, repeats)
    parser.add_argument("--timeout", type=float, default=3600, metavar="SECONDS",
                        help="of one run of one contender (default: 3600)")
    parser.add_argument("--data-dir", type=Path, default=Path.home() / ".cache/howdah/bench",
                        help="where generated data is kept (default: ~/.cache/howdah/bench)")
    return parser


# data


def dataset(folder: Path, kind: str, rows: int, columns: int, clusters: int) -> Path:
    """The CSV file of tests/generators.py with these arguments, made once."""
    path = folder / ("%s-%dx%d-k%d.csv" % (kind, rows, columns, clusters))
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".%d.part" % os.getpid())
        subprocess.run([sys.executable, str(REPOSITORY / "tests/generators.py"), kind, str(part),
                        "--rows", str(rows), "--columns", str(columns), "--clusters",
                        str(clusters)], check=True)
        part.replace(path)
    return path


def first_rows(csv: Path, n: int) -> np.ndarray:
    """The first rows (n, d) of a CSV file without header."""
    return np.loadtxt(csv, delimiter=",", max_rows=n, ndmin=2)


def write_centroids(path: Path, centroids: np.ndarray) -> Path:
    """Centroids (k, d) as the driver writes them: a header, every digit kept."""
    from howdah.clustering.centroid_files import centroids_csv

    path.write_bytes(centroids_csv(centroids, ["x%d" % j for j in range(centroids.shape[1])]))
    return path


def read_centroids(path: Path) -> np.ndarray:
    return np.loadtxt(path, delimiter=",", skiprows=1, ndmin=2)


@contextmanager
def scratch(options) -> Iterator[Path]:
    """A folder beside the data, removed at the end, be it by SIGTERM."""
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    options.data_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="run-", dir=options.data_dir) as name:
        yield Path(name)


class Costs:
    """Costs of centroids on all rows of a CSV file, one function for all contenders.

    In float64: the nearest centroid by a matrix product, its squared distance row by row, added
    without rounding over chunks. Equal centroids are measured once.
    """

    def __init__(self, csv: Path):
        self.csv = csv
        self._known: dict = {}

    def of(self, centroids: np.ndarray) -> float:
        key = centroids.tobytes()
        if key not in self._known:
            self._known[key] = math.fsum(part for chunk in self._chunks()
                                         for part in _costs(chunk, centroids))
        return self._known[key]

    def _chunks(self) -> Iterator[np.ndarray]:
        import pandas

        with pandas.read_csv(self.csv, header=None, dtype=np.float64,
                             chunksize=CHUNK_ROWS) as reader:
            for frame in reader:
                yield frame.to_numpy()


def _costs(X: np.ndarray, C: np.ndarray) -> Iterator[float]:
    """The cost of every 4,096 rows."""
    half_norms = np.einsum("ij,ij->i", C, C) / 2
    for start in range(0, len(X), 4096):
        part = X[start:start + 4096]
        rest = part - C[np.argmin(half_norms - part @ C.T, axis=1)]
        yield float(np.einsum("ij,ij->", rest, rest))


# running


@dataclass
class Ran:
    """One run of a process: exit code, None for a timeout; seconds; MB of its largest process;
    seconds of processor time, its children's too.
    """

    code: Optional[int]
    seconds: float
    peak_mb: float
    log: str = ""
    cpu_seconds: float = 0.0

    @property
    def trouble(self) -> str:
        """Why the run does not count; empty if it does."""
        if self.code is None:
            return "stopped after %.0f s" % self.seconds
        return "exit code %d" % self.code if self.code else ""

    def tail(self, characters: int = 1500) -> str:
        path = Path(self.log)
        return path.read_text(errors="replace")[-characters:] if path.is_file() else ""


def usual_environment() -> dict:
    """This process's, but Python keeps byte code and buffers its output, as it does for users."""
    unusual = ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")
    return {name: value for name, value in os.environ.items() if name not in unusual}


class Process:
    """A command in a session of its own, so that a timeout ends all that it started."""

    def __init__(self, command: Sequence, log: Path, timeout: float, env: Optional[dict] = None,
                 stdin=subprocess.DEVNULL, stdout=None):
        self.log = log
        self._note = log.with_suffix(".note")
        self._note.unlink(missing_ok=True)
        measured = [sys.executable, "-S", "-E", MEASURED, self._note, *command]
        self._late = threading.Event()
        with open(log, "wb") as file:
            self._started = time.perf_counter()
            self._process = subprocess.Popen(
                list(map(str, measured)), stdin=stdin, stdout=stdout or file, stderr=file,
                env={**usual_environment(), **(env or {})}, cwd=REPOSITORY, start_new_session=True)
        self._timer = threading.Timer(timeout, self._end)
        self._timer.daemon = True
        self._timer.start()

    def _end(self) -> None:
        self._late.set()
        self.kill()

    def kill(self) -> None:
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def wait(self) -> Ran:
        try:
            self._process.wait()
        except BaseException:
            self.kill()
            raise
        finally:
            self._timer.cancel()
        if self._late.is_set() or not self._note.exists():
            code = None if self._late.is_set() else self._process.returncode
            return Ran(code, time.perf_counter() - self._started, 0.0, str(self.log))
        code, seconds, kilobytes, cpu = self._note.read_text().split()
        return Ran(int(code), float(seconds), int(kilobytes) / 1024, str(self.log), float(cpu))


def run(command: Sequence, log: Path, timeout: float, env: Optional[dict] = None) -> Ran:
    return Process(command, log, timeout, env).wait()


def must_run(command: Sequence, log: Path, timeout: float, env: Optional[dict] = None) -> Ran:
    """A run that is needed, not measured against others: SystemExit with its words if it fails."""
    ran = run(command, log, timeout, env)
    if ran.trouble:
        sys.exit("%s: %s\n%s" % (" ".join(map(str, command)), ran.trouble, ran.tail()))
    return ran


@dataclass
class Contender:
    """`command` makes the command line that leaves its answer in a folder.

    `answer` reads what is there once the command has ended: figures for the report, among them
    `cost`; it may replace `seconds` or `peak_mb`. `once`: in the first turn only.
    """

    name: str
    command: Callable[[Path], Sequence]
    answer: Callable[[Path, Ran], dict] = lambda folder, ran: {}
    env: dict = field(default_factory=dict)
    once: bool = False


def in_turn(contenders: Sequence[Contender], report: Report, options, folder: Path) -> None:
    """Run all contenders in turn; one that fails is reported and left out of later turns."""
    failed: set = set()
    for turn in range(repeats_of(options)):
        for number, contender in enumerate(contenders):
            if contender.name in failed or (contender.once and turn):
                continue
            out = folder / ("turn-%d-%d" % (turn, number))
            out.mkdir()
            ran = run(contender.command(out), out / "log", options.timeout, contender.env)
            row = {"contender": contender.name, "turn": turn, "seconds": ran.seconds,
                   "peak_mb": ran.peak_mb, "cpu_seconds": ran.cpu_seconds}
            if ran.trouble:
                failed.add(contender.name)
                report.fail("%s: %s" % (contender.name, ran.trouble), ran.tail())
            else:
                report.add({**row, **contender.answer(out, ran)})
