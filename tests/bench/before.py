"""This code beside that of another revision: the same commands, in turn.

    python tests/bench/before.py REVISION              # half an hour, with Java
    python tests/bench/before.py REVISION --no-hadoop  # processor time alone
    python tests/bench/before.py --small               # beside the last commit: for CI

The revision's files are unpacked in a folder of their own. What is called are the scripts of jobs/
with options that every revision has; each packs its own blocks, builds its own index and takes its
own profile, all from one file. Both must give the same answers, which are lines of JSON: to the
byte or, which the table says, to nine digits.

1. Processor time of the whole command, one thread, -r inline: a k-means round over 10^7 x 16,
   k=50, from CSV and from packed float32 blocks; the 10 nearest of 100,000 x 32 points for floats
   and for integers with ties. They take so long that the start, about a second, hides nothing.
   Limit: the least of the turns, 1.05.
2. Time by the clock of a round over a small file on HDFS, on the one-node YARN of tests/hadoop.
   Limit: the median of the turns, one second more.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from math import isclose
from pathlib import Path
from typing import Iterator

import numpy as np

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

from bench.harness import (  # noqa: E402
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
from bench.report import Report, git  # noqa: E402
from generators import centres, integer_grid, write_csv  # noqa: E402
from hadoop.cluster import Cluster  # noqa: E402
from hadoop.jars import ClusterError  # noqa: E402

CSV, PACKED = "round, CSV", "round, packed float32"
FLOATS, INTEGERS = "k-NN, floats", "k-NN, integers with ties"
HADOOP = "round over a small file, -r hadoop"
BEFORE, NOW = "%s, before", "%s, now"
COLUMNS, CLUSTERS = 16, 50
HADOOP_TURNS = 11
CPU_RATIO, SECONDS_MORE = 1.05, 1.0
# A PYTHONPATH or more threads of one's own would reach both.
ENVIRONMENT = {**ONE_THREAD, "PYTHONPATH": ""}


def options_of():
    parser = parser_of(__doc__, repeats=9)
    parser.add_argument("revision", nargs="?", default="HEAD",
                        help="anything that git knows (default: HEAD)")
    parser.add_argument("--rows", type=int, default=None, help="of k-means (default: 10000000)")
    parser.add_argument("--no-hadoop", dest="hadoop", action="store_false",
                        help="leave out the round on YARN")
    options = parser.parse_args()
    options.rows = options.rows or (20_000 if options.small else 10_000_000)
    return options


@dataclass
class Code:
    """One revision's files, and a folder for what it makes of the data."""

    root: Path
    folder: Path
    timeout: float

    def command(self, script: str, *words) -> list:
        return [sys.executable, self.root / "jobs" / script, *words]

    def make(self, script: str, *words) -> list:
        """The lines of JSON of a command that must succeed."""
        log = self.folder / (script + ".log")
        must_run(self.command(script, *words), log, self.timeout, ENVIRONMENT)
        return json_lines(log)

    def profile(self, data: Path) -> Path:
        """The file that saves a round its own scan for the profile."""
        path = self.folder / (data.name + ".profile")
        sample = self.make("kmeans_sample.py", data, "-k", CLUSTERS, "-r", "inline", "--no-conf")
        path.write_text("\n".join(sample) + "\n")
        return path

    def packed(self, csv: Path) -> Path:
        folder = self.folder / "packed"
        self.make("pack.py", csv, "--dtype", "float32", "--output-dir", folder, "--no-conf")
        return folder

    def round(self, data, start: Path, profile: Path, *words) -> list:
        return self.command("kmeans_round.py", data, "--centroids", start, "--profile", profile,
                            "--no-conf", *words)

    def neighbours(self, points: Path, queries: Path) -> list:
        index = self.folder / (points.name + ".index")
        self.make("knn_index.py", points, "--algorithm", "brute", "-o", index)
        return self.command("knn.py", queries, "--index", index, "-n", 10, "-r", "inline",
                            "--no-conf")


@contextmanager
def both(options) -> Iterator[tuple]:
    """A folder, and in it the Code of the revision and of this checkout."""
    with scratch(options) as folder:
        for name in ("before", "now"):
            (folder / name).mkdir()
        unpack(options.revision, folder / "checkout")
        yield (folder, Code(folder / "checkout", folder / "before", options.timeout),
               Code(REPOSITORY, folder / "now", options.timeout))


def unpack(revision: str, folder: Path) -> None:
    """What git keeps of a revision."""
    archive = folder.with_suffix(".tar")
    try:
        git("-C", str(REPOSITORY), "archive", "--output", str(archive), revision)
    except subprocess.CalledProcessError:
        sys.exit("git has no revision %s." % revision)
    with tarfile.open(archive) as packed:
        packed.extractall(folder)


# answers


def json_lines(log) -> list:
    return [line for line in Path(log).read_text().splitlines() if line.startswith("{")]


class Answers:
    """Those of a command, which both revisions must give."""

    def __init__(self) -> None:
        self.expected: list = []

    def check(self, out: Path, ran: Ran) -> dict:
        found = json_lines(ran.log)
        self.expected = self.expected or found
        assert found and len(found) == len(self.expected), (len(found), len(self.expected))
        if found == self.expected:
            return {"answers": "same bytes"}
        for line, other in zip(found, self.expected):
            assert alike(json.loads(line), json.loads(other)), "%s\n%s" % (other, line)
        return {"answers": "same to nine digits"}


def alike(found, expected) -> bool:
    """Equal, rounding aside; of objects what both have."""
    if isinstance(expected, dict):
        keys = expected.keys() & found.keys()
        return bool(keys) and all(alike(found[key], expected[key]) for key in keys)
    if isinstance(expected, list):
        return len(found) == len(expected) and all(map(alike, found, expected))
    if isinstance(expected, float):
        return isclose(found, expected, rel_tol=1e-9, abs_tol=1e-12)
    return found == expected


def pair(name: str, commands: list, env: dict) -> list:
    """The two contenders of a name, from the commands before and now."""
    answers = Answers()
    return [Contender(version % name, partial(always, command), answers.check, env)
            for version, command in zip((BEFORE, NOW), commands)]


def always(command: list, out: Path) -> list:
    return command


# what is measured


def rounds(folder: Path, codes: list, options) -> list:
    """Those of a k-means round by one task, from CSV and from packed blocks."""
    csv = dataset(options.data_dir, "blobs", options.rows, COLUMNS, CLUSTERS)
    start = write_centroids(folder / "start.csv", centres(COLUMNS, CLUSTERS, seed=0))
    commands: dict = {CSV: [], PACKED: []}
    for code in codes:
        for name, data in ((CSV, csv), (PACKED, code.packed(csv))):
            commands[name].append(code.round(data, start, code.profile(data), "-r", "inline"))
    return [each for name, two in commands.items() for each in pair(name, two, ENVIRONMENT)]


def neighbours(folder: Path, codes: list, small: bool) -> list:
    """Those of k-NN by brute force."""
    n, m, d = (5_000, 500, 32) if small else (100_000, 32_768, 32)
    rng = np.random.default_rng(0)
    grid = integer_grid(n + m, d, seed=0, levels=5 if small else 8)
    found = []
    for name, X, Q in ((FLOATS, rng.normal(size=(n, d)), rng.normal(size=(m, d))),
                       (INTEGERS, grid[:n], grid[n:])):
        points, queries = folder / (name + ".points.csv"), folder / (name + ".queries.csv")
        write_csv(points, X)
        write_csv(queries, Q)
        found += pair(name, [code.neighbours(points, queries) for code in codes], ENVIRONMENT)
    return found


def on_hadoop(folder: Path, codes: list, report: Report, options) -> None:
    """A round over a small file on HDFS."""
    (folder := folder / "hadoop").mkdir()
    csv = dataset(options.data_dir, "blobs", 2_000, COLUMNS, CLUSTERS)
    start = write_centroids(folder / "start.csv", centres(COLUMNS, CLUSTERS, seed=0))
    cluster = Cluster(folder / "cluster")
    try:
        cluster.start().fs("-put", str(csv), "/small.csv")
        commands = [code.round(cluster.uri + "/small.csv", start, code.profile(csv), "-r",
                               "hadoop", "--python-bin", sys.executable) for code in codes]
        options.usual_repeats = HADOOP_TURNS
        in_turn(pair(HADOOP, commands, {**ENVIRONMENT, **cluster.environment()}), report,
                options, folder)
    except ClusterError as error:
        report.note("Hadoop is NOT among them: %s" % error)
    finally:
        cluster.stop()


def summarise(report: Report) -> None:
    for title, names, key in (
            ("seconds of processor time", (CSV, PACKED, FLOATS, INTEGERS), "cpu_seconds"),
            ("seconds", (HADOOP,), "seconds")):
        figures = [[name, *least_and_median(report, BEFORE % name, key),
                    *least_and_median(report, NOW % name, key)]
                   for name in names if report.values(NOW % name)]
        answers = {row["contender"]: row["answers"] for row in report.rows}
        report.table([[title, "before: least", "median", "now: least", "median",
                       "now / before: least", "median", "answers"],
                      *(row + [row[3] / row[1], row[4] / row[2], answers[NOW % row[0]]]
                        for row in figures)])


def least_and_median(report: Report, name: str, key: str) -> list:
    return [min(report.values(name, key)), report.median(name, key)]


def judge(report: Report) -> None:
    for name in (CSV, PACKED, FLOATS, INTEGERS):
        before, now = (report.values(version % name, "cpu_seconds") for version in (BEFORE, NOW))
        report.limit("%s, processor time, now / before" % name,
                     min(now) / min(before) if before and now else None, CPU_RATIO)
    past, present = (report.median(version % HADOOP) for version in (BEFORE, NOW))
    report.limit("%s, seconds more than before" % HADOOP,
                 present - past if past and present else None, SECONDS_MORE)


def main() -> int:
    options = options_of()
    report = Report("before", options)
    with both(options) as (folder, *codes):
        report.note("before: %s" % git("log", "-1", "--format=%h, %cs: %s", options.revision))
        in_turn([*rounds(folder, codes, options), *neighbours(folder, codes, options.small)],
                report, options, folder)
        if options.hadoop:
            on_hadoop(folder, codes, report, options)
    summarise(report)
    judge(report)
    return report.code()


if __name__ == "__main__":
    sys.exit(main())
