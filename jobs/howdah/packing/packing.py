"""Packing as a script of its own: text by a job, files of arrays in this process."""

from __future__ import annotations

from typing import Optional

from howdah.input.row_counts import RowCounts
from howdah.launch.console import notice
from howdah.launch.script import run_or_print
from howdah.packing.pack_arrays import array_files, pack_array_files
from howdah.task.plans import PackPlan
from howdah.task.reports import COUNTERS


def run_alone(launch) -> Optional[RowCounts]:
    """Pack the inputs on the command line."""
    options = launch.options
    files = array_files(options.args, launch.files)
    if files:
        return pack_array_files(files, options)

    def show(_) -> None:
        if options.bad_rows == "skip" and COUNTERS not in launch.counters:
            notice("This runner tells no counters: rows that were skipped are not counted.")

    return run_or_print(launch, plan_of_options(launch), show=show)


def plan_of_options(launch) -> PackPlan:
    """The plan of packing text."""
    options = launch.options
    return PackPlan(launch.inputs.layout, "euclidean", options.dtype, options.bad_rows)
