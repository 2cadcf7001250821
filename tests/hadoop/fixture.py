"""The pytest fixtures ``hadoop``, one cluster for the whole run, and ``cluster``.

tests/conftest.py makes them known to all tests by ``from hadoop.fixture import cluster, hadoop``.
"""
from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest
from hadoop import jars
from hadoop.cluster import Cluster

GUARD = Path(__file__).with_name("guard.py")


@pytest.fixture(scope="session")
def hadoop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A running ``Cluster`` whose ``python3`` has no package at all, as on a bare worker.

    Skips where Java or Maven is missing, fails there if ``HOWDAH_CI=1``.
    """
    require()
    folder = tmp_path_factory.mktemp("hadoop")
    cluster = Cluster(folder / "cluster", worker_path=bare_python(folder / "bare"))
    # The guard ends the cluster should this process die without running its fixtures' ends.
    guard = subprocess.Popen([sys.executable, str(GUARD), str(cluster.folder)],
                             stdin=subprocess.PIPE, start_new_session=True)
    try:
        yield cluster.start()
    finally:
        cluster.stop()
        guard.communicate()


@pytest.fixture(scope="module")
def cluster(hadoop: Cluster) -> Iterator[Cluster]:
    """The cluster, which scripts of this process use too."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in hadoop.environment().items():
            patch.setenv(name, value)
        yield hadoop


def bare_python(folder: Path) -> Path:
    """A bin folder with a ``python3`` of this version that has only the standard library."""
    venv.create(folder, with_pip=False, symlinks=True)
    return folder / "bin"


def require() -> None:
    """Skip a test where no cluster can be had; fail it there if ``HOWDAH_CI=1``."""
    missing = what_is_missing()
    if missing and os.environ.get("HOWDAH_CI") == "1":
        pytest.fail(f"HOWDAH_CI=1 and no cluster: {missing}")
    if missing:
        pytest.skip(missing)


def what_is_missing() -> str | None:
    """Why no cluster can be had on this machine, or None."""
    try:
        jars.java_home()
    except jars.ClusterError as error:
        return str(error)
    cache = jars.cache_folder()
    if not (cache / "lib").is_dir() and shutil.which("mvn") is None:
        return f"no `mvn` on the path to fetch Hadoop's jars, and none in {cache}"
    return None
