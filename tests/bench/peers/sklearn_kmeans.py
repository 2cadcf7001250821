"""pandas.read_csv and scikit-learn, from a CSV file to centroids: what one would write first.

    python tests/bench/peers/sklearn_kmeans.py points.csv centroids.csv -k 50 --n-init 10
    python tests/bench/peers/sklearn_kmeans.py points.csv centroids.csv -k 50 --minibatch

In float32, which scikit-learn works on faster, with all threads. On blobs of 10^6 x 16 Elkan's
algorithm was no faster than the default, Lloyd's; mini-batches of 4096 rows were several times as
fast as the default ones of 1024 and came to the same costs, and those of 10240 to higher ones.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas
from sklearn.cluster import KMeans, MiniBatchKMeans


BATCH = 4096


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("csv")
    parser.add_argument("out")
    parser.add_argument("-k", type=int, required=True)
    parser.add_argument("--n-init", type=int, default=10)
    parser.add_argument("--minibatch", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    o = parser.parse_args()
    X = np.ascontiguousarray(pandas.read_csv(o.csv, header=None, dtype=np.float32).to_numpy())
    asked = {"n_clusters": o.k, "n_init": o.n_init, "random_state": o.seed}
    model = MiniBatchKMeans(batch_size=BATCH, **asked) if o.minibatch else KMeans(**asked)
    centroids = model.fit(X).cluster_centers_
    np.savetxt(o.out, centroids.astype(np.float64), delimiter=",", comments="",
               header=",".join("x%d" % j for j in range(X.shape[1])), fmt="%.17g")


if __name__ == "__main__":
    main()
