"""The cluster of every point: map only, straight to the output folder.

    python jobs/kmeans_assign.py new.csv --model out/model.json --output-dir labels

Output: id TAB label TAB distance, or without ids label TAB distance TAB the input line (packed rows
without ids have none: label TAB distance, in their order). A row that cannot be used is answered
too: "bad" TAB the reason TAB the line. Distances are Euclidean (in
standardised units, if the model was) or 1 - cosine.
"""

from __future__ import annotations

from itertools import repeat

from howdah.entry import run
from howdah.kmeans.centroids import GridCentroids
from howdah.kmeans.classify import classify
from howdah.kmeans.distances import own_distances
from howdah.kmeans.points import on_grid
from howdah.spelling import field
from howdah.task.job import HowdahJob
from howdah.task.mapreduce import BytesValueProtocol
from howdah.task.plans import AssignPlan


class KMeansAssign(HowdahJob):
    """Mapper: classify, and say so."""

    OUTPUT_PROTOCOL = BytesValueProtocol
    MAP_ONLY = True
    PLAN = AssignPlan
    LAUNCHER = "howdah.clustering.assigning"

    def add_options(self, parser):
        parser.add_argument("--model", metavar="FILE",
                            help="model.json of a driver's run, or its output folder")

    @property
    def keep_lines(self):
        return "id" not in self.layout.texts

    def map_batches(self, points):
        space, centroids = self.plan.space, self.plan.centroids
        grid_centroids = GridCentroids.of(centroids, space)
        for batch in points:
            grid_points = on_grid(batch.X, space, bounded=False)
            labels, _ = classify(grid_points, grid_centroids)
            distances = own_distances(batch.X, grid_points, centroids, grid_centroids, labels)
            for row in zip(labels.tolist(), distances.tolist(),
                           batch.ids or batch.lines or repeat(None)):
                yield None, self.answer(*row)

    def answer(self, label: int, distance: float, identity) -> bytes:
        """One line of output; `identity` is the row's id, or the input line itself, or None."""
        if identity is None:
            return b"%d\t%s" % (label, repr(distance).encode("ascii"))
        if self.keep_lines:
            return b"%d\t%s\t%s" % (label, repr(distance).encode("ascii"), identity)
        return ("%s\t%d\t%r" % (field(identity), label, distance)).encode("utf-8")


if __name__ == "__main__":
    run(KMeansAssign)
