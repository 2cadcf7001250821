"""One scan of the data: its profile and a weighted sample to seed k-means from.

    python jobs/kmeans_sample.py data/iris.csv -k 3 --ignore-columns label > sample.jsonl

prints the profile, then one line per sampled row: {"row": [...], "weight": ...}.
"""

from __future__ import annotations

from howdah.entry import run
from howdah.kmeans.coreset import Sampler, chunk_rows
from howdah.kmeans.priority_sample import PrioritySample
from howdah.kmeans.profile import Profile
from howdah.kmeans.scans import sample_scan
from howdah.options import add_metric_options, add_sampling_options
from howdah.task.job import HowdahJob
from howdah.task.plans import SamplePlan

PROFILE, SAMPLE = "profile", "sample"


class KMeansSample(HowdahJob):
    """Mapper: chunks -> profile, sample. Reducer: profiles and samples of all tasks -> one each.

    No combiner: a mapper's records are merged already.
    """

    PLAN = SamplePlan
    LAUNCHER = "howdah.clustering.sampling"
    WEIGHING = True

    def add_options(self, parser):
        add_sampling_options(parser)
        add_metric_options(parser)

    def batch_rows(self):
        return chunk_rows(None if self.layout.sparse else self.layout.n_columns)

    def map_batches(self, points):
        plan = self.plan
        sampler = Sampler(plan.k, plan.size, plan.seed, plan.metric == "cosine", plan.standardize)
        profile, sample = sample_scan(points, sampler, plan.distinct)
        if profile is not None:
            yield PROFILE, profile.to_dict()
        for record in sample.records():
            yield SAMPLE, record

    def reducer(self, key, values):
        """Input: records of one kind from all tasks. Output: the same kinds, merged."""
        if key == PROFILE:
            yield PROFILE, Profile.merged(map(Profile.from_dict, values)).to_dict()
        elif key == SAMPLE:
            for record in PrioritySample.of_records(values).records():
                yield SAMPLE, record
        else:
            yield from self.reduce_report(key, values)


if __name__ == "__main__":
    run(KMeansSample)
