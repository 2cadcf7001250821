"""Going on with a run by --resume: what it takes over, what it refuses, what it says."""

from __future__ import annotations

import json
import os

import pytest
from generators import blobs, write_csv
from howdah.clustering.running import this_process
from scripts import history, refused, run, start_file, succeed

ROWS = blobs(300, 2, 4, seed=0, separation=2)


@pytest.fixture
def stopped(tmp_path, monkeypatch):
    """The folder of a run that was stopped after two rounds, its input given by a relative path."""
    monkeypatch.chdir(tmp_path)
    write_csv(tmp_path / "x.csv", ROWS)
    start_file(tmp_path / "c.csv", ROWS, 4)
    assert run("driver", "x.csv", *ARGS, "--max-rounds", 1, "-o", "out").code == 3
    return tmp_path / "out"


ARGS = ("-k", 4, "--init", "c.csv", "--tol", 0)


def test_no_folder_no_run(tmp_path):
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "empty", tmp_path / "none"):
        assert refused("driver", "--resume", folder).startswith(
            "%s holds no run to go on with (%s/.howdah/manifest.json is not there);"
            % (folder, folder))


def test_a_larger_limit_goes_on_to_the_bits_of_one_run(stopped, tmp_path, monkeypatch):
    monkeypatch.chdir("/")
    ran = succeed("driver", "--resume", stopped, "--max-rounds", 90)
    assert "done are sample, seeds, round-01, round-02\n" in ran.err
    monkeypatch.chdir(tmp_path)
    whole = succeed("driver", "x.csv", *ARGS, "--max-rounds", 90, "-o", "whole")
    for name in ("centroids.csv", "model.json", "profile.json"):
        assert (stopped / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert [each["cost"] for each in history(stopped)] == [
        each["cost"] for each in history(tmp_path / "whole")]
    jobs = [each.err.splitlines()[-2].split("; ")[1].rpartition(", ")[0] for each in (ran, whole)]
    assert jobs[0] == jobs[1]


def test_a_run_that_has_ended_says_so_and_scans_nothing(stopped, monkeypatch):
    monkeypatch.setattr("howdah.launch.launch.Launch.run", None)
    ran = run("driver", "--resume", stopped)
    assert ran.code == 3 and "stopped by a limit; to go on, give a larger --max-rounds" in ran.err
    monkeypatch.undo()
    succeed("driver", "--resume", stopped, "--max-rounds", 90)
    monkeypatch.setattr("howdah.launch.launch.Launch.run", None)
    assert "has ended by itself: there is nothing to go on with" in succeed(
        "driver", "--resume", stopped).err


@pytest.mark.slow
def test_the_same_command_may_be_given_again(stopped, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    succeed("driver", "x.csv", *ARGS, "--max-rounds", 90, "-o", stopped, "--resume", stopped,
            "-r", "local")


@pytest.mark.parametrize("given, told", [
    (("-k", 5), "--clusters is 5, but the run in {0} was begun with 4; leave the option out,"),
    (("--seed", 0, "--metric", "cosine"), "--metric is cosine, but the run in {0} was begun with"),
    (("--standardize",), "--standardize is given, but the run in {0} was begun with not given;"),
    (("--id-column", 1), "--id-column is 1, but the run in {0} was begun with not given;"),
    (("--assign",), "--assign is given, but the run in {0} was begun with not given;"),
    (("c.csv",), "The input is c.csv, but the run in {0} was begun with x.csv; leave the input"),
    (("-o", "there"), "--output-dir is there, but --resume goes on in {0}; leave --output-dir")])
def test_what_decides_the_answer_is_the_runs(stopped, tmp_path, monkeypatch, given, told):
    monkeypatch.chdir(tmp_path)
    before = {path: path.read_bytes() for path in stopped.rglob("*") if path.is_file()}
    assert refused("driver", "--resume", stopped, *given).startswith(told.format(stopped))
    assert {path: path.read_bytes() for path in stopped.rglob("*") if path.is_file()} == before


def test_the_second_of_two_drivers_is_refused(stopped, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (stopped / ".howdah" / "RUN").write_text(json.dumps(this_process("r0")))
    at_work = "is the folder of a run that another driver works on (process %d on" % os.getpid()
    for args in (("--resume", stopped), ("x.csv", *ARGS, "-o", stopped),
                 ("x.csv", "-k", 4, "--init", stopped, "-o", stopped)):
        assert at_work in refused("driver", *args)
    assert (stopped / ".howdah" / "RUN").exists()


def test_a_folder_whose_run_has_not_ended_is_not_begun_in(stopped, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    manifest = stopped / ".howdah" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"exit": 3', '"exit": null'))
    assert refused("driver", "x.csv", *ARGS, "-o", stopped) == (
        "The output folder %s is that of a run that has not ended; give another --output-dir, or go"
        " on with: python driver.py --resume %s" % (stopped, stopped))


def test_what_a_write_left_that_was_cut_off_is_in_nobodys_way(tmp_path):
    write_csv(tmp_path / "x.csv", ROWS)
    (tmp_path / "out" / ".howdah" / ".howdah-x1").mkdir(parents=True)
    (tmp_path / "out" / ".howdah" / ".howdah-x1" / "manifest.json").write_text("{")
    succeed("driver", tmp_path / "x.csv", "-k", 4, "-o", tmp_path / "out")
    (tmp_path / "out" / ".howdah-x2").mkdir()
    succeed("driver", "--resume", tmp_path / "out")
    assert not list((tmp_path / "out").rglob(".howdah-*"))


@pytest.mark.slow
def test_no_secret_and_no_runner_option_is_kept(tmp_path):
    write_csv(tmp_path / "x.csv", ROWS)
    succeed("driver", tmp_path / "x.csv", "-k", 4, "-o", tmp_path / "out", "-r", "local",
            "--jobconf", "fs.s3a.secret.key=hidden", "--cmdenv", "TOKEN=hidden")
    manifest = (tmp_path / "out" / ".howdah" / "manifest.json").read_text()
    assert "hidden" not in manifest and json.loads(manifest)["runner"] == "local"


def test_a_folder_within_the_input_is_none_of_it(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    write_csv(folder / "x.csv", ROWS)
    start_file(tmp_path / "c.csv", ROWS, 4)
    args = (folder, "-k", 4, "--init", tmp_path / "c.csv", "--tol", 0, "-o", folder / "out")
    assert run("driver", *args, "--max-rounds", 1).code == 3
    succeed("driver", "--resume", folder / "out", "--max-rounds", 90)
    succeed("driver", folder / "x.csv", *args[1:-1], tmp_path / "whole")
    assert (folder / "out" / "centroids.csv").read_bytes() == (
        tmp_path / "whole" / "centroids.csv").read_bytes()
