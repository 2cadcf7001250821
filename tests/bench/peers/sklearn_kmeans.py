"""pandas.read_csv and scikit-learn, from a CSV file to centroids: what one would write first.

    python tests/bench/peers/sklearn_kmeans.py points.csv centroids.csv -k 50 --n-init 10
    python tests/bench/peers/sklearn_kmeans.py points.csv centroids.csv -k 50 --minibatch

In float32, which scikit-learn works on faster, with all threads.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas
from sklearn.cluster import KMeans, MiniBatchKMeans


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
    kind = MiniBatchKMeans if o.minibatch else KMeans
    centroids = kind(o.k, n_init=o.n_init, random_state=o.seed).fit(X).cluster_centers_
    np.savetxt(o.out, centroids.astype(np.float64), delimiter=",", comments="",
               header=",".join("x%d" % j for j in range(X.shape[1])), fmt="%.17g")


if __name__ == "__main__":
    main()
