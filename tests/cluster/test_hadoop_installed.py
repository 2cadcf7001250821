"""The wheel on the real daemons: an installed howdah needs no file of the checkout."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from installed import INSTALL, call, copy_sources, new_python
from scripts import IRIS

UNLABELLED = ("--ignore-columns", "label")


@pytest.fixture(scope="module")
def howdah(tmp_path_factory) -> Path:
    """The command of a wheel in an environment of its own."""
    python = new_python(tmp_path_factory.mktemp("venv"))
    folder, wheels = (tmp_path_factory.mktemp(name) for name in ("source", "dist"))
    call(python, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-w", wheels,
         copy_sources(folder), cwd=wheels)
    shutil.rmtree(folder)
    call(python, *INSTALL, *wheels.glob("howdah-*.whl"), cwd=wheels)
    return python.with_name("howdah")


def neighbours(printed: str) -> list:
    """Those of the queries, in any order; on a cluster a query without an id is its input line."""
    rows = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
    return sorted(row["neighbors"] for row in rows)


def test_the_wheel_runs_on_yarn_from_an_empty_folder(cluster, howdah, tmp_path):
    index, remote = tmp_path / "iris.index", cluster.uri + "/wheel.csv"
    call(howdah, "index", IRIS, *UNLABELLED, "-o", index, cwd=tmp_path)
    cluster.fs("-put", str(IRIS), remote)
    # The cluster's own python3 has no package.
    on_hadoop = ("-r", "hadoop", "--python-bin", howdah.with_name("python"))
    found = []
    for data, runner in ((IRIS, ("-r", "inline")), (remote, on_hadoop)):
        folder = tmp_path / runner[1]
        folder.mkdir()
        call(howdah, "kmeans", data, "-k", 3, *UNLABELLED, "-o", "out", *runner, cwd=folder)
        assigned = call(howdah, "assign", data, *UNLABELLED, "--model", "out", *runner, cwd=folder)
        nearest = call(howdah, "knn", data, *UNLABELLED, "--index", index, "-n", 3, *runner,
                       cwd=folder)
        rows = sorted(line for line in assigned.splitlines() if "\t" in line)
        found.append(((folder / "out" / "centroids.csv").read_bytes(), rows, neighbours(nearest)))
    assert found[0] == found[1]
    assert list(map(len, found[0][1:])) == [150, 150]
