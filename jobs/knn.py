"""The nearest neighbours of every query: map only, over an index that is shipped to the mappers.

    python jobs/knn.py queries.csv --index digits.index.joblib -n 10

Output, one line of JSON per query, nearest first:

    {"id": "q7", "neighbors": [["a", 0.5], ["b", 0.75]]}

and with --vote also "label" and "shares", with --mean "value". "id" is the query's id, or its
running place from 0, or on a cluster, where no task knows that, its input line.
"""

from __future__ import annotations

import json
import sys

from howdah.entry import run
from howdah.knn.answering import GROUP, Answering, slice_name
from howdah.knn.distances import largest_value
from howdah.knn.index import load
from howdah.task.job import HowdahJob
from howdah.task.mapreduce import BytesValueProtocol
from howdah.task.plans import KnnPlan


class KNN(HowdahJob):
    """Mapper: answer a batch of queries from the index, which all mappers of a node share."""

    OUTPUT_PROTOCOL = BytesValueProtocol
    MAP_ONLY = True
    CHEAP_ROWS = False
    PLAN = KnnPlan
    LAUNCHER = "howdah.indexing.queries"

    def configure_args(self):
        super().configure_args()
        self.add_file_arg("--index", metavar="FILE",
                          help="index of jobs/knn_index.py: a path or an hdfs:// or s3:// URI")
        self.add_file_arg("--exclude", metavar="FILE",
                          help="query id TAB ids of points that must not be answered")
        self.add_file_arg("--candidates", metavar="FILE",
                          help="set by the launcher: the index's Annoy or FAISS file")

    def add_options(self, parser):
        parser.add_argument("-n", "--neighbors", type=int, metavar="N",
                            help="(default: 10, or all within the radius)")
        parser.add_argument("--radius", type=float, metavar="DISTANCE",
                            help="neighbours within this distance, itself included")
        parser.add_argument("--max-neighbors", type=int, default=1000, metavar="N",
                            help="most neighbours of a radius without -n (default: 1000)")
        parser.add_argument("--min-similarity", type=float, metavar="COSINE",
                            help="neighbours of at least this cosine")
        parser.add_argument("--vote", choices=("uniform", "distance"),
                            help="the label that most neighbours have, and the classes' shares")
        parser.add_argument("--mean", choices=("uniform", "distance"),
                            help="the mean of the neighbours' targets")
        parser.add_argument("--exclude-self", action="store_true",
                            help="never answer the query itself: its id; without ids the point at"
                                 " its own place, if that is equal, or else one equal point")
        parser.add_argument("--from-points", action="store_true",
                            help="column j of a query is its weight of the index's point j, or"
                                 " of the point that it is called after: points near their"
                                 " weighted sum, without themselves")
        parser.add_argument("--recall-sample", type=int, metavar="QUERIES",
                            help="answer so many queries of each task exactly too, and tell the"
                                 " recall")
        parser.add_argument("--output-format", choices=("json", "tsv"), default="json",
                            help="tsv: one pair a line (with --vote or --mean one query)")
        parser.add_argument("--batch", type=int, metavar="ROWS",
                            help="queries to answer at a time (default: what fits the cache)")
        parser.add_argument("--index-sha256", metavar="DIGEST",
                            help="refuse any other index file")

    @property
    def keep_lines(self):
        return "id" not in self.layout.texts and not self.sliced

    @property
    def largest(self):
        return largest_value(self.plan.metric)

    @property
    def needs_direction(self):
        # A user without items gets an answer, an empty one.
        return super().needs_direction and not self.plan.request.from_points

    def batch_rows(self):
        return self.plan.batch or super().batch_rows()

    def map_batches(self, points):
        answering = Answering(self.plan.request, self.load_index(), self.layout,
                              self.options.candidates, self.options.exclude)
        for batch in points:
            ids = self.ids_of(batch)
            for line in answering.lines(ids, batch.X, named=batch.ids is not None):
                yield None, line
        for name, count in answering.counts():
            self.increment_counter(GROUP, name, count)

    def ids_of(self, batch) -> list:
        """What the batch's queries are called in the output."""
        if batch.ids is not None:
            return batch.ids
        if self.keep_lines:
            return [line.decode("utf-8", "backslashreplace") for line in batch.lines]
        self._place += len(batch)
        return list(range(self._place - len(batch), self._place))

    def _blocks(self, pairs):
        """The base class's blocks; a local task learns here where its running places begin."""
        self._place = 0
        if self.sliced:
            pairs = list(pairs)
            if pairs and self.plan.first_rows:
                self._place = self.plan.first_rows[slice_name(json.loads(pairs[0][1]))]
        return super()._blocks(pairs)

    def load_index(self):
        return load(self.options.index, self.warn, self.plan.sha256)

    def warn(self, text: str) -> None:
        """A line on the task's standard error."""
        print("warning: %s" % text, file=sys.stderr)


if __name__ == "__main__":
    run(KNN)
