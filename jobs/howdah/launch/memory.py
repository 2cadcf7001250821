"""What a map task may take in memory, and who says so."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Optional

from howdah.errors import UserError
from howdah.launch.files.webhdfs import settings
from howdah.launch.options import shared_args

MB = 1 << 20
# What stays beside the Python process in a container of Hadoop Streaming: the task's JVM.
TASK_JVM = 256 * MB
DEFAULT_CONTAINER_MB = 1024
# Of an executor's memory on YARN, what its Python processes have for themselves.
PYTHON_OF_EXECUTOR = ("spark.executor.pyspark.memory", "spark.executor.memoryOverhead")
SPARK_UNITS = {"": MB, "b": 1, "k": 1 << 10, "m": MB, "g": 1 << 30, "t": 1 << 40}


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


def size_text(size: float) -> str:
    """Bytes for people: 67 MB."""
    for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if size >= unit:
            return "%.3g %s" % (size / unit, name)
    return "%d bytes" % size
