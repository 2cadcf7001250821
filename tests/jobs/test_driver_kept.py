"""What a run that breaks off leaves: whatever the error, all that it can go on from."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys

import pytest
from generators import blobs, write_csv
from howdah.errors import UserError
from howdah.launch.files.files import Files
from howdah.launch.launch import Launch
from howdah.scripts.kmeans_assign import KMeansAssign
from howdah.scripts.kmeans_round import KMeansRound
from howdah.scripts.kmeans_sample import KMeansSample
from scripts import (
    IRIS,
    IRIS_ARGS,
    REPOSITORY,
    history,
    model_of,
    refused,
    run,
    start_file,
    steps_of,
    succeed,
)

ROWS = blobs(300, 2, 4, seed=0, separation=2)


@pytest.fixture
def points(tmp_path):
    """300 rows that need more than four rounds from the start in c.csv."""
    write_csv(tmp_path / "x.csv", ROWS)
    start_file(tmp_path / "c.csv", ROWS, 4)
    return tmp_path / "x.csv"


def args_of(points, *more) -> tuple:
    return (points, "-k", 4, "--tol", 0, "--init", points.parent / "c.csv", *more)


def before_round(patch, number: int, action) -> None:
    """Let the driver's task of that round begin with `action`."""
    class Disturbed(KMeansRound):
        rounds = 0

        def map_batches(self, points):
            Disturbed.rounds += 1
            if Disturbed.rounds == number:
                action()
            return super().map_batches(points)

    patch.setattr("howdah.scripts.driver.KMeansRound", Disturbed)


def append(path, text: str):
    """What adds lines to a file."""
    def action():
        with open(path, "a") as file:
            file.write(text)
    return action


def way_on(out) -> str:
    return "Go on with: python driver.py --resume %s" % shlex.quote(str(out))


def anew(out) -> str:
    return ("Begin anew with another --output-dir; --init %s starts from the centroids there."
            % shlex.quote(str(out)))


def interrupt():
    raise KeyboardInterrupt


def block(path) -> None:
    """Have a folder stand where a file is to be written anew."""
    path.rename(path.with_suffix(path.suffix + ".kept"))
    path.mkdir()


# whatever the error

ERRORS = {
    "disk": (lambda x, out: block(out / "rounds.jsonl"), 1,
             "error: {out}/rounds.jsonl cannot be written ("),
    "bug": (lambda x, out: (out / "rounds.jsonl").write_text(str(1 // 0)), 1,
            "ZeroDivisionError: "),
    "ctrl-c": (lambda x, out: interrupt(), 130, "interrupted\n"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ERRORS)
def test_finished_steps_stay_and_can_be_gone_on_from(points, out, monkeypatch, name):
    action, code, said = ERRORS[name]
    with monkeypatch.context() as patch:
        before_round(patch, 3, lambda: action(points, out))
        ran = run("driver", *args_of(points, "--output-dir", out))
    assert ran.code == code, ran.err
    if name == "disk":
        (out / "rounds.jsonl").rmdir()
        (out / "rounds.jsonl.kept").rename(out / "rounds.jsonl")
    assert said.format(x=points, out=out) in ran.err and way_on(out) in ran.err
    assert len(history(out)) == 2 and not (out / ".howdah" / "RUN").exists()

    again = succeed("driver", "--resume", out)
    assert "going on in %s: done are sample, seeds, round-01, round-02" % out in again.err
    whole = succeed("driver", *args_of(points, "--output-dir", points.parent / "whole"))
    for file in ("centroids.csv", "model.json", "profile.json"):
        assert (out / file).read_bytes() == (points.parent / "whole" / file).read_bytes()
    assert jobs_of(again) == jobs_of(whole)


def jobs_of(ran) -> str:
    """How many scans there were, as the last line but one tells."""
    return ran.err.splitlines()[-2].split(";")[1].split("), ")[0]


CHANGES = {
    "bad row": (lambda x: append(x, "1,red\n")(), "line 301: column '1' is 'red'"),
    "lost": (lambda x: x.unlink(), "No such file or directory: '{x}'"),
    "another": (lambda x: x.write_text(x.read_text().replace("1", "2", 1)),
                "The input has changed since the run began: {x} had "),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CHANGES)
def test_a_run_whose_input_changes_begins_anew(points, out, monkeypatch, name):
    action, said = CHANGES[name]
    with monkeypatch.context() as patch:
        before_round(patch, 3, lambda: action(points))
        ran = run("driver", *args_of(points, "--output-dir", out))
    assert ran.code == 1 and said.format(x=points) in ran.err
    assert (anew(out) if name != "lost" else way_on(out)) in ran.err
    assert len(history(out)) == 2
    sentence = refused("driver", "--resume", out)
    assert "has changed since the run began: %s had " % points in sentence

    write_csv(points, ROWS)
    succeed("driver", points, "-k", 4, "--tol", 0, "--init", out, "--output-dir", out)
    succeed("driver", *args_of(points, "--output-dir", points.parent / "whole"))
    assert (out / "centroids.csv").read_bytes() == (
        points.parent / "whole" / "centroids.csv").read_bytes()


def test_a_bug_of_the_driver_itself_keeps_the_folder_too(points, out, monkeypatch):
    monkeypatch.setattr("howdah.clustering.command.Command._finish", lambda *_: 1 // 0)
    ran = run("driver", *args_of(points, "--output-dir", out))
    assert ran.code == 1 and "ZeroDivisionError" in ran.err
    assert ran.err.endswith(way_on(out) + "\n") and len(history(out)) > 2
    monkeypatch.undo()
    succeed("driver", "--resume", out)


def test_several_k_and_restarts_go_on_together(points, out, monkeypatch):
    several = (points, "-k", "3,4", "--restarts", 2, "--tol", 0, "--init", "random")
    with monkeypatch.context() as patch:
        before_round(patch, 2, interrupt)
        ran = run("driver", *several, "--output-dir", out)
    assert ran.code == 130 and way_on(out) in ran.err
    succeed("driver", "--resume", out)
    succeed("driver", *several, "--output-dir", points.parent / "whole")
    for name in ("centroids.csv", "model.json", "k-3/centroids.csv", "k-4/model.json"):
        assert (out / name).read_bytes() == (points.parent / "whole" / name).read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["random", "a b.csv", "."])
def test_the_way_on_is_one_that_works(points, monkeypatch, name):
    """A folder that is called as another --init, or as a file, with a blank; and a full stop."""
    (points.parent / "empty").mkdir()
    monkeypatch.chdir(points.parent / "empty")
    with monkeypatch.context() as patch:
        before_round(patch, 2, interrupt)
        ran = run("driver", *args_of(points, "--output-dir", name))
    words = ran.err.splitlines()[-2].partition("driver.py ")[2]
    succeed("driver", *shlex.split(words))
    assert [r["round"] for r in history(name)][:2] == [1, 2]


@pytest.mark.slow
def test_a_reader_of_standard_error_that_goes_away_is_an_error(points, out):
    """The first round's tasks wait until it has gone."""
    gone, python = points.parent / "gone", points.parent / "python"
    python.write_text('#!/bin/sh\nwhile [ -e %s ] && [ ! -e %s ]; do sleep 0.1; done\n'
                      'exec %s "$@"\n' % (out / "centroids.csv", gone, sys.executable))
    python.chmod(0o755)
    driver = subprocess.Popen(
        [sys.executable, str(REPOSITORY / "driver.py"), *map(str, args_of(
            points, "-r", "local", "--num-cores", 1, "--python-bin", python, "--output-dir", out))],
        stderr=subprocess.PIPE)
    assert driver.stderr is not None
    with driver.stderr:
        assert any(line.startswith(b"round ") for line in driver.stderr)
    gone.write_text("")
    assert driver.wait() == 1
    assert {"centroids.csv", "profile.json"} <= {p.name for p in out.iterdir()}
    assert (steps_of(out) / "round-01.json").exists()


def test_the_sample_scan_is_kept_while_its_seeds_are_sought(out, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("howdah.clustering.clustering.starts_of_sample", lambda *_: interrupt())
        ran = run("driver", *IRIS_ARGS, "--output-dir", out)
    assert ran.code == 130 and way_on(out) in ran.err and os.listdir(out) == [".howdah"]
    assert "done are sample\n" in succeed("driver", "--resume", out).err


# nothing to go on from

def test_a_use_that_can_come_to_nothing_leaves_nothing(out, monkeypatch):
    def end(*_):
        raise UserError("No.")
    monkeypatch.setattr("howdah.clustering.clustering.starts_of_sample", end)
    assert refused("driver", *IRIS_ARGS, "--output-dir", out) == "No." and not out.exists()


def test_an_end_before_the_first_step_leaves_nothing(out, monkeypatch):
    class Interrupted(KMeansSample):
        def map_batches(self, points):
            interrupt()

    monkeypatch.setattr("howdah.scripts.driver.KMeansSample", Interrupted)
    ran = run("driver", *IRIS_ARGS, "--output-dir", out)
    assert ran.code == 130 and "Go on" not in ran.err and not out.exists()


def test_a_linked_folder_that_cannot_be_removed_is_said_beside_the_error(tmp_path, out):
    (tmp_path / "there").mkdir()
    out.symlink_to(tmp_path / "there")
    ran = run("driver", IRIS, "-k", 151, "--ignore-columns", "label", "--output-dir", out)
    assert ran.code == 2 and "error: -k is 151, but the input has only 149" in ran.err
    assert "warning: %s stays: The folder %s cannot be removed (" % (out, out) in ran.err


def test_a_cluster_that_cannot_be_tidied_up_hides_no_error(tmp_path, capsys):
    hadoop = tmp_path / "hadoop"
    hadoop.write_text('#!/bin/sh\ncase "$*" in *-rm*) echo "rm: Connection refused" >&2; exit 1;;'
                      ' esac\n')
    hadoop.chmod(0o755)
    job = KMeansSample([str(IRIS), "-k", "3", "-r", "hadoop", "--hadoop-bin", str(hadoop)])
    with pytest.raises(ZeroDivisionError):
        with Launch(job) as launch:
            assert launch.backend.scratch.startswith("hdfs:///tmp/howdah-")
            raise ZeroDivisionError
    assert capsys.readouterr().err.startswith("warning: %s stays: The NameNode" % (
        launch.backend.scratch))


def test_a_folder_that_cannot_be_removed_is_an_error(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "there")
    with pytest.raises(UserError, match="link cannot be removed"):
        Files().rm(str(tmp_path / "link"))
    Files().rm(str(tmp_path / "none"))
    assert sorted(os.listdir(tmp_path)) == ["link", "there"]


# an input that changes between scans

CHANGED = "the input changed between scans. Wait until nothing writes to it; the next run scans it"


@pytest.mark.parametrize("text, said", [
    ("0.5,0.5\n" * 7, "This scan used 307 rows, but the first one 300."),
    ("1e6,0\n", "The data has values outside the range of its profile;"),
    ("1,red\n", "1 of 301 rows cannot be used")])
def test_rows_that_a_round_meets_first_stop_the_run(points, out, monkeypatch, text, said):
    with monkeypatch.context() as patch:
        before_round(patch, 2, append(points, text))
        ran = run("driver", *args_of(points, "--output-dir", out))
    assert ran.code == 1 and said in ran.err and CHANGED in ran.err
    assert ran.err.endswith(anew(out) + "\n")
    assert len(history(out)) == 1 and not (steps_of(out) / "round-02.json").exists()
    again = succeed("driver", points, "-k", 4, "--bad-rows", "skip", "--init", out,
                    "--output-dir", out)
    assert "sample scan: " in again.err and [r["round"] for r in history(out)][:2] == [1, 2]


@pytest.mark.parametrize("last", ["", "\n", "0.5,red\n"])
def test_rows_that_are_gone_stop_the_run(points, out, monkeypatch, last):
    """Cut off, blank, or bad and skipped."""
    lines = points.read_text().splitlines(keepends=True)
    before_round(monkeypatch, 2, lambda: points.write_text("".join(lines[:-1]) + last))
    ran = run("driver", *args_of(points, "--bad-rows", "skip", "--output-dir", out))
    assert ran.code == 1 and "This scan used 299 rows, but the first one 300." in ran.err
    assert "converged" not in ran.err


def test_without_an_output_folder_nothing_is_written_and_it_is_bad_input(points, monkeypatch):
    before_round(monkeypatch, 2, append(points, "0.5,0.5\n"))
    ran = run("driver", *args_of(points))
    assert ran.code == 2 and CHANGED in ran.err and "Go on" not in ran.err


def test_labels_of_other_rows_are_not_left(points, out, monkeypatch):
    class Grows(KMeansAssign):
        def map_batches(self, batches):
            append(points, "0.5,0.5\n")()
            return super().map_batches(batches)

    monkeypatch.setattr("howdah.scripts.driver.KMeansAssign", Grows)
    ran = run("driver", *args_of(points, "--assign", "--output-dir", out))
    assert ran.code == 1 and "This scan used 301 rows, but the first one 300." in ran.err
    assert CHANGED in ran.err and ran.err.endswith(anew(out) + "\n")
    assert model_of(out)["k"] == 4 and not (out / "labels").exists()


@pytest.mark.slow
def test_local_tasks_see_it_too(points, out):
    """Every task's Python adds a row before it starts."""
    python = points.parent / "python"
    python.write_text('#!/bin/sh\necho 0.5,0.5 >> %s\nexec %s "$@"\n' % (points, sys.executable))
    python.chmod(0o755)
    ran = run("driver", *args_of(points, "-r", "local", "--num-cores", 1, "--python-bin", python,
                                 "--output-dir", out))
    assert ran.code == 2 and not out.exists()
    assert "The input has changed since the run began: %s had " % points in ran.err


def test_a_round_alone_is_held_to_its_profile(points, monkeypatch):
    args = ("kmeans_round", points, "--centroids", points.parent / "c.csv")
    profile = points.parent / "p.jsonl"
    profile.write_text(succeed("kmeans_sample", points, "-k", 4).out)
    assert sum(c["count"] for c in succeed(*args, "--profile", profile).rows()) == 300
    append(points, "0.5,0.5\n")()
    assert refused(*args, "--profile", profile) == (
        "The profile %s is of 300 rows, but of the input 301 were used; leave out --profile, or"
        " make it anew of this input with these options." % profile)

    class Grows(KMeansSample):
        def map_batches(self, batches):
            yield from super().map_batches(batches)
            append(points, "0.5,0.5\n")()

    monkeypatch.setattr("howdah.scripts.kmeans_sample.KMeansSample", Grows)
    sentence = refused(*args, "--output-dir", points.parent / "round")
    assert sentence.startswith("This scan used 302 rows, but the first one 301.")
    assert CHANGED in sentence and not (points.parent / "round").exists()


def test_weights_of_zero_and_skipped_and_empty_lines_are_no_change(tmp_path):
    header, *rows = IRIS.read_text().splitlines()
    (tmp_path / "x.csv").write_text("\n".join(
        [header, "", *rows, "red,,,,0", header, "0,0,0,0,0"]) + "\n")
    ran = succeed("driver", tmp_path / "x.csv", "-k", 3, "--weight-column", "label", "--metric",
                  "cosine", "--bad-rows", "skip", "--assign", "--output-dir", tmp_path / "out")
    assert ran.err.count("150 rows used, 2 bad rows skipped, 1 empty lines") == 2
