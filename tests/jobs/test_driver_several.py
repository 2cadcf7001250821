"""Several k and several starts in the same scans."""

from __future__ import annotations

import re

import pytest
from generators import blobs, write_csv
from scripts import IRIS, centroids_of, history, model_of, refused, run, start_file, succeed
from sklearn.datasets import load_iris


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


@pytest.mark.slow
def test_restarts_keep_the_best_start(tmp_path):
    ran = succeed("driver", IRIS, "-k", 5, "--restarts", 4, "--init", "random",
                  "--ignore-columns", "label", "--output-dir", tmp_path / "out")
    alone = [succeed("driver", IRIS, "-k", 5, "--init", "random", "--seed", seed,
                     "--ignore-columns", "label", "--output-dir", tmp_path / str(seed))
             for seed in range(4)]
    costs = [model_of(tmp_path / str(seed))["cost"] for seed in range(4)]
    assert model_of(tmp_path / "out")["cost"] == min(costs) and len(set(costs)) > 1
    assert ran.err.count("converged") == 4 and all("converged" in a.err for a in alone)


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_k_that_needs_no_second_scan_ends_as_if_alone(tmp_path):
    """Five blobs far apart: the others go on for as long as they need."""
    write_csv(tmp_path / "x.csv", blobs(3000, 3, 5, seed=0, separation=25))
    args = (tmp_path / "x.csv", "--sample-size", 1000, "--tol", 0, "--max-rounds", 100)
    ran = succeed("driver", *args, "-k", "3,5,8", "--output-dir", tmp_path / "shared")
    scans = {}
    for k in (3, 5, 8):
        shared = tmp_path / "shared" / ("k-%d" % k)
        rounds = history(shared)
        scans[k] = [r["scan"] for r in rounds]
        lines = [line for line in ran.err.splitlines() if re.match(r"k=%d +\d" % k, line)]
        assert ["no scan needed" in line for line in lines] == [not scan for scan in scans[k]]
        assert model_of(shared)["cost"] == rounds[-1]["cost"]
        # Measured once more, by a run of its own from there.
        succeed("driver", *args, "-k", k, "--init", shared, "--output-dir", tmp_path / str(k))
        again = history(tmp_path / str(k))
        assert again[0]["cost"] == rounds[-1]["cost"] and again[0]["shift"] == 0
    assert scans[5] == [True, False] and len(scans[8]) > 2 and all(scans[8])
    assert "%d rounds)" % max(map(sum, scans.values())) in ran.err


@pytest.mark.slow
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
