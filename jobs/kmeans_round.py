"""One round of Lloyd's k-means: classify every point, recentre every cluster.

    python jobs/kmeans_round.py data/iris.csv --centroids c.csv --ignore-columns label

prints one JSON object per cluster: label, weight, count, cost (about the given centroid) and the
new centroid. Records, up to the reducer:

    "0:7"    {"count": rows, "sums": exact sums of weight, squares and coordinates}   (set:label)
             after the reducer with weight, cost and centroid (see Cluster)
    "far:0"  [the points farthest from their centroids, for empty clusters]
    "move_bound:0"  how far the centroids may move and all labels stay
    "rows"   {"used": ..., "bad": ..., ...}
"""

from __future__ import annotations

from collections import defaultdict

from howdah.entry import run
from howdah.kmeans.farthest import Farthest
from howdah.kmeans.recentre import recentre
from howdah.kmeans.scans import round_scan
from howdah.kmeans.sums import add_records
from howdah.options import add_metric_options
from howdah.task.job import HowdahJob
from howdah.task.plans import RoundPlan

FAR, MOVE_BOUND = "far", "move_bound"


class KMeansRound(HowdahJob):
    """Mapper: classify. Reducer: recentre (sum, count, divide).

    Several sets of centroids share one scan; all points of a split are added up in memory, so a
    mapper's output does not grow with its rows, and a combiner would find nothing to add.
    """

    PLAN = RoundPlan
    LAUNCHER = "howdah.clustering.rounds"

    def add_options(self, parser):
        parser.add_argument("--centroids", metavar="FILE",
                            help="centroids.csv, model.json or a driver's output folder")
        parser.add_argument("--profile", metavar="FILE", default=None,
                            help="what kmeans_sample printed (default: scan for it first)")
        add_metric_options(parser)

    @staticmethod
    def profile_job():
        """The job that makes the profile, where none is given; a worker has no other script."""
        from howdah.scripts.kmeans_sample import KMeansSample

        return KMeansSample

    def map_batches(self, points):
        plan = self.plan
        found = round_scan(points, plan.space, plan.centroids, plan.move_bounds)
        for number, (move_bound, sums) in enumerate(found):
            for label, record in sums.records():
                yield "%d:%d" % (number, label), record
            yield "%s:%d" % (FAR, number), sums.farthest.record()
            yield "%s:%d" % (MOVE_BOUND, number), move_bound.radius

    def reducer_init(self):
        self.sums = defaultdict(dict)

    def reducer(self, key, values):
        """Input: all records of one key. Output: one of its kind; clusters wait for the end."""
        kind, _, number = key.partition(":")
        if kind == FAR:
            yield key, self.farthest(values, int(number))
        elif kind == MOVE_BOUND:
            yield key, min(values)
        elif number:
            self.sums[int(kind)][int(number)] = add_records(values)
        else:
            yield from self.reduce_report(key, values)

    def farthest(self, values, number: int) -> list:
        farthest = Farthest(len(self.plan.centroids[number]), self.plan.space)
        for value in values:
            farthest.put(value)
        return farthest.record()

    def reducer_final(self):
        """Output: new centroid, weight and cost of every cluster that this task was given."""
        for number, records in self.sums.items():
            for label, cluster in recentre(
                    records, self.plan.centroids[number], self.plan.space).items():
                yield "%d:%d" % (number, label), cluster.record()


if __name__ == "__main__":
    run(KMeansRound)
