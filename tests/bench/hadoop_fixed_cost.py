"""What a job costs before any work is done: one k-means round beside mrjob's plain word count.

    python tests/bench/hadoop_fixed_cost.py                    # some minutes
    python tests/bench/hadoop_fixed_cost.py --small            # one turn: for CI

Starts the one-node Hadoop of tests/hadoop/cluster.py in a folder of its own and stops it. In turn,
each over a small file on HDFS, its answer checked: jobs/kmeans_round.py; tests/hadoop/word_count.py
with mrjob's defaults; and the floor, a bare `hadoop jar` of /bin/cat with the settings of Howdah's
jobs, with and without uber mode. Every start of `hadoop` is timed, and the steps within the job are
read from its history file. Limit: 0.5 of the word count, or 1.15 of the floor should that be more.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

from bench.harness import (  # noqa: E402
    JOBS,
    REPOSITORY,
    Contender,
    Ran,
    in_turn,
    must_run,
    parser_of,
    read_centroids,
    scratch,
)
from bench.report import Report  # noqa: E402
from hadoop.cluster import Cluster  # noqa: E402
from hadoop.jars import VERSION  # noqa: E402
from howdah.launch.runners.hadoop import JOBCONF  # noqa: E402
from howdah.launch.runners.hadoop_runner import UBER_MODE  # noqa: E402
from oracle import plain_round  # noqa: E402

ROUND, WORDS = "k-means round", "mrjob word count"
FLOOR, TASKS_FLOOR = "bare hadoop jar", "bare hadoop jar, no uber mode"
TEXT = "b a b\n" * 500 + "c\n"
DIGITS = REPOSITORY / "data" / "digits.csv.gz"
# The history file as text; it changes nothing in the job.
READABLE = {"mapreduce.jobhistory.jhist.format": "json"}
HISTORY = "/mr-staging/history/done_intermediate"

STEPS = {
    "python": "Python and mrjob",
    "before": "client JVMs before the job",
    "submit": "submission",
    "master": "start of the application master",
    "map": "map",
    "reduce": "reduce",
    "notice": "until the client knows and ends",
    "after": "reading the output, cleaning up",
}

# A hadoop command that notes when it began and ended, and its first two arguments.
TIMED = """\
#!/bin/sh
begun=$(date +%%s.%%N)
"%s" "$@"
code=$?
echo "$begun $(date +%%s.%%N) $1 $2" >> "$HOWDAH_BENCH_CALLS"
exit $code
"""


class Bench:
    """The contenders, and where the time of each went."""

    def __init__(self, folder: Path, cluster: Cluster):
        self.folder, self.cluster = folder, cluster
        self.hadoop = folder / "timed" / "hadoop"
        self.hadoop.parent.mkdir()
        self.hadoop.write_text(TIMED % (cluster.folder / "home" / "bin" / "hadoop"))
        self.hadoop.chmod(0o755)
        self.calls = folder / "calls"
        self.env = {**cluster.environment(), "HOWDAH_BENCH_CALLS": str(self.calls)}
        self.digits, self.text = cluster.uri + "/bench/digits.csv.gz", cluster.uri + "/bench/text"
        (folder / "text").write_text(TEXT)
        cluster.fs("-mkdir", "-p", "/bench")
        cluster.fs("-put", str(folder / "text"), str(DIGITS), "/bench")
        must_run([sys.executable, REPOSITORY / "driver.py", DIGITS, "-k", "10", "--ignore-columns",
                  "label", "--output-dir", folder / "model"], folder / "model.log", 600)

    def contenders(self) -> list:
        return [
            Contender(WORDS, lambda out: [
                sys.executable, REPOSITORY / "tests" / "hadoop" / "word_count.py", self.text,
                *self.mrjob()], self.of_words, self.env),
            Contender(ROUND, lambda out: [
                sys.executable, JOBS / "kmeans_round.py", self.digits, "--centroids",
                self.folder / "model" / "centroids.csv", "--profile",
                self.folder / "model" / "profile.json", "--ignore-columns", "label",
                *self.mrjob()], self.of_round, self.env),
            Contender(FLOOR, lambda out: self.bare(out, {**JOBCONF, UBER_MODE: "true"}),
                      self.of_bare, self.env),
            Contender(TASKS_FLOOR, lambda out: self.bare(
                out, {**JOBCONF, UBER_MODE: "false"}), self.of_bare, self.env)]

    def mrjob(self) -> list:
        [(name, value)] = READABLE.items()
        return ["-r", "hadoop", "--no-conf", "--python-bin", sys.executable, "--hadoop-bin",
                self.hadoop, "--jobconf", "%s=%s" % (name, value)]

    def bare(self, out: Path, jobconf: dict) -> list:
        settings = [word for pair in {**jobconf, **READABLE}.items()
                    for word in ("-D", "%s=%s" % pair)]
        return [self.hadoop, "jar", self.env["HADOOP_STREAMING_JAR"], *settings,
                "-input", self.text, "-output", self.remote(out),
                "-mapper", "/bin/cat", "-reducer", "/bin/cat"]

    def remote(self, out: Path) -> str:
        return "%s/bench/%s" % (self.cluster.uri, out.name)

    # what they leave

    def of_words(self, out: Path, ran: Ran) -> dict:
        check_words(Path(ran.log).read_text(), TEXT)
        return self.steps(out, ran)

    def of_round(self, out: Path, ran: Ran) -> dict:
        check_round(Path(ran.log).read_text(), read_centroids(self.folder / "model/centroids.csv"))
        return self.steps(out, ran)

    def of_bare(self, out: Path, ran: Ran) -> dict:
        found = self.steps(out, ran)
        lines = self.cluster.fs("-cat", self.remote(out) + "/part-*").splitlines()
        assert Counter(map(str.strip, lines)) == Counter(TEXT.splitlines()), lines[:5]
        return found

    def steps(self, out: Path, ran: Ran) -> dict:
        """Seconds by step, from the calls of hadoop and the job's history."""
        calls = [line.split() for line in self.calls.read_text().splitlines()]
        self.calls.unlink()
        times = [(float(begun), float(ended), name) for begun, ended, name, *_ in calls]
        at = next(i for i, (_, _, name) in enumerate(times) if name == "jar")
        job, past = self.history(), times[at]
        parts = {
            "before": sum(ended - begun for begun, ended, _ in times[:at]),
            "submit": job["submitted"] - past[0],
            "master": job["map_started"] - job["submitted"],
            "map": job["map_ended"] - job["map_started"],
            "reduce": job["ended"] - job["map_ended"],
            "notice": past[1] - job["ended"],
            "after": sum(ended - begun for begun, ended, _ in times[at + 1:])}
        python = ran.seconds - sum(parts.values())
        return {"jvms": len(times), "python": python, **parts}

    def history(self) -> dict:
        """Times of the last job, seconds since the epoch."""
        events: list = []
        for _ in range(100):
            name = self.cluster.fs("-ls", "-t", "-C", HISTORY + "/*/*.jhist").split()[0]
            lines = self.cluster.fs("-cat", name).splitlines()
            events = [json.loads(line) for line in lines[2:] if line.startswith("{")]
            self.cluster.fs("-rm", "-r", HISTORY + "/*/*")
            if any(event["type"] == "JOB_FINISHED" for event in events):
                break
            time.sleep(0.1)
        return times_of([(event["type"], next(iter(event["event"].values())))
                         for event in events])


def check_words(printed: str, text: str) -> None:
    """mrjob's words and counts are those of the text."""
    pairs = (line.split("\t") for line in printed.splitlines() if line.startswith('"'))
    found = {json.loads(word): int(count) for word, count in pairs}
    assert found == Counter(text.split()), found


def check_round(printed: str, start: np.ndarray) -> None:
    """The clusters of one round over the digits are those of plain NumPy."""
    X = np.loadtxt(DIGITS, delimiter=",", skiprows=1)[:, :start.shape[1]]
    clusters = [json.loads(line) for line in printed.splitlines() if line.startswith('{"label"')]
    expected, cost = plain_round(X, start)
    assert np.allclose([cluster["centroid"] for cluster in clusters], expected, rtol=1e-9)
    assert np.isclose(sum(cluster["cost"] for cluster in clusters), cost, rtol=1e-9)
    assert sum(cluster["count"] for cluster in clusters) == len(X)


def times_of(events: list) -> dict:
    def seconds(kind: str, key: str, task: str = "") -> list:
        return [fields[key] / 1000 for name, fields in events
                if name == kind and fields.get("taskType", "") == task]

    return {"submitted": seconds("JOB_SUBMITTED", "submitTime")[0],
            "map_started": min(seconds("TASK_STARTED", "startTime", "MAP")),
            "map_ended": max(seconds("TASK_FINISHED", "finishTime", "MAP")),
            "ended": seconds("JOB_FINISHED", "finishTime")[0]}


def main() -> int:
    options = parser_of(__doc__, repeats=5).parse_args()
    report = Report("hadoop_fixed_cost", options)
    report.data["versions"]["Hadoop"] = VERSION
    with scratch(options) as folder:
        cluster = Cluster(folder / "cluster")
        try:
            bench = Bench(folder, cluster.start())
            in_turn(bench.contenders(), report, options, folder)
        finally:
            cluster.stop()
    names = [WORDS, ROUND, FLOOR, TASKS_FLOOR]
    report.table([
        ["median seconds", *names],
        ["all", *(report.median(name) for name in names)],
        *([text, *(report.median(name, step) for name in names)] for step, text in STEPS.items()),
        ["starts of hadoop", *(report.median(name, "jvms") for name in names)]])
    floor = report.ratio(FLOOR, WORDS)
    report.ratio(ROUND, FLOOR)
    report.limit("k-means round / word count, time", report.ratio(ROUND, WORDS),
                 max(0.5, 1.15 * (floor or 0) if (floor or 0) > 0.5 else 0.5))
    return report.code()


if __name__ == "__main__":
    sys.exit(main())
