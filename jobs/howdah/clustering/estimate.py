"""What a run will cost, told from the head of its input.

The laws of memory (memory_laws.py) and of shuffled bytes are fits to measured tasks;
docs/scaling.md shows both.
"""

from __future__ import annotations

from howdah.clustering.head import read_head
from howdah.clustering.memory_laws import (
    refuse_large_round,
    refuse_large_sample,
    round_memory,
    sample_memory,
)
from howdah.clustering.sampling import wanted_rows
from howdah.clustering.seeds import first_sets
from howdah.kmeans.farthest import MOST
from howdah.launch.memory import size_text

LIKELY_ROUNDS = 2


def round_bytes(sets: list, columns: int) -> int:
    """Bytes that a round's map task hands on for sets of k centroids each: sums, far points."""
    return sum(k * (140 + 10 * (columns + 2)) + min(k, MOST) * (175 + 8 * columns) for k in sets)


def sample_bytes(size: int, entries: float) -> int:
    """Bytes that a map task of the sample scan hands on, for rows of so many values."""
    return int(size * (16 + 7 * entries))


def estimate(launch, options) -> None:
    """Print --estimate, and refuse what the run would refuse.

    Nothing is run, and of the input only the head is read.
    """
    inputs = launch.found
    head = read_head(inputs, launch.files)
    tasks, sets = launch.backend.map_tasks(inputs), options.clusters * options.restarts
    size = min(int(head.rows), wanted_rows(options, inputs.layout.n_columns))
    first = first_sets(options, size, int(head.rows))
    limit = launch.backend.task_memory()
    # Rivals halve from round to round, and start from worse seeds.
    rounds = min(LIKELY_ROUNDS + (len(first) > len(sets)), options.max_rounds + 1)
    lines = {
        "rows": ("%d" if head.exact else "about %d") % head.rows,
        "columns": "%d%s" % (head.columns, " or more" if inputs.layout.sparse else ""),
        "input": "%s in %d file%s, %s of %s, %.0f bytes a row" % (
            size_text(inputs.bytes), len(inputs.files), "s" * (len(inputs.files) != 1),
            size_text(head.text_bytes), inputs.layout.format, head.text_bytes / max(head.rows, 1)),
        "map tasks": "%d" % tasks,
        "memory of a map task": "about %s in a round, %s in the sample scan; %s" % (
            size_text(round_memory(sum(first), head.columns)),
            size_text(sample_memory(int(head.rows), size, head.columns, head.entries)),
            "how much it may take is not known here" if limit is None else "it may take %s (%s)" % (
                size_text(limit.bytes), limit.source)),
        "shuffled": "about %s a round%s, %s by the sample scan" % (
            size_text(tasks * round_bytes(sets, head.columns)),
            "" if first == sets else " (%s the first, of %d sets of seeds)" % (
                size_text(tasks * round_bytes(first, head.columns)), len(first)),
            size_text(sample_bytes(min(tasks * size, int(head.rows)),
                                   head.columns if head.entries is None else head.entries))),
        "jobs": "about %d: 1 sample scan, %d rounds (at most %d by --max-rounds)%s" % (
            1 + rounds + options.assign, rounds, options.max_rounds + 1,
            ", 1 for the labels" if options.assign else "")}
    width = max(map(len, lines))
    print("\n".join("%s  %s" % (name.ljust(width), text) for name, text in lines.items()))
    refuse_large_round(launch, sum(first), head.columns)
    refuse_large_sample(launch, inputs, wanted_rows(options, inputs.layout.n_columns))
