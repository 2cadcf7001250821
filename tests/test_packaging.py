"""What pip installs, be it from this folder or from an sdist: the driver runs from any folder."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest
from installed import INSTALL, call, copy_sources, new_python
from scripts import IRIS_ARGS, succeed

WAYS = {"folder": [], "sdist": [], "editable": ["-e"]}


def called(howdah: list, name: str, *args, cwd: Path) -> str:
    """What a subcommand of the howdah command prints."""
    command, *runner = howdah
    return call(command, name, *args, *runner, cwd=cwd)


@pytest.fixture(scope="module")
def python(tmp_path_factory) -> Path:
    return new_python(tmp_path_factory.mktemp("venv"))


@pytest.fixture(scope="module")
def sources(tmp_path_factory, python) -> dict:
    """What pip can install: a copy of the repository, and its sdist."""
    folder = copy_sources(tmp_path_factory.mktemp("source"))
    call(python, "-c", "from setuptools import build_meta; build_meta.build_sdist('dist')",
         cwd=folder)
    [sdist] = (folder / "dist").iterdir()
    return {"folder": folder, "sdist": sdist, "editable": folder}


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_all_runs_from_an_empty_folder(python, sources, tmp_path, way):
    call(python, *INSTALL, *WAYS[way], sources[way], cwd=tmp_path)
    found = call(python, "-c", "from howdah.scripts import driver; print(driver.__file__)",
                 cwd=tmp_path)
    home = sources["folder"] if way == "editable" else python.parents[1]
    assert Path(found.strip()).is_relative_to(home)
    succeed("driver", *IRIS_ARGS, "--output-dir", tmp_path / "ours")
    (tmp_path / "empty").mkdir()
    for runner in ("inline", "local"):
        call(python, "-m", "howdah", "kmeans", *IRIS_ARGS, "-r", runner, "--output-dir",
             tmp_path / runner, cwd=tmp_path / "empty")
        assert ((tmp_path / runner / "centroids.csv").read_bytes()
                == (tmp_path / "ours" / "centroids.csv").read_bytes())
        howdah = [python.with_name("howdah"), "-r", runner]
        unlabelled = IRIS_ARGS[:1] + IRIS_ARGS[3:]
        assigned = called(howdah, "assign", *unlabelled, "--model", tmp_path / "ours", cwd=tmp_path)
        assert assigned.count("\n") == 151
        call(python, "-m", "howdah", "index", *unlabelled, "-o", tmp_path / "iris.index",
             cwd=tmp_path / "empty")
        neighbours = called(howdah, "knn", *unlabelled, "--index", tmp_path / "iris.index", "-n", 1,
                            cwd=tmp_path)
        assert '{"id": 149, "neighbors": [[149, 0.0]]}' in neighbours


@pytest.mark.slow
def test_the_sdist_has_the_driver_where_the_readme_calls_it(sources):
    with tarfile.open(sources["sdist"]) as archive:
        assert sources["sdist"].name.replace(".tar.gz", "/driver.py") in archive.getnames()
