"""Whether a job's output is whole: its mark of success, all its parts, all its records."""

from __future__ import annotations

import re
from typing import Iterable, Iterator, Optional

from howdah.errors import JobFailed

#: The file that is written last, once all parts stand in their places.
SUCCESS = "_SUCCESS"

# Hadoop's counters of what the tasks that counted have written: the framework's, not the project's.
FRAMEWORK = "Map-Reduce Framework"
RECORDS = {True: "Map output records", False: "Reduce output records"}


def refuse_uncommitted(folder: str, files, parts: Optional[int] = None) -> None:
    """JobFailed for an output without its mark, or with other parts than the job has written."""
    names = _names(folder, files)
    if SUCCESS not in names:
        raise JobFailed("The job has ended, but its output %s holds no %s, so parts of it may be"
                        " missing; remove it and run the job again." % (folder, SUCCESS))
    found = {int(number) for number in re.findall(r"(?m)^part-(\d+)", "\n".join(names))}
    expected = parts or len(found)
    if found != set(range(expected)):
        missing = sorted(set(range(expected)) - found)
        raise JobFailed("The job has written %d parts, but its output %s holds %d of them%s; remove"
                        " it and run the job again." % (
                            expected, folder, len(found),
                            ", not part-%05d" % missing[0] if missing else ""))


def all_records(output: Iterable[bytes], counters: list, map_only: bool, folder: str
                ) -> Iterator[bytes]:
    """A job's output; JobFailed at its end when it has not the lines that the tasks counted.

    counters  of the job's steps, without Hadoop's own where the runner has none
    """
    lines = 0
    for chunk in output:
        lines += chunk.count(b"\n")
        yield chunk
    counted = [step[FRAMEWORK][RECORDS[map_only]] for step in counters
               if RECORDS[map_only] in step.get(FRAMEWORK, {})]
    if counted and counted[-1] != lines:
        raise JobFailed("The job's tasks have counted %d records, but its output %s holds %d; run"
                        " the job again." % (counted[-1], folder, lines))


def _names(folder: str, files) -> set:
    return {path.rstrip("/").rpartition("/")[2] for path, _ in files.of(folder).ls(folder)}
