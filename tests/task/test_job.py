"""What every job's tasks have in common: a plan that cannot be read is told in a sentence."""

from __future__ import annotations

import json

import pytest
from howdah import __version__
from howdah.task.plans import Plan
from scripts import IRIS, JOBS, refused, succeed

UNLABELLED = ("--ignore-columns", "label")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model and an index of iris."""
    folder = tmp_path_factory.mktemp("job")
    succeed("driver", IRIS, "-k", 3, *UNLABELLED, "--output-dir", folder / "model")
    succeed("knn_index", IRIS, *UNLABELLED, "-o", folder / "index")
    return folder


def arguments(script: str, folder) -> list:
    own = {"kmeans_sample": ["-k", 3],
           "kmeans_round": ["--centroids", folder / "model",
                            "--profile", folder / "model" / "profile.json"],
           "kmeans_assign": ["--model", folder / "model"],
           "knn": ["--index", folder / "index"]}
    return [IRIS, *UNLABELLED, *own.get(script, [])]


@pytest.mark.parametrize("runner", ["inline", "local"])
@pytest.mark.parametrize("script", JOBS)
def test_a_plan_of_another_version_is_refused_in_a_sentence(folder, tmp_path, monkeypatch, script,
                                                            runner):
    """As where the launcher's howdah is older than what --worker-env brings to the workers."""
    to_json = Plan.to_json

    def older(plan, sliced):
        written = json.loads(to_json(plan, sliced).splitlines()[0])
        return json.dumps({**written, "howdah_version": "0.0.9"}).encode()

    monkeypatch.setattr(Plan, "to_json", older)
    assert refused(script, *arguments(script, folder), "-r", runner,
                   "--output-dir", tmp_path / "out") == (
        "The job was launched by howdah 0.0.9, but this worker has howdah %s; give both the same"
        " version." % __version__)
    assert not (tmp_path / "out").exists()
