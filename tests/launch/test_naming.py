"""What jobs are called on a cluster."""

from __future__ import annotations

import re

import pytest
from howdah.launch.launch import Launch
from howdah.launch.naming import job_name, new_run_id
from howdah.scripts.driver import Driver
from howdah.scripts.kmeans_round import KMeansRound
from howdah.scripts.kmeans_sample import KMeansSample
from howdah.scripts.knn import KNN


@pytest.mark.parametrize("launched, job_class, step, title, tag", [
    (Driver, KMeansRound, "round-03", "howdah kmeans round 3 0a1b", "0a1b-round-03"),
    (Driver, KMeansSample, "sample", "howdah kmeans sample 0a1b", "0a1b-sample"),
    (KNN, KNN, None, "howdah knn 0a1b", "0a1b-knn"),
    (KMeansRound, KMeansRound, None, "howdah round 0a1b", "0a1b-round"),
    (KMeansRound, KMeansSample, None, "howdah round sample 0a1b", "0a1b-sample"),
])
def test_a_job_is_named_by_its_command_step_and_run(launched, job_class, step, title, tag):
    assert job_name(launched(["x"]), job_class, step, "0a1b") == (title, tag)


def test_each_launch_has_an_id_of_its_own():
    first, second = (Launch(KNN(["x", "-r", "hadoop"])) for _ in range(2))
    assert re.fullmatch("[0-9a-f]{12}", new_run_id())
    assert first.run_id == first.backend.run_id != second.run_id


@pytest.mark.parametrize("runner, setting, tags", [
    ("hadoop", "mapreduce.job.name", "mapreduce.job.tags"),
    ("spark", "spark.app.name", "spark.yarn.tags")])
def test_the_users_name_stands_and_the_users_tags_stand_beside_ours(runner, setting, tags):
    launch = Launch(KNN(["x", "-r", runner]))
    name = job_name(launch.job, KNN, None, "0a1b")
    assert launch.backend.named(name, {}) == {setting: "howdah knn 0a1b", tags: "0a1b-knn"}
    assert launch.backend.named(name, {setting: "mine", tags: "a,b"}) == {
        setting: "mine", tags: "0a1b-knn,a,b"}
