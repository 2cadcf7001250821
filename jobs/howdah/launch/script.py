"""A job's script run by itself."""

from __future__ import annotations

from importlib import import_module
from typing import Callable, Optional

from howdah.errors import OK
from howdah.input.row_counts import RowCounts
from howdah.launch.console import guarded, notice, set_up_logging
from howdah.launch.launch import Launch
from howdah.launch.outcome import Outcome
from howdah.launch.runners.streaming import check_streaming, streaming_command
from howdah.task.plans import Plan


def main(job) -> int:
    """Run a job's script by itself; its exit code."""
    return guarded(lambda: run_alone(job))


def run_alone(job) -> int:
    set_up_logging(job)
    with Launch(job) as launch:
        launch.check()
        if job.options.print_streaming:
            check_streaming(job.options)
        else:
            launch.backend.refuse_local_output()
        row_counts = import_module(job.LAUNCHER).run_alone(launch)
    if row_counts is not None:
        notice(row_counts.summary())
    return OK


def run_or_print(launch: Launch, plan: Plan, shipped: Optional[dict] = None,
                 show: Callable[[Optional[Outcome]], None] = lambda outcome: None
                 ) -> Optional[RowCounts]:
    """Run the launched job by this plan, or print its command if that is what was asked for.

    shipped  files that its tasks are given beside the plan, by option
    show     prints what the job gave; None of a map-only job, whose output stands written already

    The counts of rows; None where nothing was run.
    """
    job, options = launch.job, launch.options
    if options.print_streaming:
        if options.jobconf or options.cmdenv:
            notice("the command shows all that --jobconf and --cmdenv hold, passwords too")
        print(streaming_command(launch, type(job), plan, shipped or {}, options.print_streaming))
        return None
    if job.MAP_ONLY:
        row_counts = launch.run_map_only(type(job), plan, options.output_dir, shipped)
        show(None)
        return row_counts
    outcome = launch.run(type(job), plan, options.output_dir)
    show(outcome)
    return outcome.row_counts
