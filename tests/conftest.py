"""Fixtures and markers that every test may use."""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path
from typing import Iterator

import make_data
import pytest

from hadoop.fixture import cluster, hadoop  # noqa: F401


@pytest.fixture(scope="session", autouse=True)
def empty_mrjob_conf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What --no-conf does, for every mrjob in this process and below: no user's settings."""
    conf = tmp_path_factory.mktemp("mrjob") / "mrjob.conf"
    conf.write_text("runners: {}\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MRJOB_CONF", str(conf))
        yield


@pytest.fixture(scope="session")
def pixels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pixels of china.jpg as CSV: header red,green,blue and 273,280 rows."""
    path = tmp_path_factory.mktemp("data") / "pixels.csv"
    path.write_text(make_data.pixels())
    return path


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """An output folder that is not there yet."""
    return tmp_path / "out"


# Minutes each: the last to begin would run alone, beside an idle process.
LONGEST = ("test_spark_jobs.py", "test_hadoop_jobs.py", "test_bench.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a cluster; in CI, which runs several files at a time, the longest first."""
    for item in items:
        if item.path.parent.name == "cluster":
            item.add_marker(pytest.mark.cluster)
    if os.environ.get("HOWDAH_CI") == "1":
        items.sort(key=lambda item: item.path.name not in LONGEST)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test that lacks what its needs_java or needs(module) marker names; fail it in CI."""
    missing = ["java on the PATH" for _ in item.iter_markers("needs_java")
               if shutil.which("java") is None]
    missing += ["the module %s" % module for mark in item.iter_markers("needs")
                for module in mark.args if importlib.util.find_spec(module) is None]
    if missing and os.environ.get("HOWDAH_CI") == "1":
        pytest.fail("needs %s, and HOWDAH_CI=1 allows no skips" % ", ".join(missing))
    if missing:
        pytest.skip("needs %s" % ", ".join(missing))


@pytest.fixture
def unmappable(monkeypatch) -> None:
    """joblib meets a file system without mmap: OSError."""
    import joblib

    real = joblib.load

    def load(name, mmap_mode=None):
        if mmap_mode:
            raise OSError("[Errno 19] No such device")
        return real(name)

    monkeypatch.setattr(joblib, "load", load)
