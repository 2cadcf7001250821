"""k-means from raw files to converged centroids.

    python driver.py data/digits.csv.gz -k 10 --ignore-columns label
    python driver.py hdfs:///data/points/ -k 50 -r hadoop --output-dir hdfs:///out

One scan samples the data, scikit-learn solves the sample, and rounds of jobs/kmeans_round.py run
until the cost no longer falls. mrjob's options (-r, --jobconf, ...) are passed on to every job.
Exit codes: 0 converged; 1 a job failed, or anything did after the first write, and what is written
stays; 2 wrong use or bad input, nothing written; 3 stopped by --max-rounds or --max-minutes, result
written.
"""

from __future__ import annotations

import sys

from howdah.clustering.command import run
from howdah.clustering.scans import Jobs
from howdah.launch.console import guarded
from howdah.options import add_metric_options, add_sampling_options
from howdah.scripts.kmeans_assign import KMeansAssign
from howdah.scripts.kmeans_round import KMeansRound
from howdah.scripts.kmeans_sample import KMeansSample
from howdah.task.job import HowdahJob


class Driver(HowdahJob):
    """The driver's command line: its own options beside those of every job. It runs no task."""

    def add_options(self, parser):
        add_sampling_options(parser)
        add_metric_options(parser)
        parser.add_argument("--restarts", type=int, default=1, metavar="N",
                            help="starts of which the best counts; all of them, and all of"
                                 " -k 10,20,50, share every scan")
        parser.add_argument("--init", default="coreset", metavar="HOW",
                            help="coreset (default), random, or where to go on from:"
                                 " centroids.csv, model.json or an output folder")
        parser.add_argument("--resume", default=None, metavar="DIR",
                            help="go on with the run in its output folder, from its last whole"
                                 " step; its inputs and options need not be given again")
        parser.add_argument("--min-gain", type=float, default=0.001, metavar="SHARE",
                            help="stop when a round lowers the cost by less (default: 0.001)")
        parser.add_argument("--tol", type=float, default=None, metavar="T",
                            help="scikit-learn's rule instead: stop when the squared moves add up"
                                 " to at most T times the mean variance of the columns")
        parser.add_argument("--max-rounds", type=int, default=20)
        parser.add_argument("--max-minutes", type=float, default=None)
        parser.add_argument("--empty-clusters", choices=("farthest", "error"), default="farthest",
                            help="move an empty cluster to the point farthest from its centroid"
                                 " (default), or stop")
        parser.add_argument("--assign", action="store_true",
                            help="write every point's label below the output folder at the end")
        parser.add_argument("--estimate", action="store_true",
                            help="do not run: tell rows, memory, shuffled bytes and jobs from the"
                                 " head of the input")


def main(argv=None) -> int:
    """Run the command line; its exit code."""
    jobs = Jobs(KMeansSample, KMeansRound, KMeansAssign)
    return guarded(lambda: run(Driver(argv), jobs))


if __name__ == "__main__":
    sys.exit(main())
