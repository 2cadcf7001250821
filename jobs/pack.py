"""Text to packed blocks: pay for parsing once, not in every scan.

    python jobs/pack.py points.csv --output-dir packed --dtype float32
    python jobs/pack.py embeddings.npy --output-dir packed

Every job reads the result without being told. Text and packed input goes through a map-only job
on any runner; .npy, .fvecs, .bvecs and .parquet files are read in this process, a piece at a time.
Output: one block a line, and no line for a row that was skipped.
"""

from __future__ import annotations

from howdah.entry import run
from howdah.input.packed import pack_rows
from howdah.input.packed_format import first_block
from howdah.task.job import HowdahJob
from howdah.task.mapreduce import BytesValueProtocol
from howdah.task.plans import PackPlan


class Pack(HowdahJob):
    """Mapper: batches of rows -> one line each."""

    OUTPUT_PROTOCOL = BytesValueProtocol
    MAP_ONLY = True
    PLAN = PackPlan
    LAUNCHER = "howdah.packing.packing"

    def add_options(self, parser):
        parser.add_argument("--dtype", choices=("exact", "float32", "float64"), default="exact",
                            help="exact (default): float32 where that loses nothing")
        parser.add_argument("--label-column", metavar="COLUMN",
                            help="class of every point, for jobs/knn_index.py")
        parser.add_argument("--target-column", metavar="COLUMN",
                            help="number of every point, for jobs/knn_index.py")

    def map_batches(self, points):
        layout = self.layout
        columns = (0 if layout.zero_based else 1) if layout.sparse else layout.columns
        for i, batch in enumerate(points):
            yield None, pack_rows(batch.X, columns, batch.weights, batch.texts, self.plan.dtype,
                                  first=i == 0)

    def refused_rows(self, parser):
        """Nothing for rows that are skipped: packed input holds blocks only."""
        refused = list(super().refused_rows(parser))
        if self.plan.bad_rows == "error":
            yield from refused

    @staticmethod
    def rows_of(line):
        return first_block(line)[0].rows


if __name__ == "__main__":
    run(Pack)
