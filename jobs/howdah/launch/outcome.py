"""What a job left: its records, the counts of its rows, or why it failed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Callable, Iterable, NoReturn, Optional

from mrjob.util import to_lines

from howdah.errors import JobFailed, OutOfRange, UserError
from howdah.input.row_counts import RowCounts
from howdah.task.records import load_json
from howdah.task.reports import BAD_LINE, COUNTERS, FAILED_LINE, FAILURE


@dataclass
class Outcome:
    """What a job gave: its records by key, and the counts of its rows."""

    records: dict
    row_counts: RowCounts

    def to_dict(self) -> dict:
        return {"records": self.records, "row_counts": self.row_counts.to_dict()}

    @classmethod
    def from_dict(cls, value: dict) -> Outcome:
        return cls(value["records"], RowCounts.from_dict(value["row_counts"]))


def raise_failure(failure: dict) -> NoReturn:
    """What a task reported instead of raising it."""
    if failure["kind"] == "user":
        raise UserError(failure["text"])
    if failure["kind"] == "numbers":
        raise OutOfRange(failure["text"])
    if failure["kind"] == "environment":
        raise JobFailed(failure["text"])
    raise JobFailed("A task of the job failed:\n%s" % failure["text"].rstrip())


def counted_rows(counters: dict) -> tuple[Optional[RowCounts], bool]:
    """The rows of a map-only job from its counters, and whether a task failed.

    The counts are None where the runner has no counters (EMR without logs).
    """
    rows = counters.get(COUNTERS)
    if rows is None:
        return None, False
    counted = RowCounts(**{name: rows.get(name, 0) for name in RowCounts().counts()})
    return counted, bool(rows.get(FAILURE))


def refuse_other_rows(row_counts: RowCounts, rows: int, profile: Optional[str]) -> None:
    """UserError when a scan used another number of rows than its profile is of.

    `profile` is the user's file, None for a profile that was made of the same input.
    """
    if row_counts.used == rows:
        return
    if profile:
        raise UserError("The profile %s is of %d rows, but of the input %d were used; leave out"
                        " --profile, or make it anew of this input with these options."
                        % (profile, rows, row_counts.used))
    raise UserError("This scan used %d rows, but the first one %d." % (row_counts.used, rows))


def look_for_failures(output: Iterable[bytes], counted: Optional[RowCounts],
                      rows_of: Callable[[bytes], int]) -> RowCounts:
    """The counts with the rows that a map-only job's output answers with "bad".

    What was not `counted` is counted here; `rows_of` tells how many rows a line of output is for.
    """
    found = RowCounts()
    for line in to_lines(output):
        if line.startswith(FAILED_LINE):
            raise_failure(load_json(line[len(FAILED_LINE):]))
        if line.startswith(BAD_LINE):
            found.refuse(load_json(line[len(BAD_LINE):]))
        elif line.strip():
            found.used += rows_of(line)
    return found if counted is None else replace(counted, examples=found.examples)
