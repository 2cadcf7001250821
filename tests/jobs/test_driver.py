"""Whole runs, from a raw file to centroids: what they find, write, say and stop at."""

from __future__ import annotations

import numpy as np
import pytest
from generators import blobs, write_csv
from scripts import (
    DIGITS_ARGS,
    IRIS,
    IRIS_ARGS,
    WORDCOUNT,
    centroids_of,
    history,
    model_of,
    refused,
    run,
    start_file,
    steps_of,
    succeed,
)
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits, load_iris


# results

@pytest.mark.slow
@pytest.mark.parametrize("data", ["iris", "digits"])
def test_from_the_same_start_the_run_is_that_of_scikit_learn(tmp_path, data):
    X, args, k = {"iris": (load_iris().data, IRIS_ARGS, 3),
                  "digits": (load_digits().data, DIGITS_ARGS, 10)}[data]
    start = start_file(tmp_path / "c.csv", X, k)
    succeed("driver", *args, "--init", tmp_path / "c.csv", "--tol", 0, "--max-rounds", 200,
            "--output-dir", tmp_path / "out")
    fitted = KMeans(k, init=start, n_init=1, tol=0, algorithm="lloyd", max_iter=300).fit(X)
    rounds = history(tmp_path / "out")
    assert len(rounds) == fitted.n_iter_
    assert rounds[-1]["cost"] == pytest.approx(fitted.inertia_, rel=1e-9)
    assert np.abs(centroids_of(tmp_path / "out") - fitted.cluster_centers_).max() < (
        1e-9 * np.ptp(X, axis=0).max())
    costs = [r["cost"] for r in rounds]
    assert all(b <= a * (1 + 1e-12) for a, b in zip(costs, costs[1:]))


def test_what_the_output_folder_receives(tmp_path):
    out = tmp_path / "out"
    ran = succeed("driver", *IRIS_ARGS, "--output-dir", out, "--seed", 5)
    assert {p.name for p in out.iterdir()} == {
        "centroids.csv", "model.json", "model.joblib", "profile.json", "rounds.jsonl", ".howdah"}
    assert {p.name for p in steps_of(out).iterdir()} == {
        "sample.json", "seeds.json", "round-01.json", "round-02.json"}
    rounds = history(out)
    assert [r["round"] for r in rounds] == [1, 2]
    assert set(rounds[0]) == {"round", "cost", "shift", "empty", "empty_labels", "seconds",
                              "scan"}
    model = model_of(out)
    assert (model["k"], model["seed"], model["metric"]) == (3, 5, "euclidean")
    assert model["columns"] == ["sepal_length", "sepal_width", "petal_length", "petal_width"]
    assert model["cost"] == pytest.approx(rounds[-1]["cost"], rel=1e-12)
    assert sum(c["rows"] for c in model["clusters"]) == model["profile"]["rows"] == 150
    assert model["options"]["min_gain"] == 0.001 and model["stop"].startswith("--min-gain 0.001: ")
    assert [c["centroid"] for c in model["clusters"]] == centroids_of(out).tolist()
    assert (out / "centroids.csv").read_text().startswith("sepal_length,sepal_width,")
    assert "converged: --min-gain 0.001: the last round lowered the cost by " in ran.err
    assert "written to %s" % out in ran.err


def test_iris_finds_the_best_known_cost():
    assert "cost 78.85144143, clusters of 38 to 62 rows" in succeed("driver", *IRIS_ARGS).err


@pytest.mark.slow
def test_a_whole_run_repeats_bit_for_bit(tmp_path):
    for name in ("a", "b"):
        succeed("driver", *DIGITS_ARGS, "--output-dir", tmp_path / name, "--sample-size", 400)
    for name in ("centroids.csv", "profile.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    for a, b in zip(history(tmp_path / "a"), history(tmp_path / "b")):
        assert {**a, "seconds": 0} == {**b, "seconds": 0}


@pytest.mark.slow
def test_other_splits_cost_within_two_per_cent(tmp_path):
    """Another sample is drawn, of the same quality; so too on the local runner."""
    elsewhere = {"inline": [], "seven": ["--jobconf", "mapreduce.job.maps=7"],
                 "local": ["-r", "local", "--jobconf", "mapreduce.job.maps=2"]}
    X = blobs(4000, 8, 10, seed=0)
    write_csv(tmp_path / "x.csv", X)
    costs = {}
    for name, args in elsewhere.items():
        succeed("driver", tmp_path / "x.csv", "-k", 10, "--sample-size", 500, *args,
                "--output-dir", tmp_path / name)
        costs[name] = model_of(tmp_path / name)["cost"]
    assert costs["seven"] == pytest.approx(costs["inline"], rel=0.02)
    assert costs["local"] == pytest.approx(costs["inline"], rel=0.02)
    assert costs["inline"] <= 1.02 * KMeans(10, n_init=10, random_state=0).fit(X).inertia_


@pytest.mark.slow
@pytest.mark.parametrize("init", ["coreset", "random"])
def test_both_inits_take_their_seed(tmp_path, init):
    starts = []
    for i, seed in enumerate([1, 1, 2]):
        out = tmp_path / str(i)
        run("driver", *DIGITS_ARGS, "--init", init, "--seed", seed, "--max-rounds", 0,
            "--sample-size", 100, "--output-dir", out)
        starts.append(centroids_of(out))
    assert np.array_equal(starts[0], starts[1])
    assert not np.array_equal(starts[0], starts[2])


@pytest.mark.slow
def test_weights_count(tmp_path):
    """Weight 3 is the row three times."""
    X = blobs(400, 2, 3, seed=1)
    w = np.arange(400) % 4
    write_csv(tmp_path / "w.csv", np.column_stack([X, w]), header=["x", "y", "w"])
    write_csv(tmp_path / "r.csv", X.repeat(w, axis=0), header=["x", "y"])
    start_file(tmp_path / "c.csv", X, 3)
    args = ["-k", 3, "--init", tmp_path / "c.csv", "--tol", 0]
    succeed("driver", tmp_path / "w.csv", *args, "--weight-column", "w", "--output-dir",
            tmp_path / "w")
    succeed("driver", tmp_path / "r.csv", *args, "--output-dir", tmp_path / "r")
    assert centroids_of(tmp_path / "w") == pytest.approx(centroids_of(tmp_path / "r"), rel=1e-9)
    assert len(history(tmp_path / "w")) == len(history(tmp_path / "r"))
    weights = [c["weight"] for c in model_of(tmp_path / "w")["clusters"]]
    assert weights == [c["rows"] for c in model_of(tmp_path / "r")["clusters"]]


def test_sparse_and_cosine_runs(tmp_path):
    ran = succeed("driver", WORDCOUNT, "-k", 3, "--metric", "cosine", "--output-dir",
                  tmp_path / "out")
    assert "33 rows x 434 columns, svmlight" in ran.err
    C = centroids_of(tmp_path / "out")
    assert np.linalg.norm(C, axis=1) == pytest.approx(np.ones(3), rel=1e-12)
    assert model_of(tmp_path / "out")["sparse"] is True


def test_k_1_and_k_of_all_rows(tmp_path):
    (tmp_path / "x.csv").write_text("1,1\n2,5\n9,0\n4,2\n")
    succeed("driver", tmp_path / "x.csv", "-k", 1, "--output-dir", tmp_path / "one")
    assert centroids_of(tmp_path / "one").tolist() == [[4.0, 2.0]]
    succeed("driver", tmp_path / "x.csv", "-k", 4, "--output-dir", tmp_path / "all")
    assert model_of(tmp_path / "all")["cost"] == 0
    assert sorted(centroids_of(tmp_path / "all").tolist()) == [[1, 1], [2, 5], [4, 2], [9, 0]]


def test_all_rows_the_same(tmp_path):
    (tmp_path / "x.csv").write_text("7,7\n" * 50)
    succeed("driver", tmp_path / "x.csv", "-k", 1, "--output-dir", tmp_path / "out")
    assert centroids_of(tmp_path / "out").tolist() == [[7.0, 7.0]]
    assert "-k is 2, but the input has only 1 distinct points" in refused(
        "driver", tmp_path / "x.csv", "-k", 2)


# what it says

def test_warnings_of_one_dominating_column_and_of_outliers(tmp_path):
    X = blobs(300, 2, 2, seed=1) * [1, 1000]
    write_csv(tmp_path / "x.csv", X, header=["x", "y"])
    assert "warning: column 'y' holds 100 % of the variance, so clusters follow it alone;" in (
        succeed("driver", tmp_path / "x.csv", "-k", 2).err)
    assert "warning:" not in succeed("driver", tmp_path / "x.csv", "-k", 2, "--standardize").err
    assert "warning:" not in succeed("driver", *IRIS_ARGS).err
    X[7, 0] = 1e9
    write_csv(tmp_path / "x.csv", X, header=["x", "y"])
    ran = succeed("driver", tmp_path / "x.csv", "-k", 2, "--standardize")
    assert "warning: column 'x' has a value " in ran.err
    assert "times its interquartile range from the mean" in ran.err


def test_skipped_rows_are_counted_and_add_up(tmp_path):
    lines = IRIS.read_text().splitlines()
    bad = ["5,NA,1,1,0", "1,2", "", "1,2,3,1e400,0", lines[0]]
    (tmp_path / "x.csv").write_text("\n".join(lines + bad) + "\n")
    args = (tmp_path / "x.csv", *IRIS_ARGS[1:])
    ran = succeed("driver", *args, "--bad-rows", "skip")
    assert "156 lines read: 150 rows used, 3 bad rows skipped, 1 empty lines, 2 header lines" in (
        ran.err)
    assert "cost 78.85144143" in ran.err
    assert refused("driver", *args).startswith("3 of 153 rows cannot be used")


def test_every_scan_is_counted_and_printed(tmp_path):
    ran = succeed("driver", *DIGITS_ARGS, "--output-dir", tmp_path / "out")
    rounds = history(tmp_path / "out")
    lines = ran.err.splitlines()
    table = lines[lines.index("round  cost                  shift         empty  seconds") + 1:]
    assert [int(line.split()[0]) for line in table[:len(rounds)]] == [r["round"] for r in rounds]
    assert "%d jobs (1 sample scan, %d rounds)" % (1 + len(rounds), len(rounds)) in ran.err


# limits and empty clusters

@pytest.mark.slow
@pytest.mark.parametrize("runner", [(), ("-r", "local", "--num-cores", 2)])
def test_a_scan_that_can_change_no_label_is_spared(tmp_path, runner):
    """The result is what one more round of its own measures."""
    X = blobs(3000, 4, 5, seed=0, separation=25)
    write_csv(tmp_path / "x.csv", X)
    ran = succeed("driver", tmp_path / "x.csv", "-k", 5, "--sample-size", 1000, *runner,
                  "--output-dir", tmp_path / "out")
    assert "2 jobs (1 sample scan, 1 round)," in ran.err
    assert "no scan needed" in ran.err.splitlines()[-4]
    rounds = history(tmp_path / "out")
    assert [(r["round"], r["scan"]) for r in rounds] == [(1, True), (2, False)]
    assert rounds[1]["cost"] < rounds[0]["cost"] and rounds[1]["shift"] == 0 < rounds[0]["shift"]
    measured = succeed("kmeans_round", tmp_path / "x.csv", "--centroids", tmp_path / "out").rows()
    model = model_of(tmp_path / "out")
    assert [c["cost"] for c in measured] == [c["cost"] for c in model["clusters"]]
    assert [c["count"] for c in measured] == [c["rows"] for c in model["clusters"]]
    assert [c["centroid"] for c in measured] == centroids_of(tmp_path / "out").tolist()
    assert sum(c["cost"] for c in measured) == pytest.approx(rounds[1]["cost"], rel=1e-15)
    fitted = KMeans(5, n_init=10, random_state=0).fit(X)
    assert model["cost"] == pytest.approx(fitted.inertia_, rel=1e-9)
    # A run that goes on from there numbers its rounds on.
    succeed("driver", tmp_path / "x.csv", "-k", 5, "--init", tmp_path / "out", *runner,
            "--output-dir", tmp_path / "out")
    assert [(r["round"], r["cost"]) for r in history(tmp_path / "out")] == [
        (1, rounds[0]["cost"]), (2, model["cost"]), (3, model["cost"])]


def test_max_rounds_stops_with_a_result_and_code_3(tmp_path):
    start_file(tmp_path / "c.csv", load_digits().data, 10)
    ran = run("driver", *DIGITS_ARGS, "--init", tmp_path / "c.csv", "--max-rounds", 2,
              "--output-dir", tmp_path / "out")
    assert ran.code == 3 and "stopped: --max-rounds 2 reached" in ran.err
    # Two moves, and the scan that measures where they ended.
    assert len(history(tmp_path / "out")) == 3
    model = model_of(tmp_path / "out")
    assert model["cost"] == pytest.approx(history(tmp_path / "out")[-1]["cost"], rel=1e-12)
    assert (tmp_path / "out" / "model.joblib").exists()


def test_max_minutes_stops_with_a_result_and_code_3(tmp_path):
    start_file(tmp_path / "c.csv", load_digits().data, 10)
    ran = run("driver", *DIGITS_ARGS, "--init", tmp_path / "c.csv", "--max-minutes", 1e-9,
              "--output-dir", tmp_path / "out")
    assert ran.code == 3 and "stopped: --max-minutes 1e-09 reached" in ran.err
    assert len(history(tmp_path / "out")) == 1 and (tmp_path / "out" / "model.json").exists()


def test_empty_clusters_move_or_stop_the_run(tmp_path):
    (tmp_path / "x.csv").write_text("0,0\n1,0\n2,0\n50,0\n")
    (tmp_path / "c.csv").write_text("0,0\n1000,0\n")
    args = (tmp_path / "x.csv", "-k", 2, "--init", tmp_path / "c.csv", "--output-dir",
            tmp_path / "out")
    sentence = ("Clusters [1] are empty after round 1; give a smaller -k, another --seed, or"
                " --empty-clusters farthest.")
    assert refused("driver", *args[:-2], "--empty-clusters", "error") == sentence
    stopped = run("driver", *args, "--empty-clusters", "error")
    assert stopped.code == 1 and "error: %s\nGo on with: " % sentence in stopped.err
    succeed("driver", *args[:3], "--init", tmp_path / "out", "--output-dir", tmp_path / "out")
    assert centroids_of(tmp_path / "out").tolist() == [[1, 0], [50, 0]]
    assert history(tmp_path / "out")[0]["empty_labels"] == [1]
