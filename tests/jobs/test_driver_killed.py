"""A driver killed, or denied the disk, at any of its changes: a run that goes on has its bits."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest
from disturbed import run_disturbed
from generators import blobs, write_csv
from nightly import drawn
from scripts import run, start_file

# Of all changes every seventh in CI, every one at night.
EVERY = drawn(7, 1)
ERRORS = ("ENOSPC", "EIO", "EACCES")


@pytest.fixture
def points(tmp_path):
    """Rows that need a sample scan, three rounds and the labels."""
    rows = blobs(300, 2, 4, seed=0, separation=2)
    write_csv(tmp_path / "x.csv", rows)
    start_file(tmp_path / "c.csv", rows, 4)
    return tmp_path / "x.csv"


def args_of(points: Path, out: Path, runner: str) -> tuple:
    return (points, "-k", 4, "--init", points.parent / "c.csv", "--tol", 0, "--max-rounds", 2,
            "--assign", "--output-dir", out, "-r", runner)


def left_in(folder: Path) -> dict:
    """What a run left: every file's bytes, times and its id aside."""
    manifest = json.loads((folder / ".howdah" / "manifest.json").read_text())
    found: dict = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            name = str(path.relative_to(folder)).replace(manifest["run"], "RUN")
            found[name] = path.read_bytes()
    for name in ("run", "begun", "steps"):
        manifest.pop(name)
    manifest["options"].pop("output_dir", None)
    found[".howdah/manifest.json"] = manifest
    found["rounds.jsonl"] = [{**json.loads(line), "seconds": 0}
                             for line in found["rounds.jsonl"].decode().splitlines()]
    return found


def undisturbed(points: Path, runner: str) -> dict:
    whole = points.parent / ("whole-" + runner)
    assert run("driver", *args_of(points, whole, runner)).code == 3
    return left_in(whole)


def gone_on(points: Path, out: Path, runner: str) -> dict:
    """The run after it went on, or after its command again where it had not begun."""
    ran = run("driver", "--resume", out)
    if "holds no run to go on with" in ran.err:
        ran = run("driver", *args_of(points, out, runner))
    assert ran.code == 3, ran.err
    return left_in(out)


def disturbed(points: Path, runner: str, kind: str, first: int):
    """(n, the folder, the ended process) for every change that is disturbed, until none is left."""
    for at in range(first, 1000, EVERY):
        out = points.parent / ("%s-%d" % (kind, at))
        ran = run_disturbed(kind, at, out, *args_of(points, out, runner))
        if ran.returncode == 3:
            return
        yield at, out, ran
    raise AssertionError("It never came to its end.")


@pytest.mark.slow
@pytest.mark.parametrize("runner", ["inline", "local"])
def test_killed_at_any_change_it_goes_on_to_the_same_bits(points, runner):
    expected, count = undisturbed(points, runner), 0
    for at, out, ran in disturbed(points, runner, "kill", 1 + (runner == "local")):
        assert ran.returncode == -9, ran.stderr
        assert gone_on(points, out, runner) == expected, at
        count += 1
    assert count > 100 // EVERY
    print("killed and gone on: %d of %d (-r %s)" % (count, count, runner))


@pytest.mark.slow
@pytest.mark.parametrize("error", ERRORS)
def test_whatever_change_fails_is_a_sentence_and_goes_on(points, error):
    expected, count = undisturbed(points, "inline"), 0
    for at, out, ran in disturbed(points, "inline", error, 1 + ERRORS.index(error)):
        assert ran.returncode in (1, 2), (at, ran.stderr)
        assert "Traceback" not in ran.stderr, ran.stderr
        assert os.strerror(getattr(errno, error)) in ran.stderr, ran.stderr
        assert gone_on(points, out, "inline") == expected, at
        count += 1
    print("failed with %s and gone on: %d of %d" % (error, count, count))
