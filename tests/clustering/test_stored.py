"""What an earlier version has written is read today, and written in the same way."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from scripts import REPOSITORY, centroids_of, history, model_of, succeed

STORED = REPOSITORY / "tests" / "stored"
RUN = STORED / "iris-run"
ARGS = ("data/iris.csv", "--ignore-columns", "label")


def alike(here: dict, stored: dict) -> None:
    """The same profile; another processor adds up a mean in another order."""
    assert list(here) == list(stored)
    for name in here.keys() - {"mean", "std", "exact"}:
        assert here[name] == stored[name]
    for name in ("mean", "std"):
        assert here[name] == pytest.approx(stored[name], rel=1e-12)


@pytest.fixture
def again(out: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The stored run's folder as today's driver writes it."""
    monkeypatch.chdir(REPOSITORY)
    succeed("driver", *ARGS, "-k", 3, "--init", "random", "--seed", 4, "--tol", 0, "--output-dir",
            out)
    return out


def test_a_run_is_written_with_the_same_bytes(again: Path) -> None:
    assert (again / "centroids.csv").read_bytes() == (RUN / "centroids.csv").read_bytes()
    here, stored = (dict(model_of(folder), howdah_version="") for folder in (again, RUN))
    alike(here.pop("profile"), stored.pop("profile"))
    assert json.dumps(here) == json.dumps(stored)
    here, stored = (json.loads((folder / "profile.json").read_text()) for folder in (again, RUN))
    alike(here.pop("profile"), stored.pop("profile"))
    assert json.dumps(here) == json.dumps(stored)
    rounds = [[dict(each, seconds=0) for each in history(folder)] for folder in (again, RUN)]
    assert rounds[0] == rounds[1] and len(rounds[0]) > 3


def test_packed_blocks_are_written_with_the_same_bytes(out: Path, monkeypatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    succeed("pack", *ARGS, "--output-dir", out)
    assert (out / "part-00000").read_bytes() == (STORED / "iris-packed2").read_bytes()


def test_a_stored_run_is_read(again: Path, monkeypatch) -> None:
    labels = [succeed("kmeans_assign", *ARGS, "--model", folder / "model.json").out
              for folder in (RUN, again)]
    assert labels[0] == labels[1] and labels[0].count("\n") == 150
    rounds = [succeed("kmeans_round", *ARGS, "--centroids", folder / "centroids.csv", "--profile",
                      folder / "profile.json").out for folder in (RUN, again)]
    assert rounds[0] == rounds[1]


@pytest.mark.parametrize("blocks", ["iris-packed", "iris-packed2"])
def test_stored_blocks_are_read(tmp_path: Path, blocks: str) -> None:
    ran = succeed("driver", STORED / blocks, "-k", 3, "--init", RUN / "centroids.csv",
                  "--output-dir", tmp_path / "out")
    assert "150 rows used" in ran.err
    assert centroids_of(tmp_path / "out") == pytest.approx(centroids_of(RUN), rel=1e-12)
