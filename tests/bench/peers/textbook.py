"""k-means on mrjob as textbooks write it: a point per call, a record per point, a combiner.

    python tests/bench/peers/textbook.py points.csv --centroids centroids.json -r hadoop

The distances of a point are NumPy's, which is faster than a loop over the centroids.
"""

from __future__ import annotations

import json

import numpy as np
from mrjob.job import MRJob


class TextbookKMeans(MRJob):
    """Input: lines of numbers. Records: label, [sum of points, number of points]."""

    def configure_args(self):
        super().configure_args()
        self.add_file_arg("--centroids", help="a JSON list of centroids")

    def mapper_init(self):
        with open(self.options.centroids) as file:
            self.centroids = np.array(json.load(file))

    def mapper(self, _, line):
        """Input: a line. Output: the label of the nearest centroid, [point, 1]."""
        point = [float(field) for field in line.split(",")]
        distances = ((self.centroids - point) ** 2).sum(axis=1)
        yield int(distances.argmin()), (point, 1)

    def combiner(self, label, records):
        """Input: label, [[sum, number], ...]. Output: label, [sum, number]."""
        yield label, added(records)

    def reducer(self, label, records):
        """Input: label, [[sum, number], ...]. Output: label, the new centroid."""
        total, number = added(records)
        yield label, [value / number for value in total]


def added(records) -> tuple:
    total, number = None, 0
    for point, n in records:
        total = point if total is None else [a + b for a, b in zip(total, point)]
        number += n
    return total, number


if __name__ == "__main__":
    TextbookKMeans.run()
