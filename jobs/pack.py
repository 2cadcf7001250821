"""Text to packed blocks: pay for parsing once, not in every scan.

    python jobs/pack.py points.csv --output-dir packed --dtype float32
    python jobs/pack.py embeddings.npy --output-dir packed

Every job reads the result without being told. Text and packed input goes through a map-only job
on any runner; .npy, .fvecs, .bvecs and .parquet files are read in this process, a piece at a time.
Output: one block a line, and no line for a row that was skipped.
"""

from __future__ import annotations

from howdah.input.packed import first_block, pack_rows
from howdah.task.job import HowdahJob
from howdah.task.reports import COUNTERS
from howdah.task.mapreduce import BytesValueProtocol


class Pack(HowdahJob):
    """Mapper: batches of rows -> one line each."""

    OUTPUT_PROTOCOL = BytesValueProtocol
    MAP_ONLY = True

    def add_options(self, parser):
        parser.add_argument("--dtype", choices=("exact", "float32", "float64"), default="exact",
                            help="exact (default): float32 where that loses nothing")
        parser.add_argument("--label-column", metavar="COLUMN",
                            help="class of every point, for jobs/knn_index.py")
        parser.add_argument("--target-column", metavar="COLUMN",
                            help="number of every point, for jobs/knn_index.py")

    # tasks

    def map_batches(self, points):
        layout = self.layout
        columns = (0 if layout.zero_based else 1) if layout.sparse else layout.columns
        for batch in points:
            yield None, pack_rows(batch.X, columns, batch.weights, batch.texts, self.plan["dtype"])

    def refused_rows(self, parser):
        """Nothing for rows that are skipped: packed input holds blocks only."""
        refused = list(super().refused_rows(parser))
        if self.plan["bad_rows"] == "error":
            yield from refused

    @staticmethod
    def rows_of(line):
        return first_block(line)[0]["rows"]

    # launching

    def prepare(self, launch):
        return {"dtype": self.options.dtype, "bad_rows": self.options.bad_rows}

    def launch_otherwise(self, launch):
        from howdah.packing.pack_arrays import array_files, pack_array_files

        files = array_files(self.options.args, launch.files)
        return pack_array_files(files, self.options) if files else None

    def show(self, launch, outcome):
        from howdah.launch.console import notice

        if self.options.bad_rows == "skip" and COUNTERS not in launch.counters:
            notice("This runner tells no counters: rows that were skipped are not counted.")


if __name__ == "__main__":
    Pack.run()
