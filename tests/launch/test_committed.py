"""An output is a result only when it is whole."""

from __future__ import annotations

from pathlib import Path

import pytest
from howdah.errors import JobFailed
from howdah.launch.committed import FRAMEWORK, all_records, refuse_uncommitted
from howdah.launch.files.files import Files
from howdah.launch.runners.hadoop import JOBCONF, jobconf_of
from howdah.launch.runners.spark import SPARK_CONF
from howdah.scripts.kmeans_round import KMeansRound
from scripts import IRIS, IRIS_ARGS, run, succeed

COUNTED = [{FRAMEWORK: {"Map output records": 7, "Reduce output records": 2}}]


def output(folder: Path, *names: str) -> str:
    for name in names:
        (folder / name).write_bytes(b"")
    return str(folder)


@pytest.mark.parametrize("names, parts, told", [
    ((), None, "holds no _SUCCESS"),
    (("part-00000",), None, "holds no _SUCCESS"),
    (("_SUCCESS", "part-00001"), None, "holds 1 of them, not part-00000"),
    (("_SUCCESS", "part-00000", "part-00002.gz"), None, "2 parts, .* not part-00001"),
    (("_SUCCESS", "part-00000"), 2, "2 parts, .* holds 1 of them, not part-00001"),
    (("_SUCCESS", "part-00000", "part-00001"), 1, "1 parts, .* holds 2 of them; remove"),
])
def test_what_is_not_whole_is_no_result(tmp_path, names, parts, told):
    with pytest.raises(JobFailed, match=told):
        refuse_uncommitted(output(tmp_path, *names), Files(), parts)


@pytest.mark.parametrize("names, parts", [
    (("_SUCCESS",), None), (("_SUCCESS", "part-00000"), 1),
    (("_SUCCESS", "part-00000.gz", "part-00001.gz", "._SUCCESS.crc"), 2)])
def test_what_is_whole(tmp_path, names, parts):
    refuse_uncommitted(output(tmp_path, *names), Files(), parts)


@pytest.mark.parametrize("map_only, lines", [(True, 7), (False, 2)])
def test_records_add_up_where_tasks_have_counted_them(map_only, lines):
    chunks = [b"x\n" * (lines - 1), b"x", b"\n"]
    assert list(all_records(chunks, COUNTED, map_only, "out")) == chunks
    assert list(all_records([b"x\n"], [{}], map_only, "out")) == [b"x\n"]
    with pytest.raises(JobFailed, match="counted %d records, but its output out holds %d; run"
                       % (lines, lines - 1)):
        list(all_records(chunks[:1], COUNTED, map_only, "out"))


@pytest.mark.slow
@pytest.mark.parametrize("runner", ["inline", "local"])
def test_local_jobs_mark_what_has_succeeded(tmp_path, runner):
    out = tmp_path / "out"
    run("driver", *IRIS_ARGS, "--max-rounds", 0, "-r", runner, "--output-dir", out, "--assign")
    refuse_uncommitted(str(out / "labels"), Files())
    succeed("kmeans_sample", *IRIS_ARGS, "-r", runner, "--output-dir", tmp_path / "sample")
    refuse_uncommitted(str(tmp_path / "sample"), Files())


def test_the_mark_is_no_input(tmp_path):
    packed = ["--ignore-columns", "label", "--output-dir", tmp_path / "packed"]
    succeed("pack", IRIS, *packed)
    refuse_uncommitted(str(tmp_path / "packed"), Files())
    again = succeed("kmeans_sample", tmp_path / "packed", "-k", 3)
    assert "150 rows" in again.err


def test_hadoop_and_spark_commit_by_job_unless_the_user_says_otherwise():
    version = "mapreduce.fileoutputcommitter.algorithm.version"
    assert JOBCONF[version] == SPARK_CONF["spark.hadoop." + version] == "1"
    assert jobconf_of(KMeansRound, {version: "2"})[version] == "2"
