"""k-means from a CSV file on HDFS, on a one-node YARN, beside Spark MLlib and textbook mrjob.

    python tests/bench/hadoop_peers.py                         # blobs, 10^6 x 16, k=50
    python tests/bench/hadoop_peers.py --rows 10000000         # 1.4 GB
    python tests/bench/hadoop_peers.py --small                 # a few minutes: for CI

Starts the one-node Hadoop of tests/hadoop/cluster.py in a folder of its own and stops it. In turn:
driver.py -r hadoop; Spark MLlib KMeans with --master yarn, one executor of 2 cores and 3 GB, its
start included; a bare `hadoop jar` job of /bin/cat over an empty file with the settings of
Howdah's jobs, the floor of one job; and once textbook mrjob k-means, whose time is calculated from
--textbook-rounds measured rounds. Costs on all rows are computed before times are shown.
"""

from __future__ import annotations

import json
import re
import sys
import urllib.request
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

from bench.harness import (  # noqa: E402
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
    scratch,
    write_centroids,
)
from bench.kmeans_peers import (  # noqa: E402
    spark_is_here,
    summarise,
    tell_of_textbook,
    textbook_figures,
)
from bench.report import Report  # noqa: E402
from hadoop.cluster import Cluster  # noqa: E402
from hadoop.jars import VERSION  # noqa: E402
from howdah.launch.runners.hadoop import JOBCONF  # noqa: E402
from howdah.launch.runners.hadoop_runner import UBER_MODE  # noqa: E402

HOWDAH, SPARK = "howdah -r hadoop", "Spark MLlib on YARN"
TEXTBOOK, FLOOR = "textbook mrjob -r hadoop", "floor: one empty job"
MOST_JOBS = 4


def options_of():
    parser = parser_of(__doc__, repeats=3)
    parser.add_argument("--rows", type=int, default=None, help="default: 1000000")
    parser.add_argument("--columns", type=int, default=None, help="default: 16")
    parser.add_argument("--clusters", type=int, default=None, help="default: 50")
    parser.add_argument("--memory-mb", type=int, default=6144, help="of YARN, for containers")
    parser.add_argument("--textbook-rounds", type=int, default=None,
                        help="rounds of it to measure, once; 0 leaves it out (default: 5)")
    options = parser.parse_args()
    usual = {"rows": 1_000_000, "columns": 16, "clusters": 50, "textbook_rounds": 5}
    small = {"rows": 20_000, "columns": 4, "clusters": 5, "textbook_rounds": 1}
    for name, value in (small if options.small else usual).items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    return options


class Bench:
    """The contenders over one CSV file on the cluster's HDFS."""

    def __init__(self, options, report: Report, folder: Path, cluster: Cluster):
        self.options, self.report, self.cluster = options, report, cluster
        self.env = cluster.environment()
        self.k = options.clusters
        self.csv = dataset(options.data_dir, "blobs", options.rows, options.columns, self.k)
        self.costs = Costs(self.csv)
        self.start = write_centroids(folder / "start.csv", first_rows(self.csv, self.k))
        self.uri = cluster.uri + "/bench/points.csv"
        cluster.fs("-mkdir", "-p", cluster.uri + "/bench")
        cluster.fs("-put", str(self.csv), self.uri)
        cluster.fs("-touchz", cluster.uri + "/bench/empty")
        self.finished = len(self.applications())

    # YARN, asked over REST

    def applications(self) -> list:
        url = "http://%s/ws/v1/cluster/apps" % self.cluster.address("rm_http")
        with urllib.request.urlopen(url, timeout=60) as answer:
            return ((json.load(answer).get("apps") or {}).get("app")) or []

    def new_applications(self) -> int:
        """Applications since the last call; those still running, a dead client's, are ended."""
        found = self.applications()
        for app in found:
            if app["state"] not in ("FINISHED", "FAILED", "KILLED"):
                self.cluster.run("hadoop", "application", "-kill", app["id"])
        new, self.finished = len(found) - self.finished, len(found)
        return new

    # contenders

    def remote(self, out: Path) -> str:
        """The folder on HDFS that belongs to a contender's local one."""
        return "%s/bench/%s" % (self.cluster.uri, out.name)

    def howdah(self) -> Contender:
        return Contender(HOWDAH, lambda out: [
            sys.executable, REPOSITORY / "driver.py", self.uri, "-k", self.k, "-r", "hadoop",
            "--python-bin", sys.executable, "--no-conf", "--output-dir", self.remote(out)],
            self.of_howdah, self.env)

    def spark(self) -> Contender:
        return Contender(SPARK, lambda out: [
            sys.executable, PEERS / "spark_kmeans.py", self.uri, out, "-k", self.k, "--columns",
            self.options.columns, "--master", "yarn", "--driver-memory", "1g"],
            self.of_peer, self.env)

    def floor(self) -> Contender:
        jobconf = {**JOBCONF, UBER_MODE: "true", "mapreduce.job.reduces": "1"}
        settings = [word for pair in sorted(jobconf.items()) for word in ("-D", "%s=%s" % pair)]
        return Contender(FLOOR, lambda out: [
            "hadoop", "jar", self.env["HADOOP_STREAMING_JAR"], *settings, "-input",
            self.cluster.uri + "/bench/empty", "-output", self.remote(out), "-mapper", "/bin/cat",
            "-reducer", "/bin/cat"], self.of_floor, self.env)

    def textbook(self) -> Contender:
        return Contender(TEXTBOOK, lambda out: [
            sys.executable, PEERS / "textbook_rounds.py", self.uri, out, "--start", self.start,
            "--rounds", self.options.textbook_rounds, "-r", "hadoop", "--python-bin",
            sys.executable, "--no-conf"], self.of_textbook, self.env, once=True)

    def contenders(self) -> list:
        found = [self.howdah()]
        if spark_is_here(self.report):
            found.append(self.spark())
        found.append(self.floor())
        return found + ([self.textbook()] if self.options.textbook_rounds else [])

    # what they leave

    def of_howdah(self, out: Path, ran: Ran) -> dict:
        applications = self.new_applications()
        text = self.cluster.fs("-cat", self.remote(out) + "/centroids.csv")
        (out / "centroids.csv").write_text(text)
        jobs = re.search(r"(\d+) jobs?\b", ran.tail(100_000))
        return {"cost": self.costs.of(read_centroids(out / "centroids.csv")),
                "jobs": int(jobs.group(1)) if jobs else None, "yarn_applications": applications}

    def of_peer(self, out: Path, ran: Ran) -> dict:
        self.new_applications()
        return {"cost": self.costs.of(read_centroids(out / "centroids.csv")),
                **json.loads((out / "notes.json").read_text())}

    def of_floor(self, out: Path, ran: Ran) -> dict:
        self.new_applications()
        return {}

    def of_textbook(self, out: Path, ran: Ran) -> dict:
        self.new_applications()
        best = min(row["cost"] for row in self.report.rows if "cost" in row)
        return textbook_figures(self.csv, self.start, out, ran, 1.001 * best)


def main() -> int:
    options = options_of()
    report = Report("hadoop_peers_%d" % options.rows, options)
    report.data["versions"]["Hadoop"] = VERSION
    print("blobs %d x %d, k=%d, from CSV on HDFS to the end" % (
        options.rows, options.columns, options.clusters))
    with scratch(options) as folder:
        cluster = Cluster(folder / "cluster", memory_mb=options.memory_mb)
        try:
            bench = Bench(options, report, folder, cluster.start())
            in_turn(bench.contenders(), report, options, folder)
            tell_of_containers(report, cluster)
        finally:
            cluster.stop()
    summarise(report, HOWDAH)
    judge(report, options.rows)
    return report.code()


def tell_of_containers(report: Report, cluster: Cluster) -> None:
    """What YARN had to give and what each side asked of it."""
    site = (cluster.folder / "conf" / "mapred-site.xml").read_text()
    task, master = (re.findall("<name>%s</name><value>(.+?)<" % re.escape(name), site)[0]
                    for name in ("mapreduce.map.memory.mb", "yarn.app.mapreduce.am.resource.mb"))
    [spark] = {row["containers"] for row in report.rows if "containers" in row} or {"not measured"}
    report.note("containers, of %d MB in all: Howdah, textbook and floor %s MB a task and %s MB a"
                " master, in which Howdah's small jobs run whole (uber mode); Spark: %s" % (
                    cluster.memory_mb, task, master, spark))


def judge(report: Report, rows: int) -> None:
    tell_of_textbook(report, TEXTBOOK)
    jobs = report.values(HOWDAH, "jobs")
    floor = report.median(FLOOR)
    if jobs and floor:
        report.note("floor: %d jobs of %.1f s, empty ones, take %.1f s" % (
            max(jobs), floor, max(jobs) * floor))
    report.limit("howdah / Spark MLlib on the same YARN, time", report.ratio(HOWDAH, SPARK),
                 0.3 if rows >= 10_000_000 else 0.7)
    # 10^7 rows would take it half a day.
    if rows < 10_000_000 or report.values(TEXTBOOK):
        report.limit("howdah / textbook mrjob, time", report.ratio(HOWDAH, TEXTBOOK), 0.1)
    mine, theirs = report.values(HOWDAH, "cost"), report.values(SPARK, "cost")
    report.limit("howdah / the better of both, cost",
                 max(mine) / min(mine + theirs) if mine and theirs else None, 1.001,
                 at_any_size=True)
    for what, counts in (("jobs, counted by the driver", jobs), (
            "YARN applications", report.values(HOWDAH, "yarn_applications"))):
        report.limit(what, max(counts) if counts else None, MOST_JOBS, at_any_size=True)


if __name__ == "__main__":
    sys.exit(main())
