"""What a round takes after its maps: one reducer and the driver, in processor time.

    python tests/bench/recentre.py                       # a minute: k=1000, d=128, 4 map tasks
    python tests/bench/recentre.py --small               # seconds: for CI

Beside them stand the records alone, which both only read and write as text: of every map task, and
the reducer's. The centroids are those of plain NumPy. Limit: least of the turns, at most twice the
records alone.
"""

from __future__ import annotations

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import sys  # noqa: E402
import tempfile  # noqa: E402
from pathlib import Path  # noqa: E402

import numpy as np  # noqa: E402

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

from bench.map_tasks import RoundTasks  # noqa: E402
from bench.report import Report, cpu_seconds, repeats_of, reporting_parser  # noqa: E402
from generators import blobs, write_csv  # noqa: E402
from howdah.task.malloc import keep_freed_memory  # noqa: E402
from howdah.task.records import RecordProtocol  # noqa: E402
from oracle import plain_round  # noqa: E402

MAP_TASKS = 4
ALLOWED = 2.0
REDUCER, DRIVER, RECORDS = "reducer", "driver", "the records alone"


def records_alone(mapped: bytes, reduced: bytes) -> None:
    """What reducer and driver read and write, and nothing else."""
    protocol = RecordProtocol()
    for line in mapped.splitlines():
        protocol.read(line)
    for key, value in map(protocol.read, reduced.splitlines()):
        protocol.write(key, value)


def main() -> int:
    parser = reporting_parser(__doc__, repeats=9)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--columns", type=int, default=128)
    parser.add_argument("--clusters", type=int, default=1000)
    o = parser.parse_args()
    if o.small:
        o.rows, o.columns, o.clusters = 500, 8, 20
    report = Report("recentre", o)
    keep_freed_memory()
    with tempfile.TemporaryDirectory() as folder:
        X = np.round(blobs(o.rows, o.columns, o.clusters, seed=0), 6)
        C = X[:o.clusters] + 1e-3
        write_csv(Path(folder) / "x.csv", X)
        write_csv(Path(folder) / "c.csv", C)
        tasks = RoundTasks(Path(folder) / "x.csv", Path(folder) / "c.csv", Path(folder))
        mapped = tasks.map(MAP_TASKS)
        reduced = tasks.reduce(mapped)
        assert np.allclose(tasks.drive(reduced).centroids, plain_round(X, C)[0], rtol=1e-9,
                           atol=1e-9)
        runs = {REDUCER: lambda: tasks.reduce(mapped), DRIVER: lambda: tasks.drive(reduced),
                RECORDS: lambda: records_alone(mapped, reduced)}
        for turn in range(repeats_of(o)):
            for name, run in runs.items():
                report.add({"contender": name, "turn": turn, "seconds": cpu_seconds(run)})
    least = {name: min(report.values(name)) for name in runs}
    both = least[REDUCER] + least[DRIVER]
    report.table([["after the maps", "seconds of processor time, the least"], *least.items(),
                  ["reducer and driver", both]])
    report.limit("reducer and driver / the records alone", both / least[RECORDS], ALLOWED)
    return report.code()


if __name__ == "__main__":
    sys.exit(main())
