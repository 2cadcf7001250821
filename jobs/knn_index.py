"""Points to a k-NN index: one joblib file that jobs/knn.py ships to its mappers.

    python jobs/knn_index.py data/digits.csv.gz --label-column label -o digits.index.joblib

The file is uncompressed, so that all mappers of a node share its pages, and describes itself in
its last kilobyte. Like every joblib file it runs code when it is loaded: load your own only.
"""

from __future__ import annotations

import argparse
import os
import sys
from functools import partial

from howdah.distances import METRICS
from howdah.errors import OK, UserError
from howdah.index import candidates_path
from howdah.launcher.files import Files
from howdah.launcher.indexing import build, read_points, save_index, transposed, write_svmlight
from howdah.launcher.inputs import find_inputs, whole_number
from howdah.launcher.script import guarded, notice
from howdah.options import add_input_options, wishes


def main() -> None:
    sys.exit(guarded(lambda: run(parser().parse_args())))


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(description=__doc__, allow_abbrev=False,
                                      formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("inputs", nargs="+", metavar="INPUT", help="files, folders or globs")
    options.add_argument("-o", "--output", required=True, metavar="FILE")
    options.add_argument("--algorithm", choices=("auto", "brute", "kd_tree", "ball_tree"),
                         default="auto", help="scikit-learn's (default: auto)")
    options.add_argument("--metric", choices=METRICS, default="euclidean")
    options.add_argument("--label-column", metavar="COLUMN",
                         help="class of every point, for --vote")
    options.add_argument("--target-column", metavar="COLUMN",
                         help="number of every point, for --mean")
    options.add_argument("--transpose", action="store_true",
                         help="columns are the points: the items of a user-item matrix")
    options.add_argument("--ids-file", metavar="FILE", help="ids of the points, one per line")
    options.add_argument("--write-points", metavar="FILE",
                         help="also write the points as svmlight rows that begin with their id")
    options.add_argument("--annoy", metavar="TREES",
                         help="candidates from Annoy: approximate, for many points")
    options.add_argument("--annoy-search-k", type=int, default=-1, metavar="NODES")
    options.add_argument("--faiss", metavar="FACTORY",
                         help="candidates from FAISS by an index_factory string: Flat,"
                              " IVF1024,Flat, HNSW32")
    options.add_argument("--faiss-parameters", default="", metavar="NAME=VALUE,...",
                         help="its search parameters, nprobe=16 or efSearch=64")
    add_input_options(options)
    return options


def run(options) -> int:
    if options.annoy and options.faiss:
        raise UserError("--annoy and --faiss are two indexes; give one of them.")
    files = Files()
    os.makedirs(os.path.dirname(os.path.abspath(options.output)), exist_ok=True)
    inputs = find_inputs(options.inputs, files, wishes(options))
    metric = "euclidean" if options.transpose else options.metric
    points, tally = read_points(inputs, files, metric, options.bad_rows)
    if options.transpose:
        points = transposed(points, 0 if options.zero_based else 1)
    if options.ids_file:
        points.texts["id"] = files.read(options.ids_file).decode("utf-8").splitlines()
    index = build(points, options.metric, options.algorithm, candidates_of(options))
    notice(tally.summary())
    if options.write_points:
        write_svmlight(options.write_points, index)
    print(save_index(index, options.output))
    return OK


def candidates_of(options):
    """What builds the approximate index that the options ask for, in a file beside the other."""
    from howdah.approximate import build_annoy, build_faiss

    if options.annoy_search_k != -1:
        whole_number(options.annoy_search_k, "--annoy-search-k")
    if options.annoy:
        build_one = partial(build_annoy, trees=whole_number(options.annoy, "--annoy"),
                            search_k=options.annoy_search_k)
    elif options.faiss:
        build_one = partial(build_faiss, factory=options.faiss,
                            parameters=options.faiss_parameters)
    else:
        return None
    kind = "annoy" if options.annoy else "faiss"
    path = candidates_path(options.output, kind)
    return lambda X, metric, centre: (build_one(X, metric, centre, path), path)


if __name__ == "__main__":
    main()
