"""What a map task of k-means needs in memory; what cannot fit is refused.

The laws are fits to measured tasks; docs/scaling.md shows them.
"""

from __future__ import annotations

from typing import Optional

from howdah.clustering.head import read_head
from howdah.input.batches import rows_per_batch
from howdah.kmeans.coreset import PROJECTED_COLUMNS, chunk_rows
from howdah.launch.inputs import Inputs
from howdah.launch.memory import MB, refuse_too_large

# A task that imports all and works on nothing: 45 MB, from Python 3.12 on about 60 (setuptools).
BARE_TASK = 52 * MB


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


def refuse_large_round(launch, centroids: int, columns: int) -> None:
    """UserError when a round over so many centroids of all sets cannot fit a task's memory."""
    refuse_too_large("%d centroids of %d columns" % (centroids, columns),
                     round_memory(centroids, columns), launch.backend.task_memory(),
                     "take fewer clusters or restarts")


def refuse_large_sample(launch, inputs: Inputs, size: int) -> None:
    """UserError when a sample of so many rows of the input cannot fit a task's memory."""
    layout = inputs.layout
    columns, entries = layout.n_columns or 0, None
    if layout.sparse:
        # How long sparse rows are is told by their head alone.
        head = read_head(inputs, launch.files)
        columns, entries = head.columns, head.entries
    rows = chunk_rows(None if layout.sparse else columns)
    refuse_too_large("a sample of %d rows of %d columns" % (size, columns),
                     sample_memory(rows, size, columns, entries), launch.backend.task_memory(),
                     "give a smaller --sample-size")
