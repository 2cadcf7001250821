"""What the scripts are called: by their path in a checkout, or by the howdah command."""

from __future__ import annotations

import os
from typing import NamedTuple, Optional

#: Set in the environment where the howdah command runs, for this process and its local tasks.
BY_NAME = "HOWDAH_COMMAND"


class Command(NamedTuple):
    """A script: its path, its module below howdah.scripts, its job (None: it has a main)."""

    path: str
    module: str
    job: Optional[str]
    purpose: str


COMMANDS = {
    "kmeans": Command("driver.py", "driver", None, "k-means from raw files to centroids"),
    "round": Command("jobs/kmeans_round.py", "kmeans_round", "KMeansRound",
                     "one round from given centroids"),
    "sample": Command("jobs/kmeans_sample.py", "kmeans_sample", "KMeansSample",
                      "the profile of the data and a weighted sample"),
    "assign": Command("jobs/kmeans_assign.py", "kmeans_assign", "KMeansAssign",
                      "the cluster of every point by a saved model"),
    "index": Command("jobs/knn_index.py", "knn_index", None, "points to a k-NN index"),
    "knn": Command("jobs/knn.py", "knn", "KNN", "the nearest neighbours of every query"),
    "pack": Command("jobs/pack.py", "pack", "Pack", "text and files of arrays to packed blocks"),
    "worker-env": Command("jobs/worker_env.py", "worker_env", None,
                          "the Python environment that workers need, as an archive"),
}


def called(name: str) -> str:
    """A command as the user would type it: jobs/knn.py, or howdah knn."""
    return "howdah " + name if os.environ.get(BY_NAME) else COMMANDS[name].path
