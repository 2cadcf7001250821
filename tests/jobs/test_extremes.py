"""Numbers at the ends of float64's range, and weights of all sizes, through whole runs."""

from __future__ import annotations

from pathlib import Path

import joblib
import numpy as np
import pytest
from generators import blobs
from scripts import centroids_of, model_of, refused, succeed


def write(path: Path, lines: list) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path


def written(path: Path, X: np.ndarray) -> Path:
    return write(path, [",".join(map(repr, row)) for row in X.tolist()])


def results(folder: Path) -> tuple:
    """What a run found, but for the times."""
    return ((folder / "centroids.csv").read_bytes(),
            dict(model_of(folder), options={}, profile={}))


def on_both(tmp_path: Path, *args) -> Path:
    """The output folder of a run that is the same on both local runners."""
    for runner in ("inline", "local"):
        succeed("driver", *args, "-r", runner, "--output-dir", tmp_path / runner)
    assert results(tmp_path / "inline") == results(tmp_path / "local")
    return tmp_path / "inline"


@pytest.mark.slow
def test_subnormal_numbers_are_numbers(tmp_path):
    out = on_both(tmp_path, write(tmp_path / "x", ["1,1e-310", "2,0", "8,3e-310", "9,0"]), "-k", 2)
    C = centroids_of(out)
    assert sorted(C[:, 0]) == [1.5, 8.5] and model_of(out)["cost"] == pytest.approx(1.0, rel=1e-12)
    assert sorted(C[:, 1]) == pytest.approx([5e-311, 1.5e-310], rel=1e-11, abs=0)


@pytest.mark.slow
def test_numbers_above_1e150_are_numbers(tmp_path):
    rows = ["1e155,1", "1.1e155,2", "-1e155,1", "-1.1e155,2", "1.05e155,3", "-1.05e155,1"]
    path = write(tmp_path / "x", rows)
    out = on_both(tmp_path, path, "-k", 2)
    assert sorted(centroids_of(out)[:, 0]) == [-1.05e155, 1.05e155]
    assert model_of(out)["cost"] == pytest.approx(1e308, rel=1e-12)
    labels = [row[0] for row in succeed("kmeans_assign", path, "--model", out).table()]
    predicted = joblib.load(out / "model.joblib").predict(np.loadtxt(path, delimiter=","))
    assert list(map(str, predicted)) == labels and len(set(labels)) == 2


@pytest.mark.parametrize("script, args", [
    ("driver", ["-k", 2]), ("driver", ["-k", "2,3"]), ("driver", ["-k", 2, "--init", "random"])])
@pytest.mark.parametrize("exponent", [-200, 170])
def test_a_cost_beyond_float64_is_refused(tmp_path, script, args, exponent):
    X = blobs(60, 2, 3, seed=0) * 10.0 ** exponent
    sentence = refused(script, written(tmp_path / "x", X), *args)
    assert "leave float64" in sentence and "scale the columns" in sentence


@pytest.mark.parametrize("exponent", [-290, -250, -160, -100, 100, 148, 250])
def test_magnitude_changes_no_cluster_of_standardised_columns(tmp_path, exponent):
    X = blobs(60, 2, 3, seed=0, separation=8)
    path = written(tmp_path / "x", X * [1.0, 10.0 ** exponent])
    labels = []
    for number, data in enumerate((written(tmp_path / "plain", X), path)):
        out = tmp_path / str(number)
        succeed("driver", data, "-k", 3, "--standardize", "--output-dir", out)
        labels.append([row[0] for row in succeed("kmeans_assign", data, "--model", out).table()])
    assert len(set(zip(*labels))) == 3
    predicted = joblib.load(out / "model.joblib").predict(np.loadtxt(path, delimiter=","))
    assert list(map(str, predicted)) == labels[1]


@pytest.mark.parametrize("low, high", [(-17, -17), (-200, -200), (200, 200), (-310, 299)])
def test_cosine_knows_rows_of_any_length(tmp_path, low, high):
    rng = np.random.default_rng(0)
    angles = np.repeat([0.1, 0.7, 1.4], 10) + rng.normal(scale=0.02, size=30)
    X = np.column_stack([np.cos(angles), np.sin(angles)])
    X *= 10.0 ** rng.integers(low, high + 1, size=(30, 1))
    path, out = written(tmp_path / "x", X), tmp_path / "out"
    succeed("driver", path, "-k", 3, "--metric", "cosine", "--output-dir", out)
    labels = [int(row[0]) for row in succeed("kmeans_assign", path, "--model", out).table()]
    assert joblib.load(out / "model.joblib").predict(X).tolist() == labels
    assert [len(set(part)) for part in (labels[:10], labels[10:20], labels[20:], labels)] == [
        1, 1, 1, 3]


# Weights

def test_a_row_of_weight_0_changes_nothing(tmp_path):
    rng = np.random.default_rng(0)
    rows = ["%.4f,1" % x for c in (0.2, 0.5, 0.8) for x in rng.normal(c, 0.01, 20)]
    outputs = []
    for name, lines in (("without", rows), ("with", [*rows[:7], "1e15,0", *rows[7:], "-3e200,0"])):
        path = write(tmp_path / name, ["x,w", *lines])
        out = tmp_path / (name + ".out")
        succeed("driver", path, "-k", 3, "--weight-column", "w", "--output-dir", out)
        outputs.append(out)
    assert np.array_equal(*map(centroids_of, outputs))
    plain, model = map(model_of, outputs)
    for key in ("min", "max", "mean", "std", "distinct_rows", "total_weight"):
        assert plain["profile"][key] == model["profile"][key]
    assert [plain["cost"], [c["weight"] for c in plain["clusters"]]] == [
        model["cost"], [c["weight"] for c in model["clusters"]]]
    assert plain["profile"]["rows"] == 60 and model["profile"]["rows"] == 62
    assert sum(c["rows"] for c in model["clusters"]) == 62
    # A profile in a file knows of the rows without weight, too.
    ran = succeed("kmeans_round", path, "--weight-column", "w", "--centroids", out, "--profile",
                  out / "profile.json")
    assert sum(row["count"] for row in ran.rows()) == 62


def test_light_rows_keep_their_digits_beside_heavy_ones(tmp_path):
    rows = ["2,1e8", "2,1e8", "7,1e8", "7,1e8", "200,1e-8", "200,1e-8"]
    succeed("driver", write(tmp_path / "x", ["x,w", *rows]), "-k", 3, "--weight-column", "w",
            "--output-dir", tmp_path / "out")
    assert sorted(centroids_of(tmp_path / "out").ravel()) == pytest.approx([2, 7, 200], rel=1e-13)
    assert model_of(tmp_path / "out")["cost"] == 0


def test_large_weights_give_a_large_cost(tmp_path):
    rows = ["%d,1e300" % x for x in (1, 2, 8, 9)]
    succeed("driver", write(tmp_path / "x", ["x,w", *rows]), "-k", 2, "--weight-column", "w",
            "--output-dir", tmp_path / "out")
    assert model_of(tmp_path / "out")["cost"] == pytest.approx(1e300, rel=1e-12)


@pytest.mark.parametrize("rows, reason", [
    (["1,1e300", "2,1e300", "8,1e-30"], "The weights go from 1e-30 to 1e+300"),
    (["1e100,1e299", "2,1e299", "-8e100,1e299"], "largest weight is 1e+299"),
    (["1,1e-300"] * 2 + ["1e-99,1e-300"], None)])
def test_weights_that_sums_cannot_hold_are_refused(tmp_path, rows, reason):
    path, out = write(tmp_path / "x", ["x,w", *rows]), tmp_path / "out"
    args = (path, "-k", 1, "--weight-column", "w", "--output-dir", out)
    if reason is None:
        succeed("driver", *args)
        assert centroids_of(out).tolist() == [[2 / 3]]
    else:
        assert reason in refused("driver", *args)


def test_an_overflow_that_nobody_foresaw_is_a_sentence(tmp_path, monkeypatch):
    """A task's or the launcher's arithmetic never goes on with infinity."""
    from howdah.kmeans import scans

    def overflowing(*args, **options):
        return np.exp(np.array([1e4]))

    monkeypatch.setattr(scans, "on_grid", overflowing)
    path = written(tmp_path / "x", blobs(60, 2, 3, seed=0))
    assert refused("driver", path, "-k", 2).startswith(
        "Numbers of the input are too large, too small or too far apart for float64 (overflow")
