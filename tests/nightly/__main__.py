"""Run what takes too long for .ci/run: tests at full size, other Pythons, fuzzing, benchmarks.

    python tests/nightly                     # every step: many hours
    python tests/nightly fuzz flips          # some steps
    python tests/nightly --list

Each step prints to a log of its own; one that lacks something is skipped, aloud; at the end a table
tells them all, and the exit code is 1 if one failed. What each step said last, with its date and
commit, is kept in tests/bench/results/nightly.json, from which `python tests/bench/tables.py` fills
docs/reliability.md, as it does from the results of the benchmarks that are steps here.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import shlex
import shutil
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Sequence

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

from bench.harness import run  # noqa: E402
from bench.report import RESULTS, Report  # noqa: E402

# Of one step: whatever hangs is ended, and the others still run.
SECONDS = 8 * 3600
HEAD = ["step", "", "minutes", "its last line", "date", "commit"]


@dataclass(frozen=True)
class Step:
    """A command, run in the repository's folder with HOWDAH_NIGHTLY=1: tests take their full size.

    needs  programs and modules, without which it is skipped
    """

    name: str
    command: str
    needs: str = ""

    def missing(self) -> list:
        return [need for need in self.needs.split()
                if shutil.which(need) is None and importlib.util.find_spec(need) is None]


def benchmark(name: str, options: str = "", script: str = "", needs: str = "") -> Step:
    return Step(name, "python tests/bench/%s.py %s" % (script or name, options), needs)


STEPS = [
    *(Step("python" + version, "env VERSIONS=%s tests/pythons.sh" % version)
      for version in ("3.9", "3.12", "3.13")),
    Step("fuzz", "python tests/fuzz --inputs 100000 --json tests/bench/results/fuzz.json"),
    Step("flips", "python -m pytest -q tests/test_damage.py"),
    Step("kills", "python -m pytest -q tests/jobs/test_driver_killed.py"),
    benchmark("kernels"),
    benchmark("recentre"),
    benchmark("exactness"),
    benchmark("seeding_quality"),
    benchmark("knn_memory"),
    benchmark("knn_throughput", needs="java pyspark"),
    benchmark("kmeans_rounds"),
    benchmark("kmeans_scaling"),
    benchmark("kmeans_peers", needs="java pyspark"),
    benchmark("kmeans_peers_heavy", "--data heavy", "kmeans_peers", needs="java pyspark"),
    benchmark("hadoop_fixed_cost", needs="java"),
    benchmark("hadoop_peers", needs="java pyspark"),
    benchmark("hadoop_peers_large", "--rows 10000000 --textbook-rounds 0", "hadoop_peers",
              needs="java pyspark"),
]


def outcome(step: Step, logs: Path) -> dict:
    """Run a step: its verdict, seconds and last line."""
    if step.missing():
        return {"verdict": "SKIPPED", "seconds": 0.0, "said": "needs " + ", ".join(step.missing())}
    words = [sys.executable if word == "python" else word for word in shlex.split(step.command)]
    ran = run(words, logs / (step.name + ".log"), SECONDS, {"HOWDAH_NIGHTLY": "1"})
    said = ran.tail().strip().rpartition("\n")[2].strip("= ")
    nothing_ran = "skipped" in said.lower() and "passed" not in said
    verdict = "FAILED" if ran.trouble else "SKIPPED" if nothing_ran else "passed"
    return {"verdict": verdict, "seconds": ran.seconds, "said": said}


def run_steps(steps: Sequence[Step], known: Sequence[Step], options) -> int:
    """Run `steps`, print and keep what they said; of others in `known` what they said before."""
    rows = {row["step"]: row for row in rows_of(options.json)}
    report = Report("nightly", options, repeated="each step once")
    for step in steps:
        print("%s: %s" % (step.name, step.command), flush=True)
        found = outcome(step, options.logs)
        print("%(verdict)s after %(seconds).0f s: %(said)s" % found, flush=True)
        rows[step.name] = {"step": step.name, **found, "date": report.data["date"],
                           "commit": report.data.get("commit", "")}
        report.data["rows"] = [rows[each.name] for each in known if each.name in rows]
        if found["verdict"] == "FAILED":
            report.fail(step.name, "its log: %s" % (options.logs / (step.name + ".log")))
        report.save()
    report.table([HEAD, *map(line, report.rows)])
    return report.code()


def rows_of(path: Path) -> list:
    return json.loads(path.read_text())["rows"] if path.exists() else []


def line(row: dict) -> list:
    return [row["step"], row["verdict"], row["seconds"] / 60, row["said"].replace("|", "/"),
            row["date"], row["commit"]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False, prog="tests/nightly",
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [step.name for step in STEPS]
    parser.add_argument("steps", nargs="*", metavar="STEP", help="default: all of them")
    parser.add_argument("--list", action="store_true", help="the steps and their commands")
    parser.add_argument("--logs", type=Path, default=Path.home() / ".cache/howdah/nightly",
                        metavar="DIR", help="default: ~/.cache/howdah/nightly")
    parser.add_argument("--json", type=Path, default=RESULTS / "nightly.json", metavar="FILE",
                        help="default: tests/bench/results/nightly.json")
    options = parser.parse_args()
    options.small = False
    if options.list:
        print("\n".join("%-20s %s" % (step.name, step.command) for step in STEPS))
        return 0
    unknown = sorted({*options.steps} - {*names})
    if unknown:
        parser.error("there is no step %s; the steps are %s." % (
            ", ".join(unknown), ", ".join(names)))
    # A step ends with this process, be it by SIGTERM.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    options.logs.mkdir(parents=True, exist_ok=True)
    return run_steps([step for step in STEPS if not options.steps or step.name in options.steps],
                     STEPS, options)


if __name__ == "__main__":
    sys.exit(main())
