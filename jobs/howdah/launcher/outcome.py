"""What a job left: its records, the tally of its rows, or why it failed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Callable, Iterable, NoReturn, Optional

from mrjob.util import to_lines

from howdah.codec import load_json
from howdah.errors import JobFailed, UserError
from howdah.job import BAD_LINE, COUNTERS, FAILED_LINE, FAILURE
from howdah.tally import Tally


@dataclass
class Outcome:
    """What a job gave: its records by key, and the tally of its rows."""

    records: dict
    tally: Tally


def raise_failure(failure: dict) -> NoReturn:
    """What a task reported instead of raising it."""
    if failure["kind"] == "user":
        raise UserError(failure["text"])
    if failure["kind"] == "environment":
        raise JobFailed(failure["text"])
    raise JobFailed("A task of the job failed:\n%s" % failure["text"].rstrip())


def counted_rows(counters: dict) -> tuple[Optional[Tally], bool]:
    """The rows of a map-only job from its counters, and whether a task failed.

    The tally is None where the runner has no counters (EMR without logs).
    """
    rows = counters.get(COUNTERS)
    if rows is None:
        return None, False
    return Tally(**{name: rows.get(name, 0) for name in Tally().counts()}), bool(rows.get(FAILURE))


def refuse_other_rows(tally: Tally, rows: int, profile: Optional[str]) -> None:
    """UserError when a scan used another number of rows than its profile is of.

    `profile` is the user's file, None for a profile that was made of the same input.
    """
    if tally.used == rows:
        return
    if profile:
        raise UserError("The profile %s is of %d rows, but of the input %d were used; leave out"
                        " --profile, or make it anew of this input with these options."
                        % (profile, rows, tally.used))
    raise UserError("This scan used %d rows, but the first one %d." % (tally.used, rows))


def look_for_failures(output: Iterable[bytes], counted: Optional[Tally],
                      rows_of: Callable[[bytes], int]) -> Tally:
    """The tally with the rows that a map-only job's output answers with "bad".

    What was not `counted` is counted here; `rows_of` tells how many rows a line of output is for.
    """
    found = Tally()
    for line in to_lines(output):
        if line.startswith(FAILED_LINE):
            raise_failure(load_json(line[len(FAILED_LINE):]))
        if line.startswith(BAD_LINE):
            found.refuse(load_json(line[len(BAD_LINE):]))
        elif line.strip():
            found.used += rows_of(line)
    return found if counted is None else replace(counted, examples=found.examples)
