"""The benchmarks run at their small sizes, so that none can rot; and what they measure with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest
from bench.before import Answers, unpack
from bench.harness import BENCH, REPOSITORY, Contender, Costs, Ran, dataset, in_turn, run
from bench.peers.textbook import TextbookKMeans
from bench.peers.textbook_model import lloyd_round, rounds_to
from bench.report import Report
from generators import blobs, write_csv
from hadoop.fixture import require
from oracle import plain_distances, plain_round

# Not benchmarks: what they share.
PARTS = {"__init__", "harness", "map_tasks", "measured", "report", "tables"}


def small(name: str, tmp_path: Path, *options: str) -> dict:
    """Run a benchmark as CI does; its JSON."""
    asked = ["--small", *options, "--json", str(tmp_path / "found.json")]
    if "parser_of(" in (BENCH / (name + ".py")).read_text():
        asked += ["--data-dir", str(tmp_path / "data")]
    done = subprocess.run([sys.executable, str(BENCH / (name + ".py")), *asked], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert done.returncode == 0 and "Traceback" not in done.stdout, done.stdout
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["limits"] and found["rows"] and found["tables"] and found["versions"]["numpy"]
    assert not found["failed"]
    # Elsewhere Spark or Hadoop may be missing, which the benchmark says.
    assert os.environ.get("HOWDAH_CI") != "1" or not any(
        "is NOT among" in note for note in found["notes"])
    return found


def scripts() -> list:
    return sorted(path.stem for path in BENCH.glob("*.py") if path.stem not in PARTS)


@pytest.mark.slow
@pytest.mark.parametrize("name", scripts())
def test_every_benchmark_runs_at_a_small_size(name, tmp_path):
    if name.startswith("hadoop_"):
        require()
    if name == "before" and not (REPOSITORY / ".git").exists():
        pytest.skip("git has no revision of this folder")
    found = small(name, tmp_path)
    assert found["command"] == "python tests/bench/%s.py --small" % name


# what they measure with


def options(tmp_path: Path, **other) -> Namespace:
    return Namespace(small=True, json=tmp_path / "out.json", repeats=2, timeout=60, **other)


def test_memory_is_the_commands_own_and_not_its_parents(tmp_path):
    ours = np.ones(300_000_000, dtype=np.uint8)
    ran = run([sys.executable, "-c", "x = b'1' * 100_000_000"], tmp_path / "log", 60)
    assert ran.code == 0 and 95 < ran.peak_mb < 150 < ours.nbytes / 2 ** 20


@pytest.mark.slow
def test_a_command_that_takes_too_long_is_ended_with_its_children(tmp_path):
    code = ("import subprocess, sys; p = subprocess.Popen([sys.executable, '-c',"
            " 'import time; time.sleep(600)']); print(p.pid, flush=True); p.wait()")
    ran = run([sys.executable, "-c", code], tmp_path / "log", 3)
    assert ran.code is None and "stopped after" in ran.trouble
    child = Path("/proc/%s/stat" % ran.tail().strip())
    end = time.monotonic() + 10
    while is_running(child) and time.monotonic() < end:
        time.sleep(0.05)
    assert not is_running(child)


def is_running(stat: Path) -> bool:
    """Whether the process of a /proc/PID/stat is there and no zombie."""
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_exit_codes_and_last_words_are_kept(tmp_path):
    ran = run([sys.executable, "-c", "print('the last words'); raise SystemExit(3)"],
              tmp_path / "log", 60)
    assert (ran.code, ran.trouble) == (3, "exit code 3")
    assert ran.tail().strip() == "the last words"
    assert run(["no-such-command"], tmp_path / "none", 60).code == 127


def test_contenders_take_turns_and_one_that_fails_is_left_out_but_told(tmp_path, capsys):
    started = []

    def command(name: str, code: int):
        def made(out: Path):
            started.append(name)
            return [sys.executable, "-c", "raise SystemExit(%d)" % code]
        return made

    asked = options(tmp_path)
    report = Report("turns", asked)
    in_turn([Contender("a", command("a", 0)), Contender("b", command("b", 1)),
             Contender("c", command("c", 0), once=True)], report, asked, tmp_path)
    assert started == ["a", "b", "c", "a"]
    assert [row["contender"] for row in report.rows] == ["a", "c", "a"]
    assert "FAILED  b: exit code 1" in capsys.readouterr().out
    assert report.code() == 1
    assert json.loads((tmp_path / "out.json").read_text())["failed"] == ["b: exit code 1"]


def test_ratios_are_medians_of_those_within_a_turn(tmp_path):
    report = Report("ratios", options(tmp_path))
    for turn, (a, b) in enumerate([(1.0, 2.0), (30.0, 40.0), (1.0, 1.0)]):
        report.add({"contender": "a", "turn": turn, "seconds": a})
        report.add({"contender": "b", "turn": turn, "seconds": b})
    report.add({"contender": "c", "turn": 1, "seconds": 15.0})
    assert report.ratio("a", "b") == 0.75
    assert report.ratio("a", "c") == 2.0
    assert report.ratio("a", "none") is None


def test_a_limit_that_is_missed_or_not_measured_fails_at_full_size_only(tmp_path):
    for small_size, code in ((True, 0), (False, 1)):
        for value in (2.0, None):
            asked = options(tmp_path)
            asked.small = small_size
            report = Report("limits", asked)
            report.limit("held", 1.0, 1.0)
            assert report.code() == 0
            report.limit("missed", value, 1.0)
            assert report.code() == code


def test_processor_time_is_told_and_waiting_is_none(tmp_path):
    code = "import time; time.sleep(0.3); sum(range(3_000_000))"
    ran = run([sys.executable, "-c", code], tmp_path / "log", 60)
    assert 0 < ran.cpu_seconds < ran.seconds - 0.25


def answers_of(path: Path, text: str) -> Ran:
    path.write_text("rows read: 3\n" + text)
    return Ran(0, 1.0, 1.0, str(path))


CLUSTER = '{"label": 7, "centroid": [0.1, 2.0]}\n'


@pytest.mark.parametrize("text, words", [
    (CLUSTER, "same bytes"), (CLUSTER.replace("0.1", "0.10000000000000001"), "same to nine digits"),
    (CLUSTER.replace("}", ', "more": 1}'), "same to nine digits"),
    (CLUSTER.replace("0.1", "0.1000001"), None), (CLUSTER.replace("7", "8"), None),
    (CLUSTER.replace(", 2.0", ""), None), (CLUSTER * 2, None), ("", None)])
def test_both_revisions_must_give_the_same_answers(tmp_path, text, words):
    answers = Answers()
    assert answers.check(tmp_path, answers_of(tmp_path / "before", CLUSTER)) == {
        "answers": "same bytes"}
    ran = answers_of(tmp_path / "now", text)
    if words:
        assert answers.check(tmp_path, ran) == {"answers": words}
    else:
        with pytest.raises(AssertionError):
            answers.check(tmp_path, ran)


def test_a_revision_that_git_does_not_know_is_named(tmp_path):
    with pytest.raises(SystemExit, match="git has no revision no-such-thing"):
        unpack("no-such-thing", tmp_path / "checkout")


def test_costs_are_those_of_plain_distances(tmp_path):
    X = blobs(10_000, 3, 4, seed=1)
    C = X[:4] + 0.1
    write_csv(tmp_path / "x.csv", X)
    expected = plain_distances(X, C).min(axis=1).sum()
    assert Costs(tmp_path / "x.csv").of(C) == pytest.approx(expected, rel=1e-12)


def test_data_is_made_once(tmp_path):
    path = dataset(tmp_path / "data", "blobs", 100, 3, 2)
    before = path.stat().st_mtime_ns
    assert dataset(tmp_path / "data", "blobs", 100, 3, 2) == path
    assert path.stat().st_mtime_ns == before
    assert np.loadtxt(path, delimiter=",").shape == (100, 3)


def test_the_textbook_job_is_a_round_of_kmeans(tmp_path):
    X = blobs(500, 3, 4, seed=1)
    start = X[:4]
    write_csv(tmp_path / "x.csv", X)
    (tmp_path / "c.json").write_text(json.dumps(start.tolist()))
    job = TextbookKMeans([str(tmp_path / "x.csv"), "--centroids", str(tmp_path / "c.json"),
                          "--no-conf"])
    with job.make_runner() as runner:
        runner.run()
        found = dict(job.parse_output(runner.cat_output()))
    expected, cost = plain_round(X, start)
    assert np.allclose([found[label] for label in range(4)], expected, rtol=1e-12)
    moved, model_cost = lloyd_round(X, start)
    assert np.allclose(moved, expected, rtol=1e-12) and model_cost == pytest.approx(cost)


def test_the_textbooks_rounds_end_at_the_cost_that_is_enough(tmp_path):
    X = blobs(2_000, 3, 4, seed=1)
    write_csv(tmp_path / "x.csv", X)
    start = C = X[:4]
    costs = []
    for _ in range(5):
        C, cost = plain_round(X, C)
        costs.append(cost)
    rounds, cost = rounds_to(tmp_path / "x.csv", start, costs[1] * (1 + 1e-9))
    assert rounds == 1 and cost == pytest.approx(costs[1])
    rounds, cost = rounds_to(tmp_path / "x.csv", start, 0.0)
    assert 1 <= rounds < 100 and cost <= costs[1]
