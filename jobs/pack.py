"""Text to packed blocks: pay for parsing once, not in every scan.

    python jobs/pack.py points.csv --output-dir packed --dtype float32
    python jobs/pack.py embeddings.npy --output-dir packed

Every job reads the result without being told. Text and packed input goes through a map-only job
on any runner; .npy, .fvecs, .bvecs and .parquet files are read in this process, a part at a time.
"""

from __future__ import annotations

from mrjob.protocol import BytesValueProtocol

from howdah.blocks import pack_rows
from howdah.job import HowdahJob


class Pack(HowdahJob):
    """Mapper: batches of rows -> one line each."""

    OUTPUT_PROTOCOL = BytesValueProtocol
    MAP_ONLY = True

    def add_options(self, parser):
        parser.add_argument("--dtype", choices=("exact", "float32", "float64"), default="exact",
                            help="exact (default): float32 where that loses nothing")

    def prepare(self, launch):
        return {"dtype": self.options.dtype}

    def launch_otherwise(self, launch):
        from howdah.launcher.arrays import is_array_file, pack_array_files

        if not any(is_array_file(path) for path in self.options.args):
            return None
        return pack_array_files(self.options, launch)

    def map_batches(self, points):
        layout = self.layout
        for batch in points:
            columns = layout.columns if layout.columns is not None else batch.X.shape[1]
            yield None, pack_rows(batch.X, columns, batch.weights, batch.texts, self.plan["dtype"])


if __name__ == "__main__":
    Pack.run()
