"""Neighbours of every query by Spark and scikit-learn: batches of a text file, a broadcast index.

    python tests/bench/peers/spark_knn.py queries.csv index.joblib out -n 10 --rows 1024

The index is a joblib file of a fitted NearestNeighbors. Writes out/answers (text: a line of JSON
per query, [[position, distance], ...], in the order of the queries) and out/notes.json.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from itertools import islice
from pathlib import Path
from typing import Iterator

import joblib
import numpy as np

sys.path[:0] = [str(Path(__file__).resolve().parents[2])]

from bench.peers.spark_kmeans import peak_mb, session  # noqa: E402


def answer(lines: Iterator[str], index, n: int, rows: int) -> Iterator[str]:
    """What a task makes of its part of the file, `rows` queries at a time."""
    while batch := list(islice(lines, rows)):
        Q = np.fromstring(",".join(batch), sep=",").reshape(len(batch), -1)
        distances, positions = index.value.kneighbors(Q, n)
        for pair in zip(positions.tolist(), distances.tolist()):
            yield json.dumps(list(zip(*pair)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("csv")
    parser.add_argument("index")
    parser.add_argument("out", type=Path)
    parser.add_argument("-n", type=int, required=True)
    parser.add_argument("--rows", type=int, required=True, help="queries of a batch")
    o = parser.parse_args()
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    n, rows = o.n, o.rows
    started = time.perf_counter()
    spark = session("local[2]", "2g")
    context = spark.sparkContext
    ready = time.perf_counter()
    index = context.broadcast(joblib.load(o.index))
    context.textFile(o.csv, 2).mapPartitions(
        lambda lines: answer(iter(lines), index, n, rows)).saveAsTextFile(str(o.out / "answers"))
    notes = {"peak_mb": peak_mb(context), "startup_seconds": ready - started}
    (o.out / "notes.json").write_text(json.dumps(notes))
    spark.stop()


if __name__ == "__main__":
    main()
