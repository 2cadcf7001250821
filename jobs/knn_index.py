"""Points to a k-NN index: one joblib file that jobs/knn.py ships to its mappers.

    python jobs/knn_index.py data/digits.csv.gz --label-column label -o digits.index.joblib

The file is uncompressed, so that all mappers of a node share its pages, and describes itself in
its last kilobyte. Like every joblib file it runs code when it is loaded: load your own only.
"""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import ExitStack, suppress
from functools import partial

from howdah.errors import OK, JobFailed, UserError
from howdah.indexing.build import build, read_points, summary, transposed, write_svmlight
from howdah.knn.approximate import build_annoy, build_faiss
from howdah.knn.distances import METRICS
from howdah.knn.description import read_description
from howdah.knn.index import candidates_path, save
from howdah.launch.console import guarded, notice
from howdah.launch.files.files import Files
from howdah.launch.files.local import aside, beside
from howdah.launch.files.paths import is_uri, local_path
from howdah.launch.inputs import find_inputs, whole_number
from howdah.options import add_input_options, input_options


def main() -> None:
    sys.exit(guarded(lambda: run(parser().parse_args())))


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(description=__doc__, allow_abbrev=False,
                                      formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("inputs", nargs="+", metavar="INPUT", help="files, folders or globs")
    options.add_argument("-o", "--output", required=True, type=local_path, metavar="FILE")
    options.add_argument("--algorithm", choices=("auto", "brute", "kd_tree", "ball_tree"),
                         default="auto", help="scikit-learn's (default: auto)")
    options.add_argument("--metric", choices=METRICS, default="euclidean")
    options.add_argument("--label-column", metavar="COLUMN",
                         help="class of every point, for --vote")
    options.add_argument("--target-column", metavar="COLUMN",
                         help="number of every point, for --mean")
    options.add_argument("--transpose", action="store_true",
                         help="columns are the points: the items of a user-item matrix")
    options.add_argument("--ids-file", type=local_path, metavar="FILE",
                         help="ids of the points, one per line")
    options.add_argument("--write-points", type=local_path, metavar="FILE",
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
    inputs = find_inputs(options.inputs, files, input_options(options))
    refuse_places(options, [path for path, _ in inputs.files])
    metric = "euclidean" if options.transpose else options.metric
    points, row_counts = read_points(inputs, files, metric, options.bad_rows)
    if options.transpose:
        points = transposed(points, 0 if options.zero_based else 1)
    if options.ids_file:
        points.texts["id"] = files.read(options.ids_file).decode("utf-8").splitlines()
    try:
        description = write(points, options)
    except OSError as error:
        raise JobFailed("The index %s cannot be written (%s)." % (options.output, error)) from error
    notice(row_counts.summary())
    print(summary(description, options.output))
    return OK


def refuse_places(options, inputs: list) -> None:
    """UserError for a place where no file, or another file than this, should be written."""
    taken = {os.path.realpath(path) for path in [*inputs, options.ids_file] if path}
    for path in (options.output, options.write_points):
        if path is None:
            continue
        if is_uri(path):
            raise UserError("%s is no path on this machine, where the index is written; give one,"
                            " and copy the file then." % path)
        if not os.path.basename(path) or os.path.exists(path) and not os.path.isfile(path):
            raise UserError("%r is no name of a file to write; give another." % path)
        if os.path.realpath(path) in taken:
            raise UserError("%s would be written over, which this command reads or writes for"
                            " something else; give another name." % path)
        taken.add(os.path.realpath(path))


def write(points, options):
    """Build the index and write its files; the description.

    The files appear when all of them are complete, and the index last: the candidates' name holds
    their digest, so that the index of before has its own until then.
    """
    before = candidates_of_file(options.output)
    with ExitStack() as stack:
        partial = stack.enter_context(aside(options.output))
        built = stack.enter_context(beside(options.output))
        build_aside = candidates_of(options, built)
        index = build(points, options.metric, options.algorithm, build_aside)
        if options.write_points:
            left_out = write_svmlight(stack.enter_context(aside(options.write_points)), index)
            if left_out:
                notice("%d points without entries, which cosine does not know, are not in %s"
                       % (left_out, options.write_points))
        description = save(index, partial)
        if build_aside:
            os.replace(built, candidates_path(options.output, description))
    if before and before != candidates_of_file(options.output):
        with suppress(OSError):
            os.remove(before)
    return description


def candidates_of_file(path: str):
    """The file beside an index that lies there already; None where there is none."""
    try:
        description = read_description(path)
    except (UserError, OSError):
        return None
    return candidates_path(path, description) if description and description.candidates else None


def candidates_of(options, path: str):
    """What builds the approximate index that the options ask for, in the file `path`."""
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

    def build_aside(X, metric, centre):
        return build_one(X, metric, centre, path), path

    return build_aside


if __name__ == "__main__":
    main()
