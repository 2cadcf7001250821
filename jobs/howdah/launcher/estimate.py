"""What a run will cost, told from the head of its input; and what cannot fit a task's memory.

The laws of memory and of shuffled bytes are fits to measured tasks; docs/scaling.md shows both.
"""

from __future__ import annotations

import bz2
import os
import zlib
from dataclasses import dataclass
from typing import Optional

from howdah.batches import rows_per_batch
from howdah.blocks import first_block
from howdah.errors import UserError
from howdah.farthest import MOST
from howdah.launcher.hadoop import SPLIT_BYTES
from howdah.launcher.inputs import HEAD_BYTES, Inputs, find_inputs, slices, whole_lines
from howdah.launcher.runners import LOCAL_RUNNERS, map_tasks
from howdah.launcher.sampling import wanted_rows
from howdah.launcher.webhdfs import settings
from howdah.lines import Block, is_splittable
from howdah.options import wishes
from howdah.parse import Parser
from howdah.seeding import PROJECTED_COLUMNS, chunk_rows

MB = 1 << 20
# A task that imports all and works on nothing.
BARE_TASK = 62 * MB
# What stays beside the Python process in a container of Hadoop Streaming: the task's JVM.
TASK_JVM = 256 * MB
HDFS_BLOCK = 128 * MB
DEFAULT_CONTAINER_MB = 1024
LIKELY_ROUNDS = 2


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


def round_bytes(sets: list, columns: int) -> int:
    """Bytes that a round's map task hands on for sets of k centroids each: sums, far points."""
    return sum(k * (140 + 10 * (columns + 2)) + min(k, MOST) * (175 + 8 * columns) for k in sets)


def sample_bytes(size: int, entries: float) -> int:
    """Bytes that a map task of the sample scan hands on, for rows of so many values."""
    return int(size * (16 + 7 * entries))


@dataclass
class TaskMemory:
    """What a map task may take, in bytes, and who says so."""

    bytes: int
    source: str


def task_memory(options) -> Optional[TaskMemory]:
    """The limit on a map task with a runner; None where it is not known here (EMR, Spark)."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if options.runner in (None, "inline"):
        return TaskMemory(machine, "this machine's memory")
    if options.runner == "local":
        tasks = options.num_cores or os.cpu_count() or 1
        return TaskMemory(machine // tasks, "this machine's memory for %d tasks" % tasks)
    name = "mapreduce.map.memory.mb"
    asked = (options.jobconf or {}).get(name)
    if options.runner == "hadoop" and asked is None:
        asked = settings().get(name, DEFAULT_CONTAINER_MB)
    if options.runner not in ("hadoop", "emr") or not str(asked).isdigit():
        return None
    return TaskMemory(int(str(asked)) * MB - TASK_JVM, "%s=%s, %d MB of it for the JVM"
                      % (name, asked, TASK_JVM // MB))


def refuse_too_large(what: str, needed: int, options, remedy: str) -> None:
    """UserError when a task would need more memory than it may take."""
    limit = task_memory(options)
    if limit is not None and needed > limit.bytes:
        raise UserError("A map task of %s would need about %s, but may take %s (%s); %s." % (
            what, size_text(needed), size_text(limit.bytes), limit.source, remedy))


def refuse_large_rounds(options, centroids: int, columns: int) -> None:
    refuse_too_large("a round (%d centroids of %d columns)" % (centroids, columns),
                     round_memory(centroids, columns), options,
                     "give a smaller -k, fewer --restarts, or more memory to a task")


def refuse_large_sample(options, size: int, columns: int) -> None:
    refuse_too_large("the sample scan (%d rows of %d columns)" % (size, columns),
                     sample_memory(chunk_rows(columns), size, columns), options,
                     "give a smaller --sample-size, or more memory to a task")


@dataclass
class Head:
    """What the first file's head says of the whole input.

    rows        exact if the head is all there is
    columns     of sparse rows at least so many
    entries     values in a row of sparse data, None for dense
    text_bytes  of the unpacked input
    """

    rows: float
    exact: bool
    columns: int
    entries: Optional[float]
    text_bytes: float


def read_head(inputs: Inputs, files) -> Head:
    path = next(path for path, size in inputs.files if size != 0)
    head = files.head(path, HEAD_BYTES)
    whole = len(inputs.files) == 1 and len(head) < HEAD_BYTES
    if inputs.layout.format == "packed":
        header, length = first_block(head)
        rows, columns, values = header["rows"], header["width"], header["arrays"][0][2][0]
        whole = whole and head.count(b"\n") == 1
    else:
        head = whole_lines(head)
        pieces = list(Parser(inputs.layout).parse(Block(head)))
        rows, length = sum(map(len, pieces)), len(head)
        columns, values = inputs.layout.n_columns, 0
        if inputs.layout.sparse:
            sparse: list = [piece.X for piece in pieces]
            columns = max((int(indices.max(initial=-1)) + 1 for _, indices, _ in sparse), default=0)
            values = sum(len(entries) for entries, _, _ in sparse)
    text = sum(size / packing_of(each, head) for each, size in inputs.files)
    return Head(rows if whole else text * rows / length, whole, columns,
                values / max(rows, 1) if inputs.layout.sparse else None, text)


def packing_of(path: str, head: bytes) -> float:
    """Bytes of a file per byte of its text, by what its codec makes of the head."""
    codec = {".gz": zlib.compress, ".bz2": bz2.compress}.get(os.path.splitext(path)[1])
    return len(codec(head)) / len(head) if codec and head else 1.0


def tasks_over(inputs: Inputs, launch) -> int:
    """Map tasks of a job over all of the input."""
    if launch.runner in LOCAL_RUNNERS:
        return len(slices(inputs.files, *map_tasks(launch.options)))
    split = SPLIT_BYTES if launch.runner != "spark" else HDFS_BLOCK
    return sum(-(-size // split) if path.endswith(".bz2") or is_splittable(path) else 1
               for path, size in inputs.files if size)


def estimate(launch, options) -> str:
    """The text of --estimate; nothing is run, and of the input only the head is read."""
    inputs = find_inputs(options.args, launch.files, wishes(options))
    head = read_head(inputs, launch.files)
    tasks, sets = tasks_over(inputs, launch), options.clusters * options.restarts
    size = min(int(head.rows), wanted_rows(options, inputs.layout))
    limit = task_memory(options)
    rounds = min(LIKELY_ROUNDS, options.max_rounds + 1)
    lines = {
        "rows": ("%d" if head.exact else "about %d") % head.rows,
        "columns": "%d%s" % (head.columns, " or more" if inputs.layout.sparse else ""),
        "input": "%s in %d file%s, %s of %s, %.0f bytes a row" % (
            size_text(inputs.bytes), len(inputs.files), "s" * (len(inputs.files) != 1),
            size_text(head.text_bytes), inputs.layout.format, head.text_bytes / max(head.rows, 1)),
        "map tasks": "%d" % tasks,
        "memory of a map task": "about %s in a round, %s in the sample scan; %s" % (
            size_text(round_memory(sum(sets), head.columns)),
            size_text(sample_memory(int(head.rows), size, head.columns, head.entries)),
            "how much it may take is not known here" if limit is None else "it may take %s (%s)" % (
                size_text(limit.bytes), limit.source)),
        "shuffled": "about %s a round, %s by the sample scan" % (
            size_text(tasks * round_bytes(sets, head.columns)),
            size_text(sample_bytes(min(tasks * size, int(head.rows)),
                                   head.columns if head.entries is None else head.entries))),
        "jobs": "about %d: 1 sample scan, %d rounds (at most %d by --max-rounds)%s" % (
            1 + rounds + options.assign, rounds, options.max_rounds + 1,
            ", 1 for the labels" if options.assign else "")}
    width = max(map(len, lines))
    return "\n".join("%s  %s" % (name.ljust(width), text) for name, text in lines.items())


def size_text(size: float) -> str:
    """Bytes for people: 67 MB."""
    for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if size >= unit:
            return "%.3g %s" % (size / unit, name)
    return "%d bytes" % size
