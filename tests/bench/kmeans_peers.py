"""k-means from a CSV file to the end, beside what a user would pick instead.

    python tests/bench/kmeans_peers.py                         # blobs, 10^6 x 16, k=50
    python tests/bench/kmeans_peers.py --data heavy
    python tests/bench/kmeans_peers.py --small                 # under a minute: for CI

Contenders, each in a process of its own, in turn: Howdah with -r inline, with -r local and from
packed blocks (packing apart); pandas and scikit-learn KMeans (n_init=10 and 1) and MiniBatchKMeans;
Spark MLlib KMeans local[2], its start included; textbook mrjob k-means, whose time for all of its
rounds is calculated from --textbook-rounds measured ones. Every answer's exact cost on all rows is
computed before its time is shown, and judged. Exit code 1: a limit does not hold, or a contender
failed.
"""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import statistics
import sys
from pathlib import Path
from typing import Optional

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

from bench.harness import (  # noqa: E402
    JOBS,
    PEERS,
    REPOSITORY,
    Contender,
    Costs,
    Ran,
    dataset,
    first_rows,
    in_turn,
    parser_of,
    read_centroids,
    run,
    scratch,
    write_centroids,
)
from bench.peers.textbook_model import rounds_to  # noqa: E402
from bench.report import Report  # noqa: E402

HOWDAH, LOCAL, PACKED = "howdah inline", "howdah local", "howdah inline, packed"
SKLEARN, SPARK, TEXTBOOK = "scikit-learn n_init=10", "Spark MLlib local[2]", "textbook mrjob inline"
LIMITS = {"blobs": 1.001, "heavy": 1.01}
# Of the cost: whole runs over the same points in other splits, whose samples differ.
OTHER_SPLITS = 0.02


def options_of():
    parser = parser_of(__doc__, repeats=5)
    parser.add_argument("--data", choices=sorted(LIMITS), default="blobs")
    parser.add_argument("--rows", type=int, default=None, help="default: 1000000")
    parser.add_argument("--columns", type=int, default=None, help="default: 16")
    parser.add_argument("--clusters", type=int, default=None, help="default: 50")
    parser.add_argument("--textbook-rounds", type=int, default=3,
                        help="rounds of it to measure, once; 0 leaves it out")
    options = parser.parse_args()
    usual = (20_000, 4, 5) if options.small else (1_000_000, 16, 50)
    for name, value in zip(("rows", "columns", "clusters"), usual):
        if getattr(options, name) is None:
            setattr(options, name, value)
    return options


class Bench:
    """The contenders over one CSV file."""

    def __init__(self, options, report: Report, folder: Path):
        self.options, self.report, self.folder = options, report, folder
        self.csv = dataset(options.data_dir, options.data, options.rows, options.columns,
                           options.clusters)
        self.costs = Costs(self.csv)
        self.k = options.clusters
        self.start = write_centroids(folder / "start.csv", first_rows(self.csv, self.k))

    # how contenders are run

    def driver(self, name: str, input: Path, runner: str) -> Contender:
        return Contender(name, lambda out: [
            sys.executable, REPOSITORY / "driver.py", input, "-k", self.k, "-r", runner,
            "--no-conf", "--output-dir", out / "result"], self.of_driver)

    def sklearn(self, name: str, *extra) -> Contender:
        return Contender(name, lambda out: [
            sys.executable, PEERS / "sklearn_kmeans.py", self.csv, out / "centroids.csv", "-k",
            self.k, *extra], self.of_peer)

    def spark(self) -> Contender:
        return Contender(SPARK, lambda out: [
            sys.executable, PEERS / "spark_kmeans.py", self.csv, out, "-k", self.k, "--columns",
            self.options.columns], self.of_peer)

    def textbook(self) -> Contender:
        return Contender(TEXTBOOK, lambda out: [
            sys.executable, PEERS / "textbook_rounds.py", self.csv, out, "--start", self.start,
            "--rounds", self.options.textbook_rounds, "-r", "inline", "--no-conf"],
            self.of_textbook, once=True)

    # what they leave

    def of_driver(self, out: Path, ran: Ran) -> dict:
        jobs = re.search(r"(\d+) jobs?\b", ran.tail(100_000))
        return {"cost": self.costs.of(read_centroids(out / "result" / "centroids.csv")),
                "jobs": int(jobs.group(1)) if jobs else None}

    def of_peer(self, out: Path, ran: Ran) -> dict:
        notes = out / "notes.json"
        return {"cost": self.costs.of(read_centroids(out / "centroids.csv")),
                **(json.loads(notes.read_text()) if notes.exists() else {})}

    def of_textbook(self, out: Path, ran: Ran) -> dict:
        best = min(row["cost"] for row in self.report.rows if "cost" in row)
        return textbook_figures(self.csv, self.start, out, ran, 1.001 * best)

    # the whole

    def pack(self) -> Optional[Path]:
        packed = self.folder / "packed"
        ran = run([sys.executable, JOBS / "pack.py", self.csv, "--dtype", "float32", "--no-conf",
                   "--output-dir", packed], self.folder / "pack.log", self.options.timeout)
        if ran.trouble:
            self.report.fail("packing: " + ran.trouble, ran.tail())
            return None
        self.report.note("packing (not in the times): %.2f s, %.0f MB of CSV -> %.0f MB" % (
            ran.seconds, self.csv.stat().st_size / 1e6,
            sum(path.stat().st_size for path in packed.iterdir()) / 1e6))
        self.report.data["packing_seconds"] = ran.seconds
        return packed

    def contenders(self) -> list:
        packed = self.pack()
        found = [self.driver(HOWDAH, self.csv, "inline"), self.driver(LOCAL, self.csv, "local")]
        if packed:
            found.append(self.driver(PACKED, packed, "inline"))
        found += [self.sklearn(SKLEARN), self.sklearn("scikit-learn n_init=1", "--n-init", 1),
                  self.sklearn("MiniBatchKMeans", "--minibatch", "--n-init", 3)]
        if spark_is_here(self.report):
            found.append(self.spark())
        return found + ([self.textbook()] if self.options.textbook_rounds else [])


def spark_is_here(report: Report) -> bool:
    missing = [what for what, there in (
        ("pyspark", importlib.util.find_spec("pyspark")), ("java", shutil.which("java")))
        if not there]
    if missing:
        report.note("!!! Spark is NOT among the contenders: no %s here !!!"
                    % " and no ".join(missing))
    return not missing


def textbook_figures(csv: Path, start: Path, out: Path, ran: Ran, enough: float) -> dict:
    """The textbook's calculated time: the median of its measured rounds times those it needs."""
    measured = json.loads((out / "notes.json").read_text())["round_seconds"]
    rounds, cost = rounds_to(csv, read_centroids(start), enough)
    return {"cost": cost, "rounds": rounds, "round_seconds": measured, "measured": ran.seconds,
            "seconds": rounds * statistics.median(measured), "calculated": True}


def tell_of_textbook(report: Report, name: str) -> None:
    """How its time was calculated, and what cost that time leads to."""
    rows = [row for row in report.rows if row["contender"] == name]
    if not rows:
        report.note("%s: not measured" % name)
        return
    [row] = rows
    above = row["cost"] / min(row["cost"] for row in report.rows if "cost" in row)
    end = ("its time to the best cost" if above <= 1.001 else
           "scikit-learn's rule (tol=1e-4) stops it there, at %.2f times the best cost, so its time"
           " to that cost is longer, if it ever comes to it" % above)
    report.note("%s: calculated, %d rounds of %.1f s, the median of %d measured; %s" % (
        name, row["rounds"], statistics.median(row["round_seconds"]), len(row["round_seconds"]),
        end))


def summarise(report: Report, ours: str = HOWDAH) -> None:
    """A line per contender: medians, cost over the best cost, and the time of `ours` over its."""
    names = list(dict.fromkeys(row["contender"] for row in report.rows))
    costs = {name: report.median(name, "cost") for name in names}
    best = min((cost for cost in costs.values() if cost is not None), default=1.0)
    lines: list = [["", "seconds", "least", "most", "peak MB", "cost / best", "%s / it" % ours]]
    for name in names:
        seconds = report.values(name)
        cost = costs[name]
        lines.append([name, report.median(name), min(seconds), max(seconds),
                      report.median(name, "peak_mb"),
                      None if cost is None else "%.5f" % (cost / best),
                      report.ratio(ours, name)])
    report.table(lines)


def main() -> int:
    options = options_of()
    report = Report("kmeans_peers_%s" % options.data, options)
    print("%s %d x %d, k=%d, from the CSV file to the end" % (
        options.data, options.rows, options.columns, options.clusters))
    with scratch(options) as folder:
        in_turn(Bench(options, report, folder).contenders(), report, options, folder)
    summarise(report)
    tell_of_textbook(report, TEXTBOOK)
    judge(report, options.data)
    return report.code()


def judge(report: Report, data: str) -> None:
    if data == "blobs":
        report.limit("howdah inline / scikit-learn n_init=10, time",
                     report.ratio(HOWDAH, SKLEARN), 0.25)
        report.limit("howdah inline / Spark MLlib local[2], time",
                     report.ratio(HOWDAH, SPARK), 0.15)
    mine, other, spark = (report.values(name, "cost") for name in (HOWDAH, SKLEARN, SPARK))
    report.limit("howdah inline / the better of the two, cost",
                 max(mine) / min(other + spark) if mine and other and spark else None,
                 LIMITS[data], at_any_size=True)
    for name in (LOCAL, PACKED):
        costs = report.values(name, "cost")
        report.limit("%s and inline, difference of costs" % name,
                     max(abs(cost / mine[0] - 1) for cost in mine + costs)
                     if mine and costs else None, OTHER_SPLITS, at_any_size=True)


if __name__ == "__main__":
    sys.exit(main())
