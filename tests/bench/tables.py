"""Writes the figures of README.md and docs/*.md from the benchmarks' JSON files.

    python tests/bench/tables.py                      # rewrite them
    python tests/bench/tables.py --check              # exit 1 if one is not what would be written

A file's text between <!-- figures: NAME --> and <!-- end --> is the tables, limits and notes of
tests/bench/results/NAME.json, and on what and how they were measured; between
<!-- ratios: NAME NAME ... --> and <!-- end --> stand the ratios of speed alone that these have
judged. A block of a benchmark that was never run is empty.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Callable, Sequence

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

from bench.report import RESULTS, short  # noqa: E402

REPOSITORY = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"(<!-- (figures|ratios): (\w+(?: \w+)*) -->\n)(.*?)(<!-- end -->)", re.DOTALL)
# How the name of a limit on a ratio of speed ends.
SPEEDS = (", time", ", queries a second")
# A package's version matters where the figures name it.
NAMED_AS = {"Python": "", "numpy": "", "Hadoop": "", "mrjob": "mrjob",
            "scikit-learn": "scikit-learn", "pandas": "", "pyspark": "Spark", "faiss-cpu": "FAISS"}


def block(found: dict) -> str:
    """Markdown of a benchmark's results."""
    figures = "\n".join([*map(markdown, found["tables"]), markdown(limits(found))])
    remarks = ["**FAILED: %s**" % what for what in found["failed"]] + found["notes"]
    listed = "".join("* %s\n" % remark.strip() for remark in remarks)
    return "\n" + "\n".join(filter(None, [figures, listed, measured_on(found, figures) + "\n"]))


def markdown(rows: Sequence[Sequence]) -> str:
    head, *body = [["" if cell is None else short(cell) for cell in row] for row in rows]
    line = ["---"] + ["---:"] * (len(head) - 1)
    return "".join("| %s |\n" % " | ".join(row) for row in [head, line, *body])


def ratios(*all_found: dict) -> str:
    """Markdown of the ratios of speed that benchmarks judged, each with the command that tells."""
    rows = [["", "ratio", "measured by"]]
    for found in all_found:
        rows += [[what, value if verdict == "ok" else "%s %s" % (short(value), verdict),
                  "`%s`" % found["command"]]
                 for what, value, _, verdict in limits(found)[1:] if what.endswith(SPEEDS)]
    return "\n" + markdown(rows)


def limits(found: dict) -> list:
    """What was judged; a limit that does not hold catches the eye."""
    return [["limit", "measured", "allowed", ""]] + [
        [limit["what"], limit["value"],
         "%s %g" % ("at least" if limit["at_least"] else "at most", limit["limit"]),
         "**%s**" % limit["verdict"] if limit["verdict"].isupper() else limit["verdict"]]
        for limit in found["limits"]]


def measured_on(found: dict, figures: str) -> str:
    """One line: when, of what, where, with what, how often, the command that does it again."""
    machine = found["machine"]
    versions = ["%s %s" % (name, version) for name, version in found["versions"].items()
                if name in NAMED_AS and NAMED_AS[name] in figures]
    commit = ["commit " + found["commit"]] if "commit" in found else []
    return "; ".join([found["date"], *commit, "%s, %d cores" % (machine["model"], machine["cores"]),
                      ", ".join(versions), found["repeated"], "`%s`" % found["command"]])


KINDS: dict[str, Callable[..., str]] = {"figures": block, "ratios": ratios}


def filled(text: str, results: Path) -> str:
    """The text with every block as the results give it; SystemExit for figures without any."""
    def one(match) -> str:
        begin, kind, names, old, end = match.groups()
        paths = [results / (name + ".json") for name in names.split()]
        missing = [path for path in paths if not path.exists()]
        if not missing:
            found = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
            return begin + KINDS[kind](*found) + "\n" + end
        if old.strip():
            sys.exit("The block %s shows figures, but %s is not there; run the benchmark or empty"
                     " the block." % (names, missing[0]))
        return match.group()

    return BLOCK.sub(one, text)


def documents() -> list:
    return [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path, help="default: README.md docs/*.md")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="DIR",
                        help="default: tests/bench/results")
    options = parser.parse_args()
    stale = 0
    for path in options.files or documents():
        text = path.read_text(encoding="utf-8")
        new = filled(text, options.results)
        if new != text and options.check:
            print("%s does not show the figures of %s; run python tests/bench/tables.py."
                  % (path, options.results))
            stale = 1
        elif new != text:
            path.write_text(new, encoding="utf-8")
    return stale


if __name__ == "__main__":
    sys.exit(main())
