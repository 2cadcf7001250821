"""Files of arrays to packed blocks: what is read, what is refused, and in how much memory."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
import time
from decimal import Decimal
from functools import partial

import numpy as np
import pytest
from bench.harness import run as measure
from generators import blobs, write_csv
from packed import columns, lines, pack, points
from scripts import REPOSITORY, refused, run, succeed

PACK = REPOSITORY / "jobs" / "pack.py"
X = blobs(9000, 3, 4, seed=3)
SMALL = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
# What a large file may take beyond what a small one takes.
MOST_MB = 40
# A shell's background processes ignore it, and so would what they start.
DEFAULT_SIGINT = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)

needs_pyarrow = pytest.mark.needs("pyarrow")


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def npy(path, array):
    np.save(path, np.asarray(array))
    return path


def vecs(path, array, kind):
    """The TEXMEX formats."""
    rows = np.empty(len(array), [("d", "<i4"), ("v", kind, (array.shape[1],))])
    rows["d"], rows["v"] = array.shape[1], array
    rows.tofile(path)
    return path


def parquet(path, names, *arrays, **options):
    """A table of these columns: pyarrow's arrays, or what becomes one."""
    import pyarrow
    from pyarrow.parquet import write_table

    held = [a if isinstance(a, pyarrow.Array) else pyarrow.array(a) for a in arrays]
    write_table(pyarrow.Table.from_arrays(held, list(names)), path, **options)
    return path


def array_of(values, kind: str, width: int = -1):
    """Values as pyarrow's list, large_list, or list of fixed size, of that many float32."""
    import pyarrow

    make = pyarrow.large_list if kind == "large_list" else pyarrow.list_
    fixed = (width,) if kind == "fixed_size_list" else ()
    return pyarrow.array(values, make(pyarrow.float32(), *fixed))


def refusal(out, *args) -> str:
    """The sentence of a pack.py that must leave nothing."""
    sentence = refused("pack", *args, "--output-dir", out)
    assert not out.exists()
    return sentence


# arrays

def test_empty_input(tmp_path, out):
    """Files without rows are passed over, as empty files of text are."""
    empty = [npy(tmp_path / "a.npy", np.zeros((0, 3))), tmp_path / "b.fvecs"]
    empty[1].write_bytes(b"")
    assert refusal(out, *empty) == (
        "The input %s, %s is empty; give an input with at least one row." % tuple(empty))
    succeed("pack", *empty, npy(tmp_path / "c.npy", SMALL), "--output-dir", out)
    assert (points(out).X == SMALL).all()


@pytest.mark.parametrize("kind", ["<f4", "<f8", ">f8", "<f2", "u1", "<i8", "<u4", "?"])
def test_npy_of_every_numeric_type(tmp_path, out, kind):
    array = (np.abs(X) / 8).astype(kind)
    rows = points(pack(npy(tmp_path / "x.npy", array), out)).X
    assert (rows == array).all()
    assert rows.dtype == ("float64" if array.dtype.itemsize == 8 and array.dtype.kind == "f"
                          else "float32")
    assert columns(out) == ["0", "1", "2"]
    assert sorted(path.name for path in out.iterdir()) == ["_SUCCESS", "part-00000"]


def test_npy_in_fortran_order_and_of_every_version(tmp_path, out):
    for version in ((1, 0), (2, 0), (3, 0)):
        with open(tmp_path / ("%d.npy" % version[0]), "wb") as file:
            np.lib.format.write_array(file, np.asfortranarray(X), version)
        packed = pack(tmp_path / ("%d.npy" % version[0]), out / str(version[0]))
        assert (points(packed).X == X).all()


def test_npy_has_the_blocks_and_the_answers_of_its_text(tmp_path, out):
    write_csv(tmp_path / "x.csv", X)
    write_csv(tmp_path / "c.csv", X[:4])
    pack(npy(tmp_path / "x.npy", X), out)
    assert lines(out) == lines(pack(tmp_path / "x.csv", tmp_path / "text"))
    for args in (["kmeans_round", out, "--centroids", tmp_path / "c.csv"],
                 ["kmeans_sample", out, "-k", 4, "--sample-size", 40]):
        text = [tmp_path / "x.csv" if arg == out else arg for arg in args]
        assert succeed(*args).out == succeed(*text).out


def test_columns_by_number(tmp_path, out):
    """As in text without a header."""
    array = np.array([[7, 1, 2, 9], [8, 3, 4, 9]])
    pack(npy(tmp_path / "x.npy", array), out, "--id-column", 0, "--weight-column", -1,
         "--ignore-columns", 2)
    rows = points(out)
    assert (rows.X.tolist(), rows.weights.tolist()) == ([[1], [3]], [9, 9])  # type: ignore
    assert rows.texts == {"id": ["7", "8"]} and columns(out) == ["1"]


@pytest.mark.parametrize("ending, kind", [(".fvecs", "<f4"), (".bvecs", "u1")])
def test_texmex_vectors(tmp_path, out, ending, kind):
    array = (np.abs(X) * 9).astype(kind)
    rows = points(pack(vecs(tmp_path / ("x" + ending), array, kind), out)).X
    assert (rows == array).all() and rows.dtype == np.float32


def test_dtype(tmp_path, out):
    source = npy(tmp_path / "x.npy", X)
    assert (points(pack(source, out, "--dtype", "float32")).X == X.astype(np.float32)).all()
    small = npy(tmp_path / "small.npy", SMALL)
    assert points(pack(small, tmp_path / "wide", "--dtype", "float64")).X.dtype == np.float64
    assert refusal(tmp_path / "none", npy(tmp_path / "far.npy", [[1.0, 1e39]]), "--dtype",
                   "float32") == (
        "%s: The value 1e+39 is beyond the range of float32 (3.4e38); pack with --dtype float64 or"
        " exact." % (tmp_path / "far.npy"))


def test_several_files_folders_and_globs(tmp_path, out):
    folder = tmp_path / "in"
    folder.mkdir()
    npy(folder / "b.npy", SMALL)
    vecs(folder / "a.fvecs", SMALL + 10, "<f4")
    (folder / "_SUCCESS").write_bytes(b"")
    expected = np.concatenate([SMALL + 10, SMALL]).tolist()
    for i, source in enumerate((folder, folder / "*", "file://%s" % folder)):
        assert points(pack(source, out / str(i))).X.tolist() == expected


# Parquet

@needs_pyarrow
def test_parquet_has_the_answers_of_its_text(tmp_path, out):
    names = ["p\u00fc%d" % i for i in range(len(X))]
    weights = 1 + np.arange(len(X)) % 4
    parquet(tmp_path / "x.parquet", ("name", "x", "w", "y", "class", "z"), names, X[:, 0], weights,
            X[:, 1], ["a"] * len(X), X[:, 2], row_group_size=1000)
    pack(tmp_path / "x.parquet", out, "--id-column", "name", "--weight-column", "w",
         "--ignore-columns", "class")
    rows = points(out)
    assert (rows.X == X).all() and (rows.weights == weights).all() and rows.texts["id"] == names
    assert columns(out) == ["x", "y", "z"]
    write_csv(tmp_path / "x.csv", np.column_stack([X, weights]), header=["x", "y", "z", "w"])
    write_csv(tmp_path / "c.csv", X[:4])
    args = ("--centroids", tmp_path / "c.csv")
    assert succeed("kmeans_round", out, *args).out == succeed(
        "kmeans_round", tmp_path / "x.csv", "--weight-column", "w", *args).out


@needs_pyarrow
def test_parquet_embeddings_are_searched_as_their_text(tmp_path, out):
    write_csv(tmp_path / "x.csv", np.round(X[:60], 2).astype(np.float32))
    vectors = np.loadtxt(tmp_path / "x.csv", delimiter=",", dtype=np.float32)
    parquet(tmp_path / "x.parquet", ("vector",), array_of(vectors.tolist(), "list"))
    pack(tmp_path / "x.parquet", out)
    write_csv(tmp_path / "same.csv", vectors.astype(np.float64))
    succeed("knn_index", out, "-o", tmp_path / "a")
    succeed("knn_index", tmp_path / "same.csv", "-o", tmp_path / "b")
    assert succeed("knn", out, "-n", 3, "--index", tmp_path / "a").out == succeed(
        "knn", tmp_path / "same.csv", "-n", 3, "--index", tmp_path / "b").out


@needs_pyarrow
@pytest.mark.parametrize("kind", ["list", "large_list", "fixed_size_list"])
def test_parquet_lists(tmp_path, out, kind):
    """Beside numbers, over several row groups and pieces."""
    vectors = X.astype(np.float32)
    parquet(tmp_path / "x.parquet", ("e", "n"), array_of(vectors.tolist(), kind, 3),
            np.arange(len(X)), row_group_size=2500)
    rows = points(pack(tmp_path / "x.parquet", out)).X
    assert (rows == np.column_stack([vectors, np.arange(len(X))])).all()
    assert columns(out) == ["e_0", "e_1", "e_2", "n"]


@needs_pyarrow
@pytest.mark.parametrize("kind", ["list", "large_list", "fixed_size_list"])
def test_parquet_missing_lists_and_values_are_bad_rows(tmp_path, out, kind):
    missing = [None, None] if kind == "fixed_size_list" else None
    vectors = [missing, [1.0, 2.0], [3.0, None], [5.0, 6.0], [np.nan, 1.0], missing]
    path = parquet(tmp_path / "x.parquet", ("e", "id"), array_of(vectors, kind, 2), "abcdef")
    message = "%s, row 1: column 'e_0' is missing or NaN; correct it, or give --bad-rows skip."
    assert refusal(out, path, "--id-column", "id") == message % path
    ran = succeed("pack", path, "--id-column", "id", "--bad-rows", "skip", "--output-dir", out)
    assert "6 lines read: 2 rows used, 4 bad rows skipped" in ran.err
    assert points(out).X.tolist() == [[1, 2], [5, 6]] and points(out).texts["id"] == ["b", "d"]


@needs_pyarrow
def test_parquet_missing_lists_of_fixed_size(tmp_path, out):
    """pyarrow cannot read them up to version 21 at least: then the file is refused."""
    path = parquet(tmp_path / "x.parquet", ("e",), array_of([[1, 2], None], "fixed_size_list", 2))
    ran = run("pack", path, "--bad-rows", "skip", "--output-dir", out)
    if "%s cannot be read (Expected all lists to be of size=2" % path in ran.err:
        assert ran.code == 2 and not out.exists()
    else:
        assert "1 rows used, 1 bad rows skipped" in ran.err and points(out).X.tolist() == [[1, 2]]


@needs_pyarrow
def test_parquet_types_of_numbers(tmp_path, out):
    import pyarrow

    parquet(tmp_path / "x.parquet", "abcdef", pyarrow.array([True, False]),
            pyarrow.array([2 ** 63 + 5, 1], pyarrow.uint64()),
            pyarrow.array([Decimal("1.25"), Decimal("-2.50")]),
            pyarrow.array(np.float16([0.5, 2])), pyarrow.array([-3, 4], pyarrow.int8()),
            pyarrow.array([5, 6]).dictionary_encode())
    assert points(pack(tmp_path / "x.parquet", out)).X.tolist() == [
        [1, 2.0 ** 63, 1.25, 0.5, -3, 5], [0, 1, -2.5, 2, 4, 6]]


@needs_pyarrow
@pytest.mark.parametrize("make, expected", [
    (lambda pa: pa.array(["\u00fc", "b\tc"]).dictionary_encode(), ["\u00fc", "b\tc"]),
    (lambda pa: pa.array([7, 8]), ["7", "8"]),
    (lambda pa: pa.array(["", "x"], pa.large_string()), ["", "x"]),
    (lambda pa: pa.array([b"a", b"b"]), ["a", "b"])])
def test_parquet_ids(tmp_path, out, make, expected):
    import pyarrow

    path = parquet(tmp_path / "x.parquet", ("id", "x"), make(pyarrow), [1.0, 2.0])
    assert points(pack(path, out, "--id-column", "id")).texts == {"id": expected}


@needs_pyarrow
def test_parquet_without_rows(tmp_path, out):
    empty = parquet(tmp_path / "a.parquet", ("x", "y"), np.zeros(0), np.zeros(0))
    assert refusal(out, empty) == (
        "The input %s is empty; give an input with at least one row." % empty)


# bad rows

BAD = {
    "nan": ([[1, 2], [3, np.nan]], "column '1' is missing or NaN"),
    "infinity": ([[1, 2], [-np.inf, 3]],
                 "column '0' is infinite or too large (-inf; at most 1e300)"),
    "too large": ([[1, 2], [3, 2e300]],
                  "column '1' is infinite or too large (2e+300; at most 1e300)"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_rows(tmp_path, out, kind):
    """The place counts within the file, whatever was read before."""
    array, reason = BAD[kind]
    good = npy(tmp_path / "a.npy", X[:, :2])
    bad = npy(tmp_path / "b.npy", np.concatenate([X[:8500, :2], array]))
    assert refusal(out, good, bad) == (
        "%s, row 8502: %s; correct it, or give --bad-rows skip." % (bad, reason))
    ran = succeed("pack", good, bad, "--bad-rows", "skip", "--output-dir", out)
    assert ran.err == ("1 parts in %s\n17502 lines read: 17501 rows used, 1 bad rows skipped,"
                       " 0 empty lines, 0 header lines\n" % out)
    assert (points(out).X == np.concatenate([X[:, :2], X[:8500, :2], [[1, 2]]])).all()


@pytest.mark.parametrize("weight, reason", [
    (-1.0, "the weight is negative (-1.0)"), (np.nan, "the weight is missing or NaN"),
    (np.inf, "the weight is infinite or too large (inf; at most 1e300)")])
def test_bad_weights(tmp_path, out, weight, reason):
    path = npy(tmp_path / "x.npy", [[1, 2, 0], [3, 4, weight]])
    assert refusal(out, path, "--weight-column", -1) == (
        "%s, row 2: %s; correct it, or give --bad-rows skip." % (path, reason))
    succeed("pack", path, "--weight-column", -1, "--bad-rows", "skip", "--output-dir", out)
    assert points(out).weights.tolist() == [0]  # type: ignore


@needs_pyarrow
@pytest.mark.parametrize("name", [None, "two\nlines", "two\rlines"])
def test_bad_ids(tmp_path, out, name):
    path = parquet(tmp_path / "x.parquet", ("id", "x"), ["a", name], [1, 2])
    assert refusal(out, path, "--id-column", "id") == (
        "%s, row 2: the id is missing or holds a line break; correct it, or give --bad-rows skip."
        % path)


def test_no_row_can_be_used(tmp_path, out):
    path = npy(tmp_path / "x.npy", [[np.nan]])
    assert refusal(out, path, "--bad-rows", "skip") == (
        "No row of the input can be used (1 lines read: 0 rows used, 1 bad rows skipped, 0 empty"
        " lines, 0 header lines).")


# refusals

@pytest.mark.parametrize("array, reason", [
    (np.zeros(3), "holds an array of shape (3,) and type float64; it must be two-dimensional and"
                  " numeric."),
    (np.array([["a", "b"]]), "holds an array of shape (1, 2) and type <U1; it must be"
                             " two-dimensional and numeric."),
    (np.zeros((2, 2), complex), "holds an array of shape (2, 2) and type complex128; it must be"
                                " two-dimensional and numeric."),
    (np.zeros((3, 0)), "has no numeric column left to work on (its columns: ); name fewer in"
                       " --ignore-columns.")])
def test_arrays_of_other_kinds(tmp_path, out, array, reason):
    path = npy(tmp_path / "x.npy", array)
    assert refusal(out, path) == "%s %s" % (path, reason)


def test_damaged_arrays(tmp_path, out):
    whole = npy(tmp_path / "x.npy", SMALL).read_bytes()
    path = tmp_path / "y.npy"
    for data in (b"", b"1,2,3\n", whole[:50], whole[:-1], b"PK\3\4" + whole):
        path.write_bytes(data)
        sentence = refusal(out, path)
        assert sentence.startswith("%s is no array that can be packed (" % path)
    np.save(path, np.array([[None]]), allow_pickle=True)
    assert refusal(out, path) == ("%s is no array that can be packed (Array can't be memory-mapped:"
                                  " Python objects in dtype.)." % path)


def test_damaged_vectors(tmp_path, out):
    path = vecs(tmp_path / "x.fvecs", SMALL, "<f4")
    whole = path.read_bytes()
    for data, reason in (
            (whole[:-1], "31 bytes are no whole number of rows of dimension 3."),
            (b"1,2,3,4,5\n", "10 bytes are no whole number of rows of dimension 741485617."),
            (b"\0" * 32, "32 bytes are no whole number of rows of dimension 0."),
            (b"\xff" * 32, "32 bytes are no whole number of rows of dimension -1."),
            (b"\3", "1 bytes are no whole number of rows of dimension 3.")):
        path.write_bytes(data)
        assert refusal(out, path) == "%s is no .fvecs file: %s" % (path, reason)
    path.write_bytes(whole[:16] + b"\4" + whole[17:])
    assert refusal(out, path) == "%s, row 2 has dimension 4, but the first has 3." % path


@needs_pyarrow
def test_damaged_parquet(tmp_path, out):
    """Wherever the damage is, the pages that were read before it leave nothing."""
    path = parquet(tmp_path / "x.parquet", ("x", "y"), X[:, 0], X[:, 1], row_group_size=1000,
                   compression="none", use_dictionary=False)
    whole = path.read_bytes()
    middle = len(whole) // 2 // 8 * 8
    for data in (b"", b"x,y\n1,2\n", whole[:-20], whole[:5000],
                 whole[:4] + b"\xff" * 100 + whole[104:]):
        path.write_bytes(data)
        sentence = refusal(out, path)
        assert sentence.startswith("%s cannot be read (" % path) and sentence.endswith(").")
        assert "\n" not in sentence
    path.write_bytes(whole[:middle] + b"\xff" * 9000 + whole[middle + 9000:])
    assert refusal(out, path).startswith(str(path))


@needs_pyarrow
@pytest.mark.parametrize("names, arrays, reason", [
    (("name", "x"), (["a"], [1.0]),
     "Column 'name' of {path} holds string, not numbers; name it in --id-column name if it"
     " identifies the row, or in --ignore-columns name to leave it out."),
    (("x",), ([["a"]],),
     "Column 'x' of {path} holds list<element: string>, not numbers; name it in --id-column x if it"
     " identifies the row, or in --ignore-columns x to leave it out."),
    (("x", "y", "x"), ([1], [2], [3]), "{path} has 2 columns called 'x'; rename them."),
    (("e",), ([[1.0, 2.0], [3.0], [4.0, 5.0]],),
     "{path}, row 2: column 'e' holds a list of 1 values, but the first has 2."),
    (("e", "x"), ([[], []], [1.0, 2.0]),
     "Column 'e' of {path} holds no values in its first 2 rows; name it in --ignore-columns e to"
     " leave it out."),
])
def test_parquet_that_cannot_be_packed(tmp_path, out, names, arrays, reason):
    if arrays[0] == [[], []]:
        arrays = (array_of(arrays[0], "list"), *arrays[1:])
    path = parquet(tmp_path / "x.parquet", names, *arrays)
    assert refusal(out, path) == reason.format(path=path)


@needs_pyarrow
def test_parquet_without_a_numeric_column(tmp_path, out):
    path = parquet(tmp_path / "x.parquet", ("name", "x"), ["a"], [1.0])
    assert refusal(out, path, "--id-column", "name", "--ignore-columns", "x") == (
        "%s has no numeric column left to work on (its columns: name, x); name fewer in"
        " --ignore-columns." % path)


@needs_pyarrow
def test_parquet_lists_that_are_ragged_late_or_missing(tmp_path, out):
    vectors = [[1.0, 2.0]] * 70_000 + [[3.0]]
    path = parquet(tmp_path / "x.parquet", ("e",), array_of(vectors, "list"))
    assert refusal(out, path, "--bad-rows", "skip") == (
        "%s, row 70001: column 'e' holds a list of 1 values, but the first has 2." % path)
    parquet(path, ("e", "x"), array_of([None] * 300, "list"), np.arange(300))
    assert refusal(out, path) == (
        "Column 'e' of %s holds no values in its first 256 rows; name it in --ignore-columns e to"
        " leave it out." % path)


@needs_pyarrow
def test_unknown_columns(tmp_path, out):
    for path in (parquet(tmp_path / "x.parquet", "01", [1], [2]),
                 npy(tmp_path / "x.npy", [[1, 2]])):
        assert refusal(out, path, "--id-column", "name") == (
            "--id-column is 'name', but the input has no such column; it has: 0, 1.")
        assert refusal(out, path, "--ignore-columns", 2) == (
            "--ignore-columns is 2, but the input has the columns 0 to 1.")


def test_files_of_different_columns(tmp_path, out):
    a, b = npy(tmp_path / "a.npy", SMALL), npy(tmp_path / "b.npy", SMALL[:, :2])
    assert refusal(out, a, b) == (
        "%s has 2 columns (0, 1), but %s has 3 (0, 1, 2); pack them apart." % (b, a))


@needs_pyarrow
def test_files_of_other_names(tmp_path, out):
    a, b = (parquet(tmp_path / name, names, [1], [2])
            for name, names in (("a.parquet", "xy"), ("b.parquet", "yx")))
    assert refusal(out, a, b) == (
        "%s has 2 columns (y, x), but %s has 2 (x, y); pack them apart." % (b, a))


def test_text_beside_arrays_and_files_elsewhere(tmp_path, out):
    array = npy(tmp_path / "x.npy", SMALL)
    (tmp_path / "x.csv").write_text("1,2\n")
    assert refusal(out, array, tmp_path / "x.csv") == (
        "%s is no file of arrays, but %s is; pack them in calls of their own."
        % (tmp_path / "x.csv", array))
    for uri in ("hdfs:///x.npy", "s3://bucket/x.parquet"):
        assert refusal(out, array, uri) == (
            "%s cannot be packed where it is: files of arrays are read from this machine only; copy"
            " it here first." % uri)
    assert refusal(out, array, tmp_path / "none.npy") == (
        "The input %s does not exist." % (tmp_path / "none.npy"))
    assert refused("pack", array) == (
        "Files of arrays are packed by this process: leave out -r, give a local --output-dir, and"
        " copy it to the cluster then.")


# the output folder

def test_an_output_folder_must_be_new_or_empty(tmp_path, out):
    good, bad = npy(tmp_path / "x.npy", SMALL), npy(tmp_path / "y.npy", [[np.nan]])
    out.mkdir()
    pack(good, out)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    for source in (good, bad):
        assert refused("pack", source, "--output-dir", out) == (
            "The output folder %s exists already; give another --output-dir or remove it." % out)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def begun(path, out) -> subprocess.Popen:
    """A pack.py that has written something."""
    process = subprocess.Popen([sys.executable, PACK, path, "--output-dir", out],
                               stderr=subprocess.PIPE, text=True, preexec_fn=DEFAULT_SIGINT)
    while process.poll() is None and not any(
            part.stat().st_size for part in (out / "_temporary").glob("part-*")):
        time.sleep(0.01)
    return process


def test_an_interrupted_run_leaves_nothing(tmp_path, out):
    process = begun(npy(tmp_path / "x.npy", np.zeros((400_000, 64))), out)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=60)[1] == "interrupted\n" and process.returncode == 130
    assert not out.exists()


def test_a_killed_run_leaves_no_data(tmp_path, out):
    """No job takes what it had written for an input."""
    process = begun(npy(tmp_path / "x.npy", np.zeros((400_000, 64))), out)
    process.kill()
    process.communicate(timeout=60)
    assert [path.name for path in out.iterdir()] == ["_temporary"]
    assert refused("kmeans_sample", out, "-k", 2) == (
        "The input folder %s holds no files (names that begin with _ or . do not count)." % out)


def test_a_full_disk_leaves_nothing(tmp_path, out):
    path = npy(tmp_path / "x.npy", np.zeros((50_000, 64)))
    limit = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
    ran = subprocess.run([sys.executable, PACK, path, "--output-dir", out], text=True,
                         stderr=subprocess.PIPE, preexec_fn=limit)
    assert (ran.returncode, ran.stderr) == (
        1, "error: The blocks cannot be written to %s ([Errno 27] File too large).\n" % out)
    assert not out.exists()


# memory

def peak_mb(path, out, *args) -> float:
    ran = measure([sys.executable, PACK, path, "--output-dir", out, *args],
                  out.with_suffix(".log"), 120)
    assert ran.code == 0, ran.tail()
    return ran.peak_mb


@pytest.mark.parametrize("order", ["C", "F"])
def test_memory_does_not_grow_with_an_array(tmp_path, order):
    small = npy(tmp_path / "small.npy", np.zeros((1000, 128), order=order))
    large = npy(tmp_path / "large.npy", np.zeros((200_000, 128), order=order))  # 205 MB
    assert peak_mb(large, tmp_path / "b") < peak_mb(small, tmp_path / "a") + MOST_MB


@needs_pyarrow
def test_memory_does_not_grow_with_a_table(tmp_path):
    """Nor with its row groups, here of 51 MB."""
    import pyarrow

    vectors = np.random.default_rng(0).random((200_000, 128), dtype=np.float32)
    table = pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(vectors.ravel()), 128)
    small = parquet(tmp_path / "small.parquet", ("e",), table.slice(0, 1000))
    large = parquet(tmp_path / "large.parquet", ("e",), table, row_group_size=100_000,
                    compression="none", use_dictionary=False)
    assert peak_mb(large, tmp_path / "b") < peak_mb(small, tmp_path / "a") + MOST_MB
