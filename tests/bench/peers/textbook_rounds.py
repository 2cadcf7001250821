"""A few rounds of the textbook's k-means, timed one by one.

    python tests/bench/peers/textbook_rounds.py points.csv out --start c.csv --rounds 5 -r hadoop

Writes out/centroids.csv and out/notes.json; other options are mrjob's.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
from mrjob.job import MRJob

sys.path[:0] = [str(Path(__file__).resolve().parents[2])]

from bench.peers.textbook import TextbookKMeans  # noqa: E402


def one_round(csv: str, centroids: np.ndarray, folder: Path, rest: list) -> np.ndarray:
    path = folder / "start.json"
    path.write_text(json.dumps(centroids.tolist()))
    job = TextbookKMeans([csv, "--centroids", str(path), *rest])
    moved = centroids.copy()
    with job.make_runner() as runner:
        runner.run()
        for label, centroid in job.parse_output(runner.cat_output()):
            moved[label] = centroid
    return moved


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("csv")
    parser.add_argument("out", type=Path)
    parser.add_argument("--start", required=True, help="centroids with a header")
    parser.add_argument("--rounds", type=int, required=True)
    o, rest = parser.parse_known_args()
    MRJob.set_up_logging()
    centroids = np.loadtxt(o.start, delimiter=",", skiprows=1, ndmin=2)
    seconds = []
    for _ in range(o.rounds):
        started = time.perf_counter()
        centroids = one_round(o.csv, centroids, o.out, rest)
        seconds.append(time.perf_counter() - started)
    np.savetxt(o.out / "centroids.csv", centroids, delimiter=",", comments="", fmt="%.17g",
               header=",".join("x%d" % j for j in range(centroids.shape[1])))
    (o.out / "notes.json").write_text(json.dumps({"round_seconds": seconds}))


if __name__ == "__main__":
    main()
