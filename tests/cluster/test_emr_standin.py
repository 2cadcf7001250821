"""The stand-in of tests/emr carries out steps from their arguments, and fails like Hadoop."""
from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from emr.steps import add_step, end_of, parts, state_of, step_args, submit, wait_for
from emr.word_count import WordCount
from mrjob.step import StepFailedException
from scripts import REPOSITORY

pytest_plugins = ["emr.fixture"]
pytestmark = pytest.mark.filterwarnings("ignore:Boto3 will no longer support Python")
TEXT = b"b a b\n" * 500 + b"c\n"
ONE_MAP = ("-D", "mapreduce.job.maps=1")
COUNTS = {"a": 500, "b": 1000, "c": 1}


@pytest.fixture(scope="module")
def cluster(emr):
    cluster_id = emr.create_cluster()
    yield cluster_id
    emr.terminate(cluster_id)


@pytest.fixture
def folder(emr, request) -> str:
    """A name below the bucket that no other test uses."""
    return "".join(c if c.isalnum() else "-" for c in request.node.name)


def run(emr, cluster, *args: str) -> list[tuple[str, int]]:
    job = WordCount(args=[*emr.args(cluster), *args])
    with job.make_runner() as runner:
        runner.run()
        return list(job.parse_output(runner.cat_output()))


# jobs of mrjob

def test_two_jobs_on_one_persistent_cluster(emr, cluster, folder):
    uri = emr.put(folder + "/text.txt", TEXT)
    before = len(emr.steps(cluster))
    assert dict(run(emr, cluster, uri)) == COUNTS
    assert dict(run(emr, cluster, uri)) == COUNTS
    assert [step["Status"]["State"] for step in emr.steps(cluster)[before:]] == ["COMPLETED"] * 2
    assert state_of(emr, cluster) == "WAITING"


def test_each_reducer_gets_its_keys(emr, cluster, folder):
    uri = emr.put(folder + "/text.txt", TEXT)
    out = emr.uri(folder + "/out")
    assert dict(run(emr, cluster, *ONE_MAP, "-D", "mapreduce.job.reduces=2", "--output-dir", out,
                    uri)) == COUNTS
    assert parts(emr, folder) == [b'"a"\t500\n"c"\t1\n', b'"b"\t1000\n']


def test_map_only_job(emr, cluster, folder):
    uri = emr.put(folder + "/text.txt", TEXT)
    records = run(emr, cluster, "--map-only", uri)
    assert sorted(records) == [("a", 1)] * 500 + [("b", 1)] * 1000 + [("c", 1)]


def test_second_step_reads_what_the_first_wrote_on_hdfs(emr, cluster, folder):
    uri = emr.put(folder + "/text.txt", TEXT)
    assert sorted(run(emr, cluster, *ONE_MAP, "--twice", uri)) == [(1, 1), (500, 1), (1000, 1)]


def test_folder_glob_and_gz_as_input(emr, cluster, folder):
    emr.put(folder + "/in/part-0.gz", gzip.compress(TEXT))
    emr.put(folder + "/in/part-1", TEXT)
    emr.put(folder + "/in/_SUCCESS", b"not to be read")
    assert dict(run(emr, cluster, emr.uri(folder + "/in"))) == {k: 2 * n for k, n in COUNTS.items()}
    assert dict(run(emr, cluster, emr.uri(folder + "/i?/*.gz"))) == COUNTS


def test_script_from_the_command_line(emr, cluster, tmp_path):
    text = tmp_path / "text.txt"
    text.write_bytes(TEXT)
    script = REPOSITORY / "tests" / "emr" / "word_count.py"
    command = [sys.executable, str(script), *emr.args(cluster)]
    done = subprocess.run([*command, str(text)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert dict(map(json.loads, line.split("\t")) for line in done.stdout.splitlines()) == COUNTS


def test_failing_mapper_fails_the_job_and_leaves_its_traceback(emr, cluster, folder):
    uri = emr.put(folder + "/in", TEXT)
    out = emr.uri(folder + "/out")
    with pytest.raises(StepFailedException):
        run(emr, cluster, "--refuse", "c", "-D", "mapreduce.map.maxattempts=2", *ONE_MAP,
            "--output-dir", out, uri)
    assert emr.keys(folder + "/out") == []
    step = emr.steps(cluster)[-1]
    assert step["Status"]["State"] == "FAILED"
    log = emr.logs(cluster, f"steps/{step['Id']}/stderr.gz")
    assert "subprocess failed with code 1" in log
    tasks = emr.logs(cluster, "/stderr.gz")
    assert tasks.count("\nabout to fail\n") == 2
    assert "ValueError: the word 'c' is refused" in tasks
    assert dict(run(emr, cluster, uri)) == COUNTS


def test_missing_input_is_refused_before_anything_runs(emr, cluster, folder):
    before = len(emr.steps(cluster))
    with pytest.raises(OSError, match="does not exist"):
        run(emr, cluster, emr.uri(folder + "/nowhere"))
    assert len(emr.steps(cluster)) == before


def test_existing_output_is_refused_by_mrjob_and_by_the_step(emr, cluster, folder):
    uri = emr.put(folder + "/in", TEXT)
    emr.put(folder + "/out/part-00000", b"kept")
    with pytest.raises(OSError, match="already exists"):
        run(emr, cluster, "--output-dir", emr.uri(folder + "/out"), uri)
    state, log = submit(emr, cluster, step_args(emr, folder))
    assert state == "FAILED" and "already exists" in log
    assert emr.get(emr.uri(folder + "/out/part-00000")) == b"kept"


def test_own_cluster_ends_with_its_job_and_mrjob_reads_its_logs(emr, folder, caplog):
    uri = emr.put(folder + "/in", TEXT)
    assert dict(run(emr, None, *ONE_MAP, uri)) == COUNTS
    with pytest.raises(StepFailedException), caplog.at_level("ERROR", "mrjob"):
        run(emr, None, "--refuse", "c", "--read-logs", *ONE_MAP, uri)
    newest = emr.standin.clusters()[-2:]
    assert [state_of(emr, cluster.id) for cluster in newest] == ["TERMINATED"] * 2
    assert "subprocess failed with code 1" in caplog.text


def test_job_on_a_terminated_cluster_fails(emr, folder):
    cluster = emr.create_cluster()
    emr.terminate(cluster)
    with pytest.raises(StepFailedException):
        run(emr, cluster, emr.put(folder + "/in", TEXT))
    assert [step["Status"]["State"] for step in emr.steps(cluster)] == ["CANCELLED"]


# steps by hand

WRONG = [
    ({"mapper": "no-such-command"}, (), 'Cannot run program "no-such-command"'),
    ({"mapper": "sh not-shipped.sh"}, (), "subprocess failed with code"),
    ({"mapper": None}, (), "Missing required options: mapper"),
    ({"input": None}, (), "Missing required options: input"),
    ({"input": "s3://no-such-bucket/in"}, (), "NoSuchBucket"),
    ({"input": "/in"}, (), "does not exist"),
    ({"output": None}, (), "Missing required options: output"),
    ({"files": "s3://{bucket}/{folder}/in"}, (), "Unrecognized option: -files"),
    ({"maper": "cat"}, (), "Unrecognized option: -maper"),
    ({"cmdenv": "NAME"}, (), "not name=value"),
    ({"inputformat": "org.example.Other"}, (), "does not know -inputformat"),
    ({}, ("-files", "s3://{bucket}/{folder}/nowhere#in"), "nowhere does not exist"),
    ({}, ("-files", "word_count.py"), "word_count.py does not exist on the master"),
    ({}, ("-archives", "s3://{bucket}/{folder}/in#in"), "not an archive"),
    ({}, ("-libjars", "s3://{bucket}/{folder}/nowhere.jar"), "nowhere.jar does not exist"),
    ({}, ("-D", "mapreduce.job.maps=many"), "For input string: 'many'"),
    ({}, ("stray",), "unexpected arguments"),
]


@pytest.mark.parametrize("changed, first, message", WRONG)
def test_wrong_arguments_fail_the_step(emr, cluster, folder, changed, first, message):
    names = {"bucket": emr.bucket, "folder": folder}
    emr.put(folder + "/in", TEXT)
    args = step_args(emr, folder, "cat", "-D", "mapreduce.map.maxattempts=1",
                     *[word.format(**names) for word in first],
                     **{k: v and v.format(**names) for k, v in changed.items()})
    state, log = submit(emr, cluster, args)
    assert state == "FAILED"
    assert message in log
    assert emr.keys(folder + "/out") == []


def test_other_steps_than_streaming_fail(emr, cluster, folder):
    for jar, args in (("command-runner.jar", ["spark-submit"]), ("s3://bucket/my.jar", [])):
        state, log = submit(emr, cluster, args, jar)
        assert state == "FAILED" and "runs streaming steps only" in log


def test_files_folders_and_archives_are_linked_by_name(emr, cluster, folder, tmp_path):
    emr.put(folder + "/in", b"x\n")
    emr.put(folder + "/lib/a.txt", b"in a folder\n")
    emr.put(folder + "/one.txt", b"a file\n")
    (tmp_path / "b.txt").write_bytes(b"in an archive\n")
    packed = shutil.make_archive(str(tmp_path / "packed"), "gztar", tmp_path, "b.txt")
    emr.put(folder + "/packed.tar.gz", Path(packed).read_bytes())
    files = f"{emr.uri(folder)}/lib#lib,{emr.uri(folder)}/one.txt#1.txt"
    state, log = submit(emr, cluster, step_args(
        emr, folder, "sh -c 'echo $NAME; cat 1.txt lib/a.txt env/b.txt'", "-files", files,
        "-archives", f"{emr.uri(folder)}/packed.tar.gz#env", *ONE_MAP, cmdenv="NAME=a name"))
    assert state == "COMPLETED", log
    # Lines without a tab get one: the key is the line and the value empty.
    assert parts(emr, folder) == [b"a name\t\na file\t\nin a folder\t\nin an archive\t\n"]


def test_maps_are_told_what_they_read(emr, cluster, folder):
    emr.put(folder + "/in", b"0123456\n")
    state, log = submit(emr, cluster, step_args(emr, folder, "env", "-D", "my.own-name=v w",
                                                *ONE_MAP))
    assert state == "COMPLETED", log
    seen = set(b"".join(parts(emr, folder)).decode().replace("\t", "").splitlines())
    assert {f"mapreduce_map_input_file={emr.uri(folder)}/in", "mapreduce_map_input_start=0",
            "mapreduce_map_input_length=8", "mapreduce_task_ismap=true",
            "my_own_name=v w"} <= seen
    assert not any(line.startswith(("AWS_", "PYTHONPATH=", "MRJOB_CONF=")) for line in seen)


@pytest.mark.parametrize("name, count", [("in", 4), ("in.gz", 1)])
def test_splits_deliver_each_line_once(emr, cluster, folder, name, count):
    lines = b"".join(b"%d\t%s\n" % (n, b"x" * (n % 50)) for n in range(1000))
    emr.put(folder + "/" + name, gzip.compress(lines) if name == "in.gz" else lines)
    state, log = submit(emr, cluster, step_args(emr, folder, "cat", "-D", "mapreduce.job.maps=4",
                                                input=emr.uri(folder + "/" + name)))
    assert state == "COMPLETED", log
    found = parts(emr, folder)
    assert len(found) == count and b"".join(found) == lines


@pytest.mark.parametrize("names, expected", [
    (["in"], "ab"), (["i?/[!b]"], "a"), (["in/{a,z}"], "a"), (["*/b", "in/a"], "ba")])
def test_inputs_as_hadoop_reads_them(emr, cluster, folder, names, expected):
    for key in ("in/a", "in/b", "in/_c", "in/.d"):
        emr.put(f"{folder}/{key}", key[-1:].encode() + b"\t1\r\n")
    uris = ",".join(emr.uri(f"{folder}/{name}") for name in names)
    state, log = submit(emr, cluster, step_args(emr, folder, "cat", *ONE_MAP, input=uris))
    assert state == "COMPLETED", log
    assert parts(emr, folder) == [key.encode() + b"\t1\n" for key in expected]


def test_compressed_output(emr, cluster, folder):
    emr.put(folder + "/in", b"a\t1\n")
    compress = "mapreduce.output.fileoutputformat.compress"
    state, log = submit(emr, cluster, step_args(
        emr, folder, "cat", "-D", compress + "=true", "-D",
        compress + ".codec=org.apache.hadoop.io.compress.GzipCodec", *ONE_MAP))
    assert state == "COMPLETED", log
    assert folder + "/out/part-00000.gz" in emr.keys(folder)
    assert [gzip.decompress(part) for part in parts(emr, folder)] == [b"a\t1\n"]


def test_task_is_tried_again(emr, cluster, folder):
    emr.put(folder + "/in", b"a\t1\n")
    script = "sh -c 'case $mapreduce_task_attempt_id in *_0) exit 3;; esac; cat'"
    state, log = submit(emr, cluster, step_args(emr, folder, script))
    assert state == "COMPLETED", log
    assert b"".join(parts(emr, folder)) == b"a\t1\n"


def test_workers_have_the_installed_packages_and_not_this_checkout(emr, cluster, folder):
    emr.put(folder + "/in", b"x\n")
    once = ("-D", "mapreduce.map.maxattempts=1", *ONE_MAP)
    state, log = submit(emr, cluster, step_args(emr, folder, "python3 -c 'import mrjob.job'",
                                                *once))
    assert state == "COMPLETED", log
    state, _ = submit(emr, cluster, step_args(emr, folder, "python3 -c 'import howdah'", *once,
                                              output=emr.uri(folder + "/other")))
    assert state == "FAILED"
    assert "No module named 'howdah'" in emr.logs(cluster, "/stderr.gz")


@pytest.mark.parametrize("on_failure, cluster_state", [
    ("CONTINUE", "WAITING"), ("CANCEL_AND_WAIT", "WAITING"),
    ("TERMINATE_CLUSTER", "TERMINATED_WITH_ERRORS")])
def test_action_on_failure(emr, folder, on_failure, cluster_state):
    cluster = emr.create_cluster()
    emr.put(folder + "/in", TEXT)
    slow = add_step(emr, cluster, step_args(emr, folder, "sh -c 'sleep 1; exit 1'", "-D",
                                            "mapreduce.map.maxattempts=1"), on_failure=on_failure)
    after = add_step(emr, cluster, step_args(emr, folder))
    assert end_of(emr, cluster, slow) == "FAILED"
    expected = "COMPLETED" if on_failure == "CONTINUE" else "CANCELLED"
    assert end_of(emr, cluster, after) == expected
    wait_for(lambda: state_of(emr, cluster) == cluster_state)
    emr.terminate(cluster)


def test_terminating_a_cluster_kills_its_tasks(emr, folder, tmp_path):
    cluster = emr.create_cluster()
    emr.put(folder + "/in", TEXT)
    mark = tmp_path / "pid"
    step = add_step(emr, cluster, step_args(emr, folder, f"sh -c 'echo $$ > {mark}; sleep 300'",
                                            *ONE_MAP))
    wait_for(lambda: mark.exists() and mark.read_text().strip())
    emr.terminate(cluster)
    assert end_of(emr, cluster, step) == "CANCELLED"
    wait_for(lambda: not Path("/proc", mark.read_text().strip()).exists())


# docs/mrjob.emr.conf

def test_example_conf_makes_the_cluster_it_describes(emr):
    conf = REPOSITORY / "docs" / "mrjob.emr.conf"
    endpoints = [word for service in ("emr", "s3", "iam", "ec2")
                 for word in (f"--{service}-endpoint", emr.standin.endpoint)]
    cluster_id = emr.create_cluster(conf, "--cloud-tmp-dir", emr.uri("tmp/"), *endpoints)
    client = emr.standin.client("emr")
    cluster = client.describe_cluster(ClusterId=cluster_id)["Cluster"]
    assert cluster["ReleaseLabel"].startswith("emr-7.")
    assert [app["Name"] for app in cluster["Applications"]] == ["Hadoop"]
    assert cluster["ServiceRole"] == "EMR_DefaultRole"
    assert cluster["Ec2InstanceAttributes"]["IamInstanceProfile"] == "EMR_EC2_DefaultRole"
    assert not cluster["AutoTerminate"]
    roles = client.list_instance_groups(ClusterId=cluster_id)["InstanceGroups"]
    assert {group["InstanceGroupType"] for group in roles} == {"MASTER", "CORE"}
    actions = client.list_bootstrap_actions(ClusterId=cluster_id)["BootstrapActions"]
    assert all(emr.get(action["ScriptPath"]) for action in actions)
    script = emr.get(actions[0]["ScriptPath"]).decode()
    assert "python3.11 -m pip install" in script
    for package in ("mrjob", "numpy", "pysimdjson", "pybase64", "scikit-learn", "joblib"):
        assert package in script
    emr.terminate(cluster_id)
