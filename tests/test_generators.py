"""The generators make what their docstrings promise, and the writers lose nothing."""

from __future__ import annotations

import csv
import json
import sys

import generators
import numpy as np
import pytest
from generators import blobs, centres, copies, heavy, integer_grid
from scipy.spatial.distance import cdist, pdist
from sklearn.datasets import load_svmlight_file


@pytest.mark.parametrize("k, d", [(50, 16), (1000, 16), (50, 4), (10, 1)])
def test_centres_lie_at_least_five_apart(k, d):
    found = centres(d, k, seed=1)
    assert found.shape == (k, d)
    assert pdist(found).min() >= 5


@pytest.mark.parametrize("make", [
    lambda seed: blobs(20_000, 4, 7, seed), lambda seed: heavy(20_000, 4, 7, seed),
    lambda seed: copies(20_000, 4, seed), lambda seed: integer_grid(20_000, 4, seed)])
def test_same_seed_same_rows_and_another_seed_others(make):
    assert np.array_equal(make(3), make(3))
    assert not np.array_equal(make(3), make(4))
    assert make(3).shape == (20_000, 4)


def test_chunks_do_not_repeat_each_other():
    X = blobs(3 * generators.CHUNK, 2, 3, seed=0)
    assert len(np.unique(X, axis=0)) == len(X)


def test_zero_rows_keep_their_width():
    assert blobs(0, 4, 3, seed=0).shape == (0, 4)


def test_blobs_are_gaussian_around_their_centres():
    X, middles = blobs(40_000, 16, 5, seed=2), centres(16, 5, seed=2)
    distances = cdist(X, middles)
    labels = distances.argmin(axis=1)
    assert np.bincount(labels) == pytest.approx(np.full(5, 8000), rel=0.05)
    assert (X - middles[labels]).std(axis=0) == pytest.approx(np.ones(16), rel=0.03)
    assert (distances.min(axis=1) ** 2).mean() == pytest.approx(16, rel=0.02)


def test_heavy_has_sizes_of_one_over_rank_and_tails_of_t3():
    X, middles = heavy(100_000, 8, 4, seed=0, separation=18), centres(8, 4, seed=0, separation=18)
    labels = cdist(X, middles).argmin(axis=1)
    shares = 1 / np.arange(1, 5)
    assert np.bincount(labels) / len(X) == pytest.approx(shares / shares.sum(), rel=0.05)
    outside = (np.abs(X - middles[labels]) > 5.84).mean()
    assert outside == pytest.approx(0.01, rel=0.15)  # 5.84: the 99 % quantile of |t|


def test_copies_are_nine_tenths_one_row():
    X = copies()
    assert X.shape == (100_000, 8)
    assert (X == X[0]).all(axis=1).sum() == 90_000
    assert len(np.unique(X, axis=0)) == 10_001
    nearest = cdist(X[90_000:], centres(8, 10, seed=0)).argmin(axis=1)
    assert (np.bincount(nearest, minlength=10)[1:] > 1000).all()


def test_integer_grid_covers_its_levels():
    X = integer_grid(1000, 3, seed=0, levels=4)
    assert X.dtype == np.int64 and set(X.ravel()) == {0, 1, 2, 3}


@pytest.mark.parametrize("name", ["points.csv", "points.csv.gz", "points.csv.bz2"])
@pytest.mark.parametrize("delimiter", [",", "\t", " "])
def test_csv_is_read_back_bit_for_bit(tmp_path, name, delimiter):
    X = heavy(generators.CHUNK + 5, 3, 2, seed=0) * 10.0 ** np.arange(-9, 18, 9)
    generators.write_csv(tmp_path / name, X, header=["a", "b", "c"], delimiter=delimiter)
    assert np.array_equal(np.loadtxt(tmp_path / name, delimiter=delimiter, skiprows=1), X)


def test_csv_in_chunks_equals_csv_of_the_whole(tmp_path):
    X = blobs(100, 3, 2, seed=0)
    generators.write_csv(tmp_path / "whole.csv", X, decimals=5)
    generators.write_csv(tmp_path / "chunks.csv", iter([X[:30], X[30:]]), decimals=5)
    assert (tmp_path / "whole.csv").read_bytes() == (tmp_path / "chunks.csv").read_bytes()


def test_whole_numbers_are_written_without_a_point(tmp_path):
    generators.write_csv(tmp_path / "a.csv", np.array([[1, -2], [30, 4]]))
    assert (tmp_path / "a.csv").read_text() == "1,-2\n30,4\n"


@pytest.mark.parametrize("keys", [None, ["a", "b"]])
def test_json_lines_are_read_back_bit_for_bit(tmp_path, keys):
    X = heavy(50, 2, 2, seed=0)
    generators.write_jsonl(tmp_path / "a.jsonl", X, keys)
    rows = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert np.array_equal([list(row.values()) if keys else row for row in rows], X)
    assert not keys or all(list(row) == keys for row in rows)


@pytest.mark.parametrize("zero_based", [False, True])
def test_svmlight_is_read_back_bit_for_bit(tmp_path, zero_based):
    X = blobs(50, 6, 2, seed=0) * (integer_grid(50, 6, seed=0, levels=2))
    generators.write_svmlight(tmp_path / "a.svm", X, zero_based)
    read, _ = load_svmlight_file(str(tmp_path / "a.svm"), n_features=6, zero_based=zero_based)
    assert np.array_equal(read.toarray(), X)


@pytest.mark.parametrize("kind, expected", [
    ("blobs", blobs(40, 3, 4, seed=5)), ("heavy", heavy(40, 3, 4, seed=5)),
    ("copies", copies(40, 3, seed=5, k=4)), ("integer_grid", integer_grid(40, 3, seed=5))])
def test_command_line_writes_the_rows_of_the_function(tmp_path, monkeypatch, kind, expected):
    out = tmp_path / "out.csv"
    monkeypatch.setattr(sys, "argv", [
        "generators.py", kind, str(out), "--rows", "40", "--columns", "3", "--clusters", "4",
        "--seed", "5", "--decimals", "5", "--header"])
    generators.main()
    with open(out, newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["x0", "x1", "x2"]
    assert np.abs(np.array(rows, dtype=float) - expected).max() <= 0.5e-5 + 1e-12
