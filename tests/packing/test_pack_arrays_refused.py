"""Files of arrays that cannot be packed, what is left, and memory."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
import time
from functools import partial

import numpy as np
import pytest
from array_files import SMALL, X, array_of, needs_pyarrow, npy, parquet, refusal, vecs
from bench.harness import run as measure
from packed import pack
from scripts import REPOSITORY, refused

PACK = REPOSITORY / "jobs" / "pack.py"
# What a large file may take beyond what a small one takes.
MOST_MB = 40
# A shell's background processes ignore it, and so would what they start.
DEFAULT_SIGINT = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)


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


@pytest.mark.slow
@pytest.mark.parametrize("order", ["C", "F"])
def test_memory_does_not_grow_with_an_array(tmp_path, order):
    small = npy(tmp_path / "small.npy", np.zeros((1000, 128), order=order))
    large = npy(tmp_path / "large.npy", np.zeros((200_000, 128), order=order))  # 205 MB
    assert peak_mb(large, tmp_path / "b") < peak_mb(small, tmp_path / "a") + MOST_MB


@pytest.mark.slow
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
