"""Whole runs: from a raw file to centroids, again, elsewhere, and after a lost launcher."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from generators import blobs, write_csv
from howdah.errors import UserError
from howdah.launcher.sampling import random_rows
from kmeans_round import KMeansRound
from scripts import DIGITS, IRIS, REPOSITORY, WORDCOUNT, history, refused, run, succeed
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits, load_iris

DIGITS_ARGS = (DIGITS, "-k", 10, "--ignore-columns", "label")
IRIS_ARGS = (IRIS, "-k", 3, "--ignore-columns", "label")


def centroids_of(folder) -> np.ndarray:
    return np.loadtxt(folder / "centroids.csv", delimiter=",", skiprows=1, ndmin=2)


def model_of(folder) -> dict:
    return json.loads((folder / "model.json").read_text())


def start_file(path, X: np.ndarray, k: int) -> np.ndarray:
    """k data rows plus noise of 1e-3 standard deviations, so that no exact ties occur."""
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(k, X.shape[1])) * 1e-3 * X.std(axis=0)
    start = X[rng.choice(len(X), k, replace=False)] + noise
    write_csv(path, start)
    return start


# results

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
        "centroids.csv", "model.json", "model.joblib", "profile.json", "rounds.jsonl", "sample",
        "round-01", "round-02"}
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


def test_a_whole_run_repeats_bit_for_bit(tmp_path):
    for name in ("a", "b"):
        succeed("driver", *DIGITS_ARGS, "--output-dir", tmp_path / name, "--sample-size", 400)
    for name in ("centroids.csv", "profile.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    for a, b in zip(history(tmp_path / "a"), history(tmp_path / "b")):
        assert {**a, "seconds": 0} == {**b, "seconds": 0}


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
    message = refused("driver", *args, "--empty-clusters", "error")
    assert message == ("Clusters [1] are empty after round 1; give a smaller -k, another --seed, or"
                       " --empty-clusters farthest.")
    assert not (tmp_path / "out").exists()
    succeed("driver", *args)
    assert centroids_of(tmp_path / "out").tolist() == [[1, 0], [50, 0]]
    assert history(tmp_path / "out")[0]["empty_labels"] == [1]


# going on

def test_init_goes_on_from_a_folder_a_model_or_centroids(tmp_path):
    succeed("driver", *DIGITS_ARGS, "--output-dir", tmp_path / "out", "--tol", 0,
            "--max-rounds", 100)
    cost = history(tmp_path / "out")[-1]["cost"]
    for init in ("out", "out/model.json", "out/centroids.csv"):
        ran = succeed("driver", *DIGITS_ARGS, "--init", tmp_path / init)
        assert "converged: the centroids no longer move" in ran.err
        assert "cost %.10g" % cost in ran.err


@pytest.mark.parametrize("header, names", [("", ["column 0", "column 1", "column 2"]),
                                           ("2019,2020,2021\n", [
                                               "column 2019", "column 2020", "column 2021"]),
                                           ("a,2,3\n", ["a", "2", "3"])])
def test_init_goes_on_whatever_the_columns_are_called(tmp_path, header, names):
    """The header of centroids.csv is never taken for a centroid."""
    write_csv(tmp_path / "x.csv", blobs(300, 3, 4, seed=0))
    (tmp_path / "x.csv").write_text(header + (tmp_path / "x.csv").read_text())
    args = (tmp_path / "x.csv", "-k", 4, *(["--header"] if header else []))
    out, again = tmp_path / "out", tmp_path / "again"
    run("driver", *args, "--init", "random", "--max-rounds", 1, "--output-dir", out)
    assert (out / "centroids.csv").read_text().splitlines()[0].split(",") == names
    for init in (out, out / "centroids.csv", out / "model.json"):
        succeed("driver", *args, "--init", init, "--output-dir", again / init.name)
        assert history(again / init.name)[0]["cost"] == history(out)[-1]["cost"]


def test_init_goes_on_with_sparse_rows(tmp_path):
    out, args = tmp_path / "out", (WORDCOUNT, "-k", 3, "--metric", "cosine")
    run("driver", *args, "--init", "random", "--max-rounds", 1, "--output-dir", out)
    succeed("driver", *args, "--init", out, "--output-dir", tmp_path / "again")
    assert history(tmp_path / "again")[0]["cost"] == pytest.approx(history(out)[-1]["cost"])


def test_init_of_another_k_width_or_metric_is_refused(tmp_path):
    (tmp_path / "c.csv").write_text("1,2,3,4\n5,6,7,8\n")
    assert refused("driver", *IRIS_ARGS, "--init", tmp_path / "c.csv") == (
        "%s holds 2 centroids, but -k is 3; give -k 2." % (tmp_path / "c.csv"))
    assert refused("driver", *DIGITS_ARGS, "--init", tmp_path / "c.csv") == (
        "The centroids of %s have 4 columns, but the input has 64." % (tmp_path / "c.csv"))
    succeed("driver", *IRIS_ARGS, "--output-dir", tmp_path / "out")
    assert "was made with --metric euclidean, but this run uses cosine" in refused(
        "driver", *IRIS_ARGS, "--init", tmp_path / "out", "--metric", "cosine")


def test_a_resumed_run_numbers_its_rounds_on(tmp_path):
    out = tmp_path / "out"
    start_file(tmp_path / "c.csv", load_digits().data, 10)
    first = run("driver", *DIGITS_ARGS, "--tol", 0, "--max-rounds", 2, "--init",
                tmp_path / "c.csv", "--output-dir", out)
    before = history(out)
    assert first.code == 3 and len(before) == 3
    (out / "round-04").mkdir()
    (out / "round-04" / "part-00000").write_text("what a lost job left\n")
    second = run("driver", *DIGITS_ARGS, "--tol", 0, "--max-rounds", 2, "--init", out,
                 "--output-dir", "%s/" % out)
    assert second.code == 3
    after = history(out)
    assert after[:3] == before and [r["round"] for r in after] == [1, 2, 3, 4, 5, 6]
    assert after[3]["cost"] == before[-1]["cost"]
    assert [int(line.split()[0]) for line in second.err.splitlines()
            if line[:5].strip().isdigit()] == [4, 5, 6]
    assert {"round-%02d" % i for i in range(1, 7)} <= {p.name for p in out.iterdir()}
    assert "what a lost job left" not in (out / "round-04" / "part-00000").read_text()


def test_bad_use_of_a_resumed_folder_leaves_it_as_it_was(tmp_path):
    out = tmp_path / "out"
    succeed("driver", *IRIS_ARGS, "--output-dir", out)
    kept = {p.name: p.read_bytes() for p in out.iterdir() if p.is_file()}
    (tmp_path / "bad.csv").write_text(IRIS.read_text() + "1,2,3\n")
    refused("driver", tmp_path / "bad.csv", *IRIS_ARGS[1:], "--init", out, "--output-dir", out)
    assert {p.name: p.read_bytes() for p in out.iterdir() if p.is_file()} == kept


def test_a_killed_driver_loses_no_round(tmp_path):
    """kill -9 after the second round; the resumed run ends where an undisturbed one does."""
    out, whole = tmp_path / "out", tmp_path / "whole"
    X = load_digits().data
    start_file(tmp_path / "c.csv", X, 10)
    args = [*map(str, DIGITS_ARGS), "--tol", "0", "--max-rounds", "200"]
    succeed("driver", *args, "--init", tmp_path / "c.csv", "--output-dir", whole)
    expected = history(whole)
    assert len(expected) > 6
    kill_after_round(2, out, [*args, "--init", str(tmp_path / "c.csv")], tmp_path)
    before = history(out)
    assert 2 <= len(before) < len(expected)
    assert not (out / "model.json").exists()
    succeed("driver", *args, "--init", out, "--output-dir", out)
    after = history(out)
    assert after[:len(before)] == before
    assert [r["round"] for r in after] == list(range(1, len(after) + 1))
    # Killed between the two files of a round, the history may lack that one.
    assert len(expected) - 1 <= len(after) <= len(expected)
    costs = [r["cost"] for r in expected]
    assert all(r["cost"] in costs for r in after)
    assert (out / "centroids.csv").read_bytes() == (whole / "centroids.csv").read_bytes()


def kill_after_round(n: int, out, args: list, tmp_path) -> None:
    (tmp_path / "tmp").mkdir()
    driver = subprocess.Popen(
        [sys.executable, str(REPOSITORY / "driver.py"), *args, "--output-dir", str(out)],
        env=dict(os.environ, TMPDIR=str(tmp_path / "tmp")), stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 120
        while not (out / "rounds.jsonl").exists() or len(history(out)) < n:
            assert driver.poll() is None and time.monotonic() < deadline
            time.sleep(0.005)
    finally:
        driver.send_signal(signal.SIGKILL)
        driver.wait()


def test_random_seeds_are_distinct_rows_or_an_error():
    rows = np.array([[1.0], [1.0], [2.0], [3.0]])
    chosen = random_rows(rows, np.ones(4), 3, seed=0)
    assert sorted(chosen.ravel()) == [1, 2, 3]
    with pytest.raises(UserError) as refusal:
        random_rows(rows, np.ones(4), 4, seed=0)
    assert str(refusal.value) == ("-k is 4, but the sample of 4 rows has only 3 distinct ones; give"
                                  " a larger --sample-size or a smaller -k.")


class FailsInItsSecondRound(KMeansRound):
    """A job whose tasks raise once."""

    rounds = 0

    def map_batches(self, points):
        FailsInItsSecondRound.rounds += 1
        if FailsInItsSecondRound.rounds == 2:
            raise RuntimeError("a bug in the worker")
        return super().map_batches(points)


def test_a_job_that_fails_keeps_the_rounds_before_it(tmp_path, monkeypatch):
    out = tmp_path / "out"
    start_file(tmp_path / "c.csv", load_digits().data, 10)
    args = (*DIGITS_ARGS, "--tol", 0, "--output-dir", out)
    with monkeypatch.context() as patched:
        patched.setattr("driver.KMeansRound", FailsInItsSecondRound)
        failed = run("driver", *args, "--init", tmp_path / "c.csv")
    assert failed.code == 1 and "RuntimeError: a bug in the worker" in failed.err
    assert failed.err.rstrip().endswith(
        "Go on from the last complete round with --init %s --output-dir %s." % (out, out))
    assert len(history(out)) == 1
    succeed("driver", *args, "--init", out, "--max-rounds", 100)
    assert [r["round"] for r in history(out)][:3] == [1, 2, 3]


def test_with_several_k_too_and_each_can_go_on_alone(tmp_path, monkeypatch):
    out = tmp_path / "out"
    FailsInItsSecondRound.rounds = 0
    args = (DIGITS, "--ignore-columns", "label", "--tol", 0, "--init", "random")
    with monkeypatch.context() as patched:
        patched.setattr("driver.KMeansRound", FailsInItsSecondRound)
        failed = run("driver", *args, "-k", "5,10", "--output-dir", out)
    assert failed.code == 1 and failed.err.rstrip().endswith(
        "Go on with one k from its last complete round: -k 5 --init %s --output-dir %s, for"
        " example." % (out / "k-5", out / "k-5"))
    for k in (5, 10):
        assert len(history(out / ("k-%d" % k))) == 1
        succeed("driver", *args, "-k", k, "--init", out / ("k-%d" % k), "--max-rounds", 100,
                "--output-dir", out / ("k-%d" % k))
        assert len(history(out / ("k-%d" % k))) > 2


def test_an_interrupted_run_is_no_traceback(tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt
    monkeypatch.setattr("driver.rivals", interrupt)
    ran = run("driver", *IRIS_ARGS)
    assert ran.code == 130 and ran.err.endswith("interrupted\n") and "Traceback" not in ran.err


# several k and several starts in the same scans

def test_several_k_share_the_scans_and_end_as_if_alone(tmp_path):
    shared = succeed("driver", IRIS, "-k", "2,3,5", "--ignore-columns", "label",
                     "--output-dir", tmp_path / "shared")
    for k in (2, 3, 5):
        succeed("driver", IRIS, "-k", k, "--ignore-columns", "label",
                "--output-dir", tmp_path / str(k))
        alone, together = tmp_path / str(k), tmp_path / "shared" / ("k-%d" % k)
        # The sample of all 150 rows comes in another order, and so may the clusters.
        assert sorted(centroids_of(together).tolist()) == sorted(centroids_of(alone).tolist())
        assert model_of(together)["cost"] == pytest.approx(model_of(alone)["cost"], rel=1e-12)
    longest = max(len(history(tmp_path / "shared" / ("k-%d" % k))) for k in (2, 3, 5))
    assert "%d jobs (1 sample scan, %d rounds)" % (longest + 1, longest) in shared.err


def test_several_k_end_in_a_table_and_the_pick_is_the_model(tmp_path):
    ran = succeed("driver", IRIS, "-k", "2,3,5", "--ignore-columns", "label",
                  "--output-dir", tmp_path / "out", "--assign")
    assert "k = 2 has the largest simplified silhouette" in ran.err
    assert model_of(tmp_path / "out")["k"] == 2
    assert re.search(r"; (\d+) jobs \(1 sample scan, (\d+) rounds, 1 for the labels\)", ran.err)
    lines = [p.read_text() for p in sorted((tmp_path / "out" / "labels").glob("part-*"))]
    assert {line.split("\t")[0] for line in "".join(lines).splitlines()} == {"0", "1"}


def test_restarts_keep_the_best_start(tmp_path):
    ran = succeed("driver", IRIS, "-k", 5, "--restarts", 4, "--init", "random",
                  "--ignore-columns", "label", "--output-dir", tmp_path / "out")
    alone = [succeed("driver", IRIS, "-k", 5, "--init", "random", "--seed", seed,
                     "--ignore-columns", "label", "--output-dir", tmp_path / str(seed))
             for seed in range(4)]
    costs = [model_of(tmp_path / str(seed))["cost"] for seed in range(4)]
    assert model_of(tmp_path / "out")["cost"] == min(costs) and len(set(costs)) > 1
    assert ran.err.count("converged") == 4 and all("converged" in a.err for a in alone)


@pytest.mark.parametrize("limit", [100, 5])
def test_several_k_that_end_in_different_rounds_leave_what_each_leaves_alone(tmp_path, limit):
    """Bit for bit, from the same seeds; also where --max-rounds stops only some of them."""
    ks, shared, starts = (2, 3, 4, 5, 6, 8), tmp_path / "shared", tmp_path / "starts"
    data, rules = (IRIS, "--ignore-columns", "label"), ("--tol", 0, "--max-rounds")
    several = (*data, "-k", ",".join(map(str, ks)), "--init", "random", *rules)
    run("driver", *several, 0, "--output-dir", starts)
    together = run("driver", *several, limit, "--output-dir", shared)
    codes = set()
    for k in ks:
        alone = run("driver", *data, "-k", k, *rules, limit, "--init",
                    starts / ("k-%d" % k) / "centroids.csv", "--output-dir", tmp_path / str(k))
        assert_same_results(shared / ("k-%d" % k), tmp_path / str(k))
        codes.add(alone.code)
    assert codes == ({0} if limit == 100 else {0, 3}) and together.code == max(codes)
    rounds = [len(history(shared / ("k-%d" % k))) for k in ks]
    assert len(set(rounds)) > 2 and rounds != sorted(rounds)
    lines = [line.split() for line in together.err.splitlines()]
    table = lines[next(i for i, words in enumerate(lines) if words[:2] == ["k", "cost"]) + 1:]
    assert [(int(words[0]), int(words[2])) for words in table[:len(ks)]] == list(zip(ks, rounds))
    assert table[len(ks)][:3] == ["k", "=", "2"]
    assert (shared / "centroids.csv").read_bytes() == (
        shared / "k-2" / "centroids.csv").read_bytes()


def assert_same_results(folder, other) -> None:
    assert (folder / "centroids.csv").read_bytes() == (other / "centroids.csv").read_bytes()
    assert [{**r, "seconds": 0} for r in history(folder)] == [
        {**r, "seconds": 0} for r in history(other)]
    model, expected = model_of(folder), model_of(other)
    for name in ("clusters", "cost", "k", "stop"):
        assert model[name] == expected[name]


def test_the_best_restart_is_kept_though_it_ends_first(tmp_path):
    args = (IRIS, "-k", 5, "--ignore-columns", "label", "--tol", 0, "--max-rounds", 100)
    ran = succeed("driver", *args, "--restarts", 4, "--init", "random", "--seed", 3,
                  "--output-dir", tmp_path / "out")
    courses: dict = {}
    for line in ran.err.splitlines():
        words = line.split()
        if words[0] == "restart" and words[2].isdigit():
            courses.setdefault(words[1], []).append(float(words[3]))
    best = min(courses.values(), key=lambda costs: costs[-1])
    assert len(courses) == 4 and all(len(best) < len(costs) for costs in courses.values()
                                     if costs is not best)
    assert [float("%.12g" % r["cost"]) for r in history(tmp_path / "out")] == best
    again = succeed("driver", *args, "--init", tmp_path / "out")
    assert "converged: the centroids no longer move" in again.err
    assert "cost %.10g, " % best[-1] in again.err
    for restart, costs in courses.items():
        assert "restart %s   cost %.10g, converged: " % (restart, costs[-1]) in ran.err


def test_a_given_start_is_one_start(tmp_path):
    start_file(tmp_path / "c.csv", load_iris().data, 3)
    sentence = refused("driver", IRIS, "-k", "3,4", "--ignore-columns", "label",
                       "--init", tmp_path / "c.csv")
    assert "is one start" in sentence
