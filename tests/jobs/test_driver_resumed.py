"""Going on from what a run left: finished, stopped, killed, or without one of its jobs."""

from __future__ import annotations

import numpy as np
import pytest
from generators import blobs, write_csv
from howdah.clustering.seeds import random_rows
from howdah.errors import UserError
from howdah.scripts.kmeans_round import KMeansRound
from scripts import (
    DIGITS,
    DIGITS_ARGS,
    IRIS,
    IRIS_ARGS,
    WORDCOUNT,
    history,
    refused,
    run,
    start_file,
    succeed,
)
from sklearn.datasets import load_digits


@pytest.mark.slow
def test_init_goes_on_from_a_folder_a_model_or_centroids(tmp_path):
    succeed("driver", *DIGITS_ARGS, "--output-dir", tmp_path / "out", "--tol", 0,
            "--max-rounds", 100)
    cost = history(tmp_path / "out")[-1]["cost"]
    for init in ("out", "out/model.json", "out/centroids.csv"):
        ran = succeed("driver", *DIGITS_ARGS, "--init", tmp_path / init)
        assert "converged: the centroids no longer move" in ran.err
        assert "cost %.10g" % cost in ran.err


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_resumed_run_numbers_its_rounds_on(tmp_path):
    out = tmp_path / "out"
    start_file(tmp_path / "c.csv", load_digits().data, 10)
    first = run("driver", *DIGITS_ARGS, "--tol", 0, "--max-rounds", 2, "--init",
                tmp_path / "c.csv", "--output-dir", out)
    before = history(out)
    assert first.code == 3 and len(before) == 3
    second = run("driver", *DIGITS_ARGS, "--tol", 0, "--max-rounds", 2, "--init", out,
                 "--output-dir", "%s/" % out)
    assert second.code == 3
    after = history(out)
    assert after[:3] == before and [r["round"] for r in after] == [1, 2, 3, 4, 5, 6]
    assert after[3]["cost"] == before[-1]["cost"]
    assert [int(line.split()[0]) for line in second.err.splitlines()
            if line[:5].strip().isdigit()] == [4, 5, 6]


def test_bad_use_of_a_resumed_folder_leaves_it_as_it_was(tmp_path):
    out = tmp_path / "out"
    succeed("driver", *IRIS_ARGS, "--output-dir", out)
    kept = {p.name: p.read_bytes() for p in out.iterdir() if p.is_file()}
    (tmp_path / "bad.csv").write_text(IRIS.read_text() + "1,2,3\n")
    refused("driver", tmp_path / "bad.csv", *IRIS_ARGS[1:], "--init", out, "--output-dir", out)
    assert {p.name: p.read_bytes() for p in out.iterdir() if p.is_file()} == kept


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


@pytest.mark.slow
@pytest.mark.parametrize("k", ["10", "5,10"])
def test_a_job_that_fails_keeps_the_rounds_before_it(tmp_path, monkeypatch, k):
    out, whole = tmp_path / "out", tmp_path / "whole"
    FailsInItsSecondRound.rounds = 0
    args = (DIGITS, "--ignore-columns", "label", "--tol", 0, "--init", "random", "-k", k)
    with monkeypatch.context() as patched:
        patched.setattr("howdah.scripts.driver.KMeansRound", FailsInItsSecondRound)
        failed = run("driver", *args, "--output-dir", out)
    assert failed.code == 1 and "RuntimeError: a bug in the worker" in failed.err
    assert failed.err.rstrip().endswith("Go on with: python driver.py --resume %s" % out)
    assert [len(history(path.parent)) for path in out.rglob("rounds.jsonl")] == (
        [1] * len(k.split(",")))
    succeed("driver", *args, "--output-dir", whole)
    again = succeed("driver", "--resume", out)
    assert "going on in %s: done are sample, seeds, round-01" % out in again.err
    for path in whole.rglob("*.csv"):
        assert (out / path.relative_to(whole)).read_bytes() == path.read_bytes()


def test_an_interrupted_run_is_no_traceback(tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt
    monkeypatch.setattr("howdah.clustering.clustering.starts_of_sample", interrupt)
    ran = run("driver", *IRIS_ARGS)
    assert ran.code == 130 and ran.err.endswith("interrupted\n") and "Traceback" not in ran.err
