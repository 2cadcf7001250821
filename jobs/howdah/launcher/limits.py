"""What a map task of k-means needs and what it may take; what cannot fit is refused.

The laws of memory are fits to measured tasks; docs/scaling.md shows them.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Optional

import numpy as np

from howdah.batches import rows_per_batch
from howdah.errors import UserError
from howdah.launcher.head import read_head
from howdah.launcher.inputs import Inputs
from howdah.launcher.runners import shared_args
from howdah.launcher.webhdfs import settings
from howdah.seeding import PROJECTED_COLUMNS, chunk_rows

MB = 1 << 20
# A task that imports all and works on nothing: 45 MB, from Python 3.12 on about 60 (setuptools).
BARE_TASK = 52 * MB
# What stays beside the Python process in a container of Hadoop Streaming: the task's JVM.
TASK_JVM = 256 * MB
DEFAULT_CONTAINER_MB = 1024
# Of an executor's memory on YARN, what its Python processes have for themselves.
PYTHON_OF_EXECUTOR = ("spark.executor.pyspark.memory", "spark.executor.memoryOverhead")
SPARK_UNITS = {"": MB, "b": 1, "k": 1 << 10, "m": MB, "g": 1 << 30, "t": 1 << 40}


def round_memory(centroids: int, columns: int) -> int:
    """Bytes of a round's map task for so many centroids of all sets; rows do not count."""
    return BARE_TASK + 50 * rows_per_batch(columns) * columns + 80 * centroids * (columns + 2)


def sample_memory(rows: int, size: int, columns: int, entries: Optional[float] = None) -> int:
    """Bytes of the sample scan's map task for a sample of `size` rows.

    `entries`: the values in a sparse row.
    """
    chunk = min(rows, chunk_rows(columns if entries is None else None))
    if entries is None:
        return BARE_TASK + 32 * columns * (chunk + size)
    return int(BARE_TASK + 80 * entries * (chunk + size) + 100 * columns
               + 24 * min(columns, PROJECTED_COLUMNS) * chunk)


@dataclass
class TaskMemory:
    """What a map task may take, in bytes, and who says so."""

    bytes: int
    source: str


def task_memory(launch) -> Optional[TaskMemory]:
    """The limit on a map task; None where it is not known here."""
    options = launch.options
    if launch.runner in (None, "inline"):
        return share_of_machine(1)
    if launch.runner == "local":
        return share_of_machine(options.num_cores or os.cpu_count() or 1)
    if launch.runner == "spark":
        return spark_memory(launch)
    name = "mapreduce.map.memory.mb"
    asked = (options.jobconf or {}).get(name)
    if launch.runner == "hadoop" and asked is None:
        asked = settings().get(name, DEFAULT_CONTAINER_MB)
    if not str(asked).isdecimal():
        return None
    return TaskMemory(int(str(asked)) * MB - TASK_JVM, "%s=%s, %d MB of it for the JVM"
                      % (name, asked, TASK_JVM // MB))


def share_of_machine(tasks: int) -> TaskMemory:
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return TaskMemory(machine // tasks, "this machine's memory" + (
        " for %d tasks" % tasks if tasks > 1 else ""))


def spark_memory(launch) -> Optional[TaskMemory]:
    """With a local master a share of this machine; elsewhere what the settings give to Python."""
    runner = type(launch.job)(shared_args(launch.job)).make_runner()
    local = re.fullmatch(r"local(?:\[(\d+|\*)(?:,.*)?\])?", runner._spark_master())
    if local:
        tasks = local.group(1) or "1"
        return share_of_machine((os.cpu_count() or 1) if tasks == "*" else int(tasks) or 1)
    given = runner._opts["jobconf"]
    cores = str(given.get("spark.executor.cores", 1))
    for name in PYTHON_OF_EXECUTOR:
        size = re.fullmatch(r"(\d+)([bkmgt]?)b?", str(given.get(name, "")).lower())
        if size and cores.isdecimal() and int(cores):
            return TaskMemory(int(size.group(1)) * SPARK_UNITS[size.group(2)] // int(cores),
                              "%s=%s for %s task%s" % (name, given[name], cores,
                                                       "s" * (cores != "1")))
    return None


def refuse_too_large(what: str, needed: int, launch, remedy: str) -> None:
    """UserError when a task would need more memory than it may take."""
    limit = task_memory(launch)
    if limit is not None and needed > limit.bytes:
        raise UserError("A map task for %s would need about %s, but may take %s (%s); %s, or give"
                        " more memory to a task." % (
                            what, size_text(needed), size_text(limit.bytes), limit.source, remedy))


def refuse_large_round(launch, centroids: int, columns: int) -> None:
    refuse_too_large("%d centroids of %d columns" % (centroids, columns),
                     round_memory(centroids, columns), launch,
                     "take fewer clusters or restarts")


def refuse_large_sample(launch, inputs: Inputs, size: int) -> None:
    layout = inputs.layout
    columns, entries = layout.n_columns or 0, None
    if layout.sparse:
        # How long sparse rows are is told by their head alone.
        head = read_head(inputs, launch.files)
        columns, entries = head.columns, head.entries
    rows = chunk_rows(None if layout.sparse else columns)
    refuse_too_large("a sample of %d rows of %d columns" % (size, columns),
                     sample_memory(rows, size, columns, entries), launch,
                     "give a smaller --sample-size")


def refuse_large_plan(launch, plan: dict) -> None:
    """What every job passes before it is submitted; k-NN's plans hold no sizes."""
    if plan.get("size"):
        refuse_large_sample(launch, launch.inputs, plan["size"])
    if "centroids" in plan:
        # One set of labels, several sets of a round.
        centroids = plan["centroids"]
        sets = [centroids] if isinstance(centroids, np.ndarray) else centroids
        refuse_large_round(launch, sum(map(len, sets)), sets[0].shape[1])


def size_text(size: float) -> str:
    """Bytes for people: 67 MB."""
    for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if size >= unit:
            return "%.3g %s" % (size / unit, name)
    return "%d bytes" % size
