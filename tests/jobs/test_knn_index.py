"""Building an index from files of every kind, and what is refused."""

from __future__ import annotations

import gzip
import json
import os
import resource
import signal
import subprocess
import sys
from functools import partial

import numpy as np
import pytest
from generators import write_csv, write_jsonl, write_svmlight
from howdah.indexing.build import Points, transposed
from howdah.knn.index import load
from scripts import DIGITS, IRIS, REPOSITORY, WORDCOUNT, refused, succeed
from sklearn.datasets import load_digits, load_svmlight_file

SCRIPT = REPOSITORY / "jobs" / "knn_index.py"
VOCABULARY = REPOSITORY / "data" / "wordcount.vocabulary.txt"
X = np.array([[1.0, 2], [3, 4], [5, 6.5]])


def built(tmp_path, *args):
    """The index that the script writes."""
    path = str(tmp_path / "index.joblib")
    succeed("knn_index", *args, "-o", path)
    return load(path)


def test_digits_with_labels(tmp_path):
    path = str(tmp_path / "digits.joblib")
    ran = succeed("knn_index", DIGITS, "--label-column", "label", "-o", path)
    assert "1797 points, 64 columns, euclidean, brute, 10 classes" in ran.out
    assert "sha256 " in ran.out and "1797 rows used" in ran.err
    index = load(path)
    np.testing.assert_array_equal(index.points, load_digits().data)
    assert index.classes[index.codes].astype(int).tolist() == load_digits().target.tolist()


@pytest.mark.parametrize("write, name", [
    (write_csv, "x.csv"), (write_csv, "x.csv.gz"), (write_jsonl, "x.jsonl"),
    (write_svmlight, "x.svm"), (lambda path, X: write_csv(path, X, delimiter="\t"), "x.tsv"),
    (lambda path, X: write_csv(path, X, delimiter=" "), "x.txt")])
def test_every_format_gives_the_same_points(tmp_path, write, name):
    write(tmp_path / name, X)
    index = built(tmp_path, tmp_path / name)
    points = index.points if isinstance(index.points, np.ndarray) else index.points.toarray()
    np.testing.assert_array_equal(points, X)


def test_several_files_follow_each_other(tmp_path):
    for i, name in enumerate(("a.csv", "b.csv")):
        write_csv(tmp_path / name, X + i, header=["u", "v"])
    assert built(tmp_path, tmp_path / "a.csv", tmp_path / "b.csv").points.tolist() == [
        *X.tolist(), *(X + 1).tolist()]


def test_ids_labels_and_targets_from_columns(tmp_path):
    (tmp_path / "x.csv").write_text("name,u,kind,v,price\nann,1,10,2,0.5\nb\u00e9a,3,9,4,1e3\n")
    index = built(tmp_path, tmp_path / "x.csv", "--id-column", "name", "--label-column", "kind",
                  "--target-column", "price")
    assert index.points.tolist() == [[1, 2], [3, 4]]
    assert [name.decode() for name in index.ids] == ["ann", "b\u00e9a"]
    assert index.classes.tolist() == [b"9", b"10"] and index.codes.tolist() == [1, 0]
    assert index.targets.tolist() == [0.5, 1000]


def test_the_same_input_gives_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        succeed("knn_index", IRIS, "--label-column", "label", "-o", tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("algorithm, metric, expected", [
    ("auto", "euclidean", "kd_tree"), ("brute", "chebyshev", "brute"),
    ("ball_tree", "manhattan", "ball_tree"), ("auto", "cosine", "brute")])
def test_algorithms_and_metrics(tmp_path, algorithm, metric, expected):
    index = built(tmp_path, IRIS, "--ignore-columns", "label", "--algorithm", algorithm,
                  "--metric", metric)
    assert (index.description.algorithm, index.description.metric) == (expected, metric)


def test_transposed_sparse_columns_become_points(tmp_path):
    index = built(tmp_path, WORDCOUNT, "--transpose", "--metric", "cosine", "--ids-file",
                  VOCABULARY, "--write-points", tmp_path / "words.svm")
    X = load_svmlight_file(str(WORDCOUNT))[0].T.toarray()
    np.testing.assert_array_equal(index.points.toarray(), X)
    assert index.ids[0] == b"above" and index.description.n == 434
    first = (tmp_path / "words.svm").read_text().splitlines()[0]
    assert first == "above " + " ".join("%d:%r" % (j + 1, X[0, j].item())
                                        for j in np.flatnonzero(X[0]))
    again = built(tmp_path, tmp_path / "words.svm", "--id-column", "target")
    np.testing.assert_array_equal(again.points.toarray(), X)
    assert again.ids.tolist() == index.ids.tolist()


def test_transposed_dense_columns_keep_their_names():
    points = transposed(Points(X, {}, ["u", "v"]), 1)
    assert points.texts == {"id": ["u", "v"]} and points.X.tolist() == X.T.tolist()


def test_transposed_columns_without_names_are_numbered_as_in_the_file(tmp_path):
    write_svmlight(tmp_path / "x.svm", X)
    assert built(tmp_path, tmp_path / "x.svm", "--transpose").ids.tolist() == [b"1", b"2"]


@pytest.mark.needs("annoy")
@pytest.mark.needs("faiss")
@pytest.mark.parametrize("kind, option", [("annoy", "5"), ("faiss", "Flat")])
def test_approximate_indexes_lie_beside(tmp_path, kind, option):
    index = built(tmp_path, IRIS, "--ignore-columns", "label", "--" + kind, option)
    told = index.description.candidates
    beside = tmp_path / ("index.joblib.%s.%s" % (told["sha256"][:12], kind))
    assert told["kind"] == kind and told["bytes"] == beside.stat().st_size
    # another one takes the place of both, and one that fails changes nothing
    built(tmp_path, IRIS, "--ignore-columns", "label", "--metric", "cosine", "--" + kind, option)
    [other] = tmp_path.glob("index.joblib.*." + kind)
    held = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert other != beside and len(held) == 2
    refused("knn_index", IRIS, "--id-column", "0", "--" + kind, option, "-o",
            tmp_path / "index.joblib")
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == held


@pytest.mark.parametrize("args, message", [
    (["--metric", "cosine", "--algorithm", "kd_tree"], "kd_tree does not serve --metric cosine"),
    (["--annoy", "x"], "--annoy is 'x'; it must be a whole number"),
    (["--annoy", "\u00b2"], "--annoy is '\u00b2'; it must be a whole number"),
    (["--annoy", 2 ** 31], "--annoy is '2147483648'; it must be a whole number from 1 to"),
    (["--annoy", 3, "--annoy-search-k", 2 ** 31], "--annoy-search-k is 2147483648; it must be a"),
    (["--id-column", "\u00b2"], "--id-column is '\u00b2', but the input has no such column"),
    (["--ignore-columns", "9" * 5000], "but the input has no such column"),
    (["--annoy", "3", "--faiss", "Flat"], "--annoy and --faiss are two indexes"),
    (["--faiss", "Flat", "--algorithm", "ball_tree"], "--algorithm ball_tree is another index"),
    (["--weight-column", "0"], "k-NN uses no sample weights"),
    (["--ids-file", VOCABULARY], "There are 434 ids for 150 points"),
    (["--id-column", "0"], "The id '4.6' stands at row 4 and again at row 7; ids must differ"),
    (["--label-column", "nothing"], "--label-column is 'nothing', but the input has no such"),
])
def test_what_cannot_be_built(tmp_path, args, message):
    path = tmp_path / "index.joblib"
    assert message in refused("knn_index", IRIS, "-o", path, *args)
    assert not path.exists()


@pytest.mark.parametrize("args, message", [
    (["--algorithm", "ball_tree"], "ball_tree does not serve sparse points"),
    (["--metric", "chebyshev"], "--metric chebyshev does not serve sparse points; use one of"),
    (["--faiss", "Flat"], "Annoy and FAISS need dense points"),
])
def test_what_sparse_points_cannot_be(tmp_path, args, message):
    assert message in refused("knn_index", WORDCOUNT, "-o", tmp_path / "i", *args)


@pytest.mark.parametrize("text, message", [
    ("1,2\n3,x\n4,5\n6,7\n", "line 2: column '1' is 'x', not a number"),
    ("1,2\n3\n4,5\n", "line 2: 1 fields, expected 2"),
    ("1,2\n3,1e200\n", "line 2: a value is too large for distances (at most 1e+150)"),
    ("", "is empty; give an input with at least one row"),
])
def test_bad_input(tmp_path, text, message):
    (tmp_path / "x.csv").write_text(text)
    assert message in refused("knn_index", tmp_path / "x.csv", "-o", tmp_path / "i")
    assert not (tmp_path / "i").exists()


def test_rows_of_zeros_have_no_cosine(tmp_path):
    (tmp_path / "x.csv").write_text("1,2\n0,0\n3,4\n")
    assert "line 2: all values are zero" in refused(
        "knn_index", tmp_path / "x.csv", "-o", tmp_path / "i", "--metric", "cosine")
    index = built(tmp_path, tmp_path / "x.csv", "--metric", "cosine", "--bad-rows", "skip")
    assert index.points.tolist() == [[1, 2], [3, 4]]


def test_a_target_that_is_no_number(tmp_path):
    (tmp_path / "x.csv").write_text("u,v,t\n1,2,3\n3,4,high\n")
    assert "The target of row 2 is 'high', not a number" in refused(
        "knn_index", tmp_path / "x.csv", "-o", tmp_path / "i", "--target-column", "t")


# what a build leaves that did not come to its end

def everything(folder) -> dict:
    """The files of a folder and all below it, with their bytes; None for a folder."""
    return {path: None if path.is_dir() else path.read_bytes() for path in folder.rglob("*")}


def pairs(path, seed: int = 0):
    """A file of 40 points with ids."""
    rows = np.random.default_rng(seed).normal(size=(40, 3))
    path.write_text("id,x,y,z\n" + "".join(
        "p%d,%s\n" % (i, ",".join(map(repr, row))) for i, row in enumerate(rows.tolist())))
    return path


KINDS = [pytest.param(["--faiss", "Flat"], marks=pytest.mark.needs("faiss")),
         pytest.param(["--annoy", "5"], marks=pytest.mark.needs("annoy")), []]
FAILURES = {
    "an id twice": ("id,kind,u,v\na,x,1,2\na,y,3,4\n", [], "ids must differ"),
    "an empty id": ("id,kind,u,v\n,x,1,2\na,y,3,4\n", [], "is empty or holds control"),
    "too few ids": ("u,v\n1,2\n3,4\n", ["--ids-file", "{one}"], "1 ids for 2 points"),
    "a target that is no number": ("id,t,u,v\na,x,1,2\nb,1,3,4\n", ["--target-column", "t"],
                                   "The target of row 1 is 'x'"),
    "a bad row": ("u,v\n1,2\n3,4\n5,x\n", [], "line 4"),
    "a point that is too far": ("u,v\n1,2\n3,1e200\n", [], "at most 1e+150"),
}


@pytest.mark.parametrize("kind", KINDS[::2])
@pytest.mark.parametrize("what", FAILURES)
def test_a_build_that_fails_changes_nothing(tmp_path, kind, what):
    text, options, sentence = FAILURES[what]
    work = tmp_path / "work"
    work.mkdir()
    (work / "one").write_text("one\n")
    (work / "x.csv").write_text(text)
    places = ["-o", work / "i", "--write-points", work / "points"]
    succeed("knn_index", pairs(work / "good.csv"), "--id-column", "id", *kind, *places)
    before = everything(work)
    ids = ["--id-column", "id"] if text.startswith("id") else []
    ignored = ["--ignore-columns", "kind"] if "kind" in text else []
    wrong = [work / "x.csv", *ids, *ignored, *(o.format(one=work / "one") for o in options), *kind]
    assert sentence in refused("knn_index", *wrong, *places)
    assert sentence in refused("knn_index", *wrong, "-o", work / "new" / "sub" / "i",
                               "--write-points", work / "other" / "points")
    assert everything(work) == before


@pytest.mark.needs("annoy")
@pytest.mark.needs("faiss")
@pytest.mark.parametrize("args, sentence", [
    (["--faiss", "Nonsense"], "FAISS cannot build 'Nonsense'"),
    (["--faiss", "Flat", "--metric", "manhattan"], "not with the metric manhattan"),
    (["--annoy", "3", "--metric", "chebyshev"], "Annoy has no metric chebyshev"),
    (["--faiss", "IVF2,Flat", "--faiss-parameters", ",".join(["nprobe=1"] * 150)],
     "shorten the FAISS options"),
])
def test_an_approximate_index_that_cannot_be_built_changes_nothing(tmp_path, args, sentence):
    pairs(tmp_path / "x.csv")
    before = everything(tmp_path)
    assert sentence in refused("knn_index", tmp_path / "x.csv", "--id-column", "id", *args, "-o",
                               tmp_path / "new" / "i", "--write-points", tmp_path / "points")
    assert everything(tmp_path) == before


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_full_disk_changes_nothing(tmp_path, kind):
    write_csv(tmp_path / "x.csv", np.random.default_rng(0).random((5000, 4)))
    for name in ("i", "i.annoy", "i.faiss"):
        (tmp_path / name).write_text("old")
    before = everything(tmp_path)
    limit = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (1 << 14, 1 << 14))
    ran = subprocess.run([sys.executable, SCRIPT, tmp_path / "x.csv", *kind, "-o", tmp_path / "i"],
                         text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                         preexec_fn=limit)
    assert ran.returncode == 1 and "Traceback" not in ran.stderr
    assert "error: The index %s cannot be written (" % (tmp_path / "i") in ran.stderr
    assert "File too large" in ran.stderr and everything(tmp_path) == before


KILLED = """
import os, signal, sys
import knn_index
replace = os.replace
left = [int(sys.argv.pop(1))]
def replace_or_die(*args):
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    left[0] -= 1
    replace(*args)
os.replace = replace_or_die
knn_index.main()
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS[:2])
@pytest.mark.parametrize("renamed", [0, 1])
def test_a_build_that_is_killed_leaves_no_pair_that_answers_wrongly(tmp_path, kind, renamed):
    """Killed before a file takes its place: the old index answers, whose own file is there."""
    old, new = pairs(tmp_path / "old.csv"), pairs(tmp_path / "new.csv", 1)
    args = ["--id-column", "id", *kind, "-o", str(tmp_path / "i")]
    succeed("knn_index", old, *args)
    ran = subprocess.run([sys.executable, "-c", KILLED, str(renamed), str(new), *args])
    assert ran.returncode == -signal.SIGKILL
    queries = [old, "--id-column", "id", "--index", tmp_path / "i", "-n", 1]
    assert all(row["neighbors"] == [[row["id"], 0]] for row in succeed("knn", *queries).rows())


def test_nothing_is_written_through_a_name_that_is_there(tmp_path):
    pairs(tmp_path / "x.csv")
    for name in ("i", "i.partial", "points"):
        (tmp_path / ("of " + name)).write_text("precious")
        os.symlink("of " + name, tmp_path / name)
    succeed("knn_index", tmp_path / "x.csv", "--id-column", "id", "-o", tmp_path / "i",
            "--write-points", tmp_path / "points")
    assert {path.read_text() for path in tmp_path.glob("of *")} == {"precious"}
    assert load(str(tmp_path / "i")).description.n == 40


@pytest.mark.parametrize("place", ["hdfs:///i", "{folder}", "{folder}/new/", "", "/dev/null",
                                   "{folder}/x.csv", "{folder}/link", "{folder}/ids"])
@pytest.mark.parametrize("option", ["-o", "--write-points"])
def test_places_that_hold_no_file_of_this_build(tmp_path, option, place):
    pairs(tmp_path / "x.csv")
    (tmp_path / "ids").write_text("".join("%d\n" % i for i in range(40)))
    os.symlink("x.csv", tmp_path / "link")
    before = everything(tmp_path)
    other = ["-o", tmp_path / "i"] if option == "--write-points" else []
    message = refused("knn_index", tmp_path / "x.csv", "--ignore-columns", "id", "--ids-file",
                      tmp_path / "ids", *other, option, place.format(folder=tmp_path))
    assert place.format(folder=tmp_path) in message and everything(tmp_path) == before


def test_two_files_of_one_name(tmp_path):
    pairs(tmp_path / "x.csv")
    args = (tmp_path / "x.csv", "--id-column", "id", "-o", tmp_path / "i", "--write-points")
    assert "i would be written over" in refused("knn_index", *args, tmp_path / "." / "i")


@pytest.mark.parametrize("name", ["New York", "a#b", "a:b"])
def test_an_id_that_svmlight_cannot_hold(tmp_path, name):
    (tmp_path / "x.csv").write_text("id,x,y\na,1,2\n%s,3,4\n" % name)
    args = (tmp_path / "x.csv", "--id-column", "id", "-o", tmp_path / "i")
    assert refused("knn_index", *args, "--write-points", tmp_path / "points") == (
        "The id %r cannot be the target of an svmlight row: it holds a blank, a # or a colon; leave"
        " out --write-points, or name other ids." % name)
    assert [path.name for path in tmp_path.iterdir()] == ["x.csv"]
    succeed("knn_index", *args)


def test_a_missing_input(tmp_path):
    assert "none.csv does not exist" in refused("knn_index", tmp_path / "none.csv", "-o", "i")


@pytest.mark.slow
def test_the_script_runs_by_itself(tmp_path):
    with gzip.open(tmp_path / "x.csv.gz", "wt") as file:
        file.write("1,2\n3,4\n")
    ran = subprocess.run([sys.executable, SCRIPT, tmp_path / "x.csv.gz", "-o", tmp_path / "i"],
                         capture_output=True)
    assert ran.returncode == 0, ran.stderr
    tail = (tmp_path / "i").read_bytes()
    assert json.loads(tail[-16 - int.from_bytes(tail[-16:-8], "little"):-16])["n"] == 2
