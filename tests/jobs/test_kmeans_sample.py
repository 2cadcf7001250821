"""The sample scan: profile and weighted sample, whatever the input looks like."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from generators import blobs, copies, write_csv
from howdah.clustering.sampling import profile_and_sample, sampling_plan
from howdah.kmeans.moments import Moments
from howdah.kmeans.priority_sample import PrioritySample
from howdah.kmeans.profile import Profile
from howdah.launch.launch import Launch
from howdah.scripts.kmeans_sample import KMeansSample
from howdah.task.plans import SamplePlan
from scripts import DIGITS, IRIS, WORDCOUNT, plan_of, refused, run, succeed
from sklearn.datasets import load_iris, load_svmlight_file


def task(tmp_path, plan: SamplePlan, stdin: bytes, *args) -> list:
    """Records of one task that is handed its rows on standard input, as Hadoop does it."""
    path = tmp_path / "plan.json"
    path.write_bytes(plan.to_json(sliced=False))
    job = KMeansSample([*args, "--plan", str(path)])
    job.sandbox(stdin=io.BytesIO(stdin), stdout=io.BytesIO())
    job.execute()
    return [job.internal_protocol().read(line)
            for line in job.stdout.getvalue().splitlines()]  # type: ignore[attr-defined]


def plan_for(*args) -> SamplePlan:
    """The plan that the launcher makes for these arguments."""
    return plan_of(Launch(KMeansSample([str(a) for a in args])))


def scanned(*args) -> tuple:
    """Profile and sample of a scan with these arguments."""
    job = KMeansSample([str(a) for a in args])
    launch = Launch(job)
    return profile_and_sample(launch.run(KMeansSample, sampling_plan(launch, job.options)))


def test_a_task_without_rows_reports_none(tmp_path):
    plan = plan_for(IRIS, "-k", 3, "--ignore-columns", "label")
    assert task(tmp_path, plan, b"", "--mapper") == [
        ("rows", {"used": 0, "bad": 0, "empty": 0, "headers": 0, "examples": []})]
    assert task(tmp_path, plan, b"", "--reducer") == []


def test_profile_is_that_of_the_data():
    first, *sample = succeed("kmeans_sample", IRIS, "-k", 3, "--ignore-columns", "label").rows()
    X = load_iris().data
    profile = first["profile"]
    assert (profile["rows"], profile["columns"], profile["distinct_rows"]) == (150, 4, 149)
    assert profile["distinct_is_exact"] is True
    assert profile["mean"] == pytest.approx(X.mean(axis=0), rel=1e-12)
    assert profile["std"] == pytest.approx(X.std(axis=0), rel=1e-12)
    assert profile["min"] == X.min(axis=0).tolist() and profile["max"] == X.max(axis=0).tolist()
    # A sample that has room for all rows is all rows.
    rows = np.array([s["row"] for s in sample])
    assert {s["weight"] for s in sample} == {1.0}
    assert np.array_equal(np.sort(rows, axis=0), np.sort(X, axis=0))


def test_profile_can_be_read_by_a_round(tmp_path):
    """What it prints is a file for --profile, to the last bit."""
    printed = succeed("kmeans_sample", IRIS, "-k", 3, "--ignore-columns", "label")
    (tmp_path / "p.jsonl").write_text(printed.out)
    (tmp_path / "c.csv").write_text("1,1,1,1\n5,5,5,5\n")
    args = (IRIS, "--centroids", tmp_path / "c.csv", "--ignore-columns", "label")
    with_profile = succeed("kmeans_round", *args, "--profile", tmp_path / "p.jsonl")
    assert with_profile.out == succeed("kmeans_round", *args).out
    assert with_profile.err.count("lines read") == 1


def test_sample_is_of_the_wanted_size_and_stands_for_all_rows(tmp_path):
    X = blobs(20_000, 4, 5, seed=1)
    write_csv(tmp_path / "x.csv", X)
    profile, rows, weights = scanned(tmp_path / "x.csv", "-k", 5, "--sample-size", 2000)
    assert profile.rows == 20_000 and rows.shape == (2000, 4)
    assert weights.min() >= 1
    # Priority samples are unbiased; 2,000 of 20,000 rows come within some per cent.
    assert weights.sum() == pytest.approx(20_000, rel=0.05)
    assert weights @ rows / weights.sum() == pytest.approx(X.mean(axis=0), abs=0.5)
    present = {tuple(row) for row in X}
    assert all(tuple(row) in present for row in rows)


@pytest.mark.parametrize("seed", [1, 2])
def test_same_seed_same_sample_and_another_seed_another(tmp_path, seed):
    write_csv(tmp_path / "x.csv", blobs(3000, 2, 3, seed=0))
    args = (tmp_path / "x.csv", "-k", 3, "--sample-size", 100)
    once = succeed("kmeans_sample", *args, "--seed", seed).out
    assert once == succeed("kmeans_sample", *args, "--seed", seed).out
    assert once != succeed("kmeans_sample", *args, "--seed", seed + 10).out
    assert once != succeed("kmeans_sample", *args).out


def test_rows_of_weight_zero_are_never_sampled_and_heavy_ones_stand_for_their_weight(tmp_path):
    lines = ["x,y,w"] + ["%d,%d,%g" % (i, i % 7, (0, 1, 2.5)[i % 3]) for i in range(600)]
    (tmp_path / "w.csv").write_text("\n".join(lines) + "\n")
    profile, rows, weights = scanned(tmp_path / "w.csv", "-k", 2, "--weight-column", "w")
    assert profile.total_weight == pytest.approx(200 * 3.5) and profile.heaviest == 2.5
    assert len(rows) == 400 and not (rows[:, 0] % 3 == 0).any()
    assert weights.tolist() == [(0, 1, 2.5)[int(x) % 3] for x in rows[:, 0]]


def test_ninety_per_cent_copies_weigh_ninety_per_cent(tmp_path):
    X = copies(20_000, 4, seed=0)
    write_csv(tmp_path / "x.csv", X)
    profile, rows, weights = scanned(tmp_path / "x.csv", "-k", 10, "--sample-size", 1000)
    assert profile.rows == 20_000
    same = (rows == X[0]).all(axis=1)
    assert weights[same].sum() == pytest.approx(18_000, rel=0.15)


def test_sparse_rows_are_sampled_whole():
    profile, rows, _ = scanned(WORDCOUNT, "-k", 3)
    X = load_svmlight_file(str(WORDCOUNT))[0].toarray()
    assert profile.rows == 33 and profile.width == X.shape[1]
    assert np.array_equal(np.sort(rows, axis=0), np.sort(X, axis=0))
    assert profile.moments.means == pytest.approx(X.mean(axis=0))


def test_records_of_all_tasks_merge_into_one_profile_and_sample(tmp_path):
    """Mapper on two halves, then the reducer, through standard input and output."""
    lines = IRIS.read_bytes().splitlines(keepends=True)
    plan = plan_for(IRIS, "-k", 3, "--ignore-columns", "label", "--sample-size", 40)
    records = [r for half in (lines[:80], lines[80:])
               for r in task(tmp_path, plan, b"".join(half), "--mapper")]
    by_key = sorted(records, key=lambda r: r[0])
    protocol = KMeansSample([]).internal_protocol()
    merged = dict(task(tmp_path, plan, b"".join(
        protocol.write(*record) + b"\n" for record in by_key), "--reducer"))
    X = load_iris().data
    profile = Profile.from_dict(merged["profile"])
    assert profile.rows == 150
    assert profile.moments.std == pytest.approx(Moments.of(X).std, rel=1e-12)
    assert merged["rows"]["used"] == 150 and merged["rows"]["headers"] == 1
    assert len(PrioritySample.of_records([merged["sample"]])) == 40


def test_local_scan_in_four_tasks_finds_the_profile_of_one_task(tmp_path):
    args = (DIGITS, DIGITS, "-k", 10, "--ignore-columns", "label", "--sample-size", 300)
    inline, *_ = succeed("kmeans_sample", *args).rows()
    ran = succeed("kmeans_sample", *args, "-r", "local")
    local, *sample = ran.rows()
    assert "3596 lines read: 3594 rows used" in ran.err
    assert len(sample) == 300
    for key in ("rows", "columns", "min", "max", "distinct_rows"):
        assert local["profile"][key] == inline["profile"][key]
    assert local["profile"]["mean"] == pytest.approx(inline["profile"]["mean"], rel=1e-12)


def test_wrong_use_is_a_sentence(tmp_path):
    assert refused("kmeans_sample", IRIS) == "-k is missing; say how many clusters with -k K."
    assert refused("kmeans_sample", IRIS, "-k", 0) == "-k is 0; it must be at least 1."
    for size in (2, 0):
        assert refused("kmeans_sample", IRIS, "-k", 3, "--sample-size", size) == (
            "--sample-size is %d, but -k 3 clusters need a sample of at least as many rows." % size)


def test_bad_rows_leave_no_output_folder(tmp_path):
    (tmp_path / "bad.csv").write_text("1,2\n3,NA\n")
    args = (tmp_path / "bad.csv", "-k", 1, "--output-dir", tmp_path / "out")
    assert "bad.csv, line 2: column '1' is 'NA', not a number: '3,NA'" in refused(
        "kmeans_sample", *args)
    assert not (tmp_path / "out").exists()
    ran = run("kmeans_sample", *args, "--bad-rows", "skip")
    assert ran.code == 0 and json.loads(ran.out.splitlines()[0])["profile"]["rows"] == 1
    assert (tmp_path / "out").is_dir()
