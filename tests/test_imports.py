"""What the modules of workers import; each is loaded in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

NUMERICS = ["kmeans.grid", "kmeans.classify", "kmeans.sums", "kmeans.farthest", "kmeans.moments",
            "kmeans.coreset", "kmeans.profile"]
SCRIPTS = ["kmeans_round", "kmeans_sample", "kmeans_assign", "pack"]
# What a worker of k-means may load besides the standard library; what these bring along themselves
# (yaml, Cython's runtime, from Python 3.12 on setuptools for distutils) differs by version.
DEPENDENCIES = ("mrjob.job", "mrjob.protocol", "numpy", "simdjson", "pybase64")


def imported(*modules: str) -> dict:
    """All modules that importing these loads, each with its file."""
    code = ("import sys; before = set(sys.modules); import %s; import json; print(json.dumps("
            "{name: getattr(sys.modules[name], '__file__', None) or ''"
            " for name in set(sys.modules) - before}))" % ", ".join(modules))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def tops(loaded) -> set:
    return {name.split(".")[0] for name in loaded}


@pytest.mark.parametrize("module", NUMERICS)
def test_numerics_know_nothing_of_mapreduce(module):
    loaded = imported("howdah.%s" % module)
    assert "howdah.%s" % module in loaded and "numpy" in loaded
    for absent in ("mrjob", "sklearn", "scipy", "simdjson", "joblib", "pandas", "howdah.launch",
                   "howdah.task.job"):
        assert absent not in loaded


@pytest.mark.parametrize("script", SCRIPTS)
def test_workers_of_k_means_import_numpy_simdjson_and_mrjob_alone(script):
    loaded = imported("howdah.scripts." + script)
    assert {"numpy", "mrjob", "howdah.task.job"} <= set(loaded)
    installed = {name for name, file in loaded.items() if "-packages" in file}
    assert tops(installed) <= tops(imported(*DEPENDENCIES))
    assert not any(name.startswith("howdah.launch") for name in loaded)
    if sys.version_info < (3, 12):
        assert not tops(loaded) & {"setuptools", "pkg_resources"}


def test_setuptools_may_be_imported_after_a_job():
    code = "import warnings, howdah.scripts.knn; warnings.simplefilter('error'); import setuptools"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_loop_knows_no_job():
    loaded = imported("howdah.clustering.converge")
    assert not tops(loaded) & {"mrjob", "sklearn", "scipy", "simdjson"}
