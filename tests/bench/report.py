"""What a benchmark found: printed, judged against its limits, and kept in a JSON file."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Callable, Optional, Sequence

RESULTS = Path(__file__).resolve().parent / "results"
PACKAGES = ("howdah", "mrjob", "numpy", "scipy", "scikit-learn", "pandas", "pyspark", "faiss-cpu")
# Options that say where files go: they change no figure, and their values are one machine's.
PLACES = ("--json", "--data-dir", "--baselines", "--logs", "--faults")


def reporting_parser(doc: Optional[str], repeats: Optional[int] = None) -> ArgumentParser:
    """The options of every benchmark that reports; --repeats where things are run in turn."""
    parser = ArgumentParser(description=doc, allow_abbrev=False,
                            formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="a size for CI: everything runs,"
                        " and only what no busy machine can change is judged")
    parser.add_argument("--json", type=Path, metavar="FILE",
                        help="default: tests/bench/results/NAME.json, nothing with --small")
    if repeats:
        parser.add_argument("--repeats", type=int, default=None, help="default: %d" % repeats)
        parser.set_defaults(usual_repeats=repeats)
    return parser


def repeats_of(options) -> int:
    return options.repeats or (1 if options.small else options.usual_repeats)


class Report:
    """Rows, tables, ratios and limits of one benchmark, printed and kept in a JSON file.

    `repeated` tells how often each thing was measured; else it is the turns of --repeats.
    """

    def __init__(self, name: str, options, repeated: str = ""):
        self.small = options.small
        self.path: Optional[Path] = options.json
        if self.path is None and not self.small:
            self.path = RESULTS / (name + ".json")
        shown = {key: value for key, value in vars(options).items()
                 if "--" + key.replace("_", "-") not in PLACES}
        repeated = repeated or counted(repeats_of(options), "turn")
        self.data: dict = {
            "benchmark": name, "date": time.strftime("%Y-%m-%d %H:%M"), **commit(),
            "command": command(), "repeated": repeated, "machine": machine(),
            "versions": versions(), "options": shown, "rows": [], "tables": [], "ratios": {},
            "limits": [], "notes": [], "failed": []}
        about = self.data["machine"]
        print("%s, %s: %s, %d cores, %.0f GB, load %.1f" % (
            name, self.data["date"], about["model"], about["cores"], about["memory_gb"],
            about["load"]))
        print(", ".join("%s %s" % pair for pair in self.data["versions"].items()))
        print(repeated, flush=True)

    @property
    def rows(self) -> list:
        return self.data["rows"]

    def save(self) -> None:
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            part = self.path.with_suffix(".part")
            part.write_text(json.dumps(self.data, indent=1) + "\n")
            part.replace(self.path)

    def add(self, row: dict) -> None:
        """A result, known from now on even if all else fails."""
        self.rows.append(row)
        print("  " + ", ".join("%s %s" % (key, short(value)) for key, value in row.items()),
              flush=True)
        self.save()

    def table(self, rows: Sequence[Sequence]) -> None:
        """What README shows of the benchmark: a head and rows, here in columns."""
        self.data["tables"].append([list(row) for row in rows])
        texts = [[short(cell) for cell in row] for row in rows]
        widths = [max(map(len, column)) for column in zip(*texts)]
        for row in texts:
            print("  ".join([row[0].ljust(widths[0])] + [
                cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]).rstrip(),
                flush=True)
        self.save()

    def note(self, text: str) -> None:
        self.data["notes"].append(text)
        print(text, flush=True)
        self.save()

    def fail(self, what: str, words: str = "") -> None:
        self.data["failed"].append(what)
        print("FAILED  %s\n%s" % (what, words), flush=True)
        self.save()

    def values(self, name: str, key: str = "seconds") -> list:
        return [row[key] for row in self.rows if row.get("contender") == name and key in row]

    def median(self, name: str, key: str = "seconds") -> Optional[float]:
        values = self.values(name, key)
        return statistics.median(values) if values else None

    def ratio(self, name: str, other: str, key: str = "seconds") -> Optional[float]:
        """The median of the ratios of two contenders within a turn; None if one is missing."""
        mine, theirs = ({row["turn"]: row[key] for row in self.rows
                         if row.get("contender") == who and key in row} for who in (name, other))
        ratios = [mine[turn] / theirs[turn] for turn in mine if turn in theirs]
        if not ratios:
            return None
        self.data["ratios"]["%s / %s, %s" % (name, other, key)] = statistics.median(ratios)
        return statistics.median(ratios)

    def limit(self, what: str, value: Optional[float], limit: float, least: bool = False,
              at_any_size: bool = False) -> None:
        """Judge a figure (None: not measured) against its limit, the most or the least allowed."""
        held = value is not None and (value >= limit if least else value <= limit)
        judged = at_any_size or not self.small
        verdict = ("NOT MEASURED" if value is None else "small size, not judged" if not judged
                   else "ok" if held else "MISSED")
        self.data["limits"].append({"what": what, "value": value, "limit": limit,
                                    "at_least": least, "verdict": verdict})
        print("%s: %s (must be at %s %g): %s" % (
            what, "-" if value is None else "%.4g" % value, "least" if least else "most", limit,
            verdict), flush=True)
        self.save()

    def code(self) -> int:
        """The exit code: 1 when something failed or a limit does not hold."""
        bad = ("MISSED",) if self.small else ("MISSED", "NOT MEASURED")
        missed = [limit for limit in self.data["limits"] if limit["verdict"] in bad]
        return int(bool(self.data["failed"] or missed))


def cpu_seconds(run: Callable[[], object]) -> float:
    """What a call takes of this process's processors."""
    started = time.process_time()
    run()
    return time.process_time() - started


def counted(number: int, what: str) -> str:
    return "%d %s%s" % (number, what, "" if number == 1 else "s")


def short(value) -> str:
    """A figure with the digits that are worth reading."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return "%.1f" % value if 1000 > abs(value) >= 100 else "%.4g" % value \
            if abs(value) < 1000 else "%.0f" % value
    return str(value)


def command() -> str:
    """The command line that remakes this process's figures on any machine."""
    places = ArgumentParser(add_help=False, allow_abbrev=False)
    for place in PLACES:
        places.add_argument(place)
    _, words = places.parse_known_args(sys.argv[1:])
    script = os.path.relpath(Path(sys.argv[0]).resolve(), RESULTS.parents[2])
    return " ".join(["python", script, *words])


def commit() -> dict:
    """The commit that is measured; empty outside a git repository.

    "-dirty" with changes since, but for results that other benchmarks have just written.
    """
    try:
        head = git("rev-parse", "--short", "HEAD")
        changed = git("status", "--porcelain", "--untracked-files=no", "--", ":/",
                      ":(exclude)" + str(RESULTS))
    except (OSError, subprocess.CalledProcessError):
        return {}
    return {"commit": head + "-dirty" * bool(changed)}


def git(*words: str) -> str:
    told = subprocess.run(["git", *words], cwd=RESULTS.parent, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, check=True)
    return told.stdout.decode().strip()


def machine() -> dict:
    """What the figures were measured on."""
    info = Path("/proc/cpuinfo")
    models = [line.partition(":")[2].strip() for line in info.read_text().splitlines()
              if line.startswith("model name")] if info.exists() else []
    return {"model": models[0] if models else platform.processor() or platform.machine(),
            "cores": os.cpu_count() or 1,
            "memory_gb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2 ** 30,
            "load": os.getloadavg()[0], "system": platform.system() + " " + platform.release()}


def versions() -> dict:
    found = {"Python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            pass
    return found
