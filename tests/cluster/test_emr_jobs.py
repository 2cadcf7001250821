"""-r emr on the stand-in of tests/emr: the answers of inline, one cluster, errors as sentences."""

from __future__ import annotations

import gzip
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import scripts
from emr.steps import state_of, wait_for
from howdah.launch.runners.emr import Emr
from howdah.scripts.kmeans_round import KMeansRound
from scripts import BROKEN_JOB, DIGITS, IRIS, REPOSITORY, history, refused, run, succeed

pytest_plugins = ["emr.fixture"]
pytestmark = pytest.mark.filterwarnings("ignore:Boto3 will no longer support Python")
scripts.JOBS["knn"] = "KNN"

UNLABELLED = ("--ignore-columns", "label")
SPREAD = ("--jobconf", "mapreduce.job.maps=4", "--jobconf", "mapreduce.job.reduces=3")
TERMINATED = ("TERMINATING", "TERMINATED")


@pytest.fixture(scope="module")
def cluster(emr):
    cluster_id = emr.create_cluster()
    yield cluster_id
    emr.terminate(cluster_id)


@pytest.fixture(scope="module")
def digits(tmp_path_factory) -> Path:
    """A folder of digits in two plain files and a gz, each with the header."""
    folder = tmp_path_factory.mktemp("digits")
    header, *rows = gzip.decompress(DIGITS.read_bytes()).splitlines(keepends=True)
    for i, name in enumerate(("a.csv", "b.csv", "c.csv.gz")):
        data = header + b"".join(rows[i::3])
        (folder / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return folder


@pytest.fixture(scope="module")
def on_s3(emr, digits) -> str:
    for path in digits.iterdir():
        emr.put("digits/" + path.name, path.read_bytes())
    emr.put("digits/_SUCCESS", b"no data")
    return emr.uri("digits")


@pytest.fixture(scope="module")
def inline(digits, tmp_path_factory) -> Path:
    """The output folder of a whole default run."""
    folder = tmp_path_factory.mktemp("inline") / "out"
    succeed("driver", digits, "-k", 10, *UNLABELLED, "--output-dir", folder)
    return folder


def lines_below(emr, uri: str) -> list:
    """All lines of a job's output, sorted."""
    keys = emr.keys(uri.split("/", 3)[3] + "/part-")
    parts = [(key, emr.get(emr.uri(key))) for key in keys]
    return sorted(line for key, data in parts for line in
                  (gzip.decompress(data) if key.endswith(".gz") else data).splitlines())


def costs(rounds: list) -> list:
    return [(each["cost"], each["shift"]) for each in rounds]


def clusters(emr) -> list:
    return [cluster.id for cluster in emr.standin.clusters()]


def left_behind(emr) -> list:
    """What this file's jobs left below cloud_tmp_dir: neither clusters' scripts nor word counts."""
    return [key for key in emr.keys("tmp/") if not key.startswith(("tmp/no_script.",
                                                                   "tmp/word_count."))]


# answers

def test_two_rounds_from_given_centroids_have_the_bits_of_inline(emr, cluster, digits, on_s3,
                                                                 inline, tmp_path):
    rows = DIGITS.read_bytes()
    start = gzip.decompress(rows).decode().splitlines()[1:11]
    (tmp_path / "start.csv").write_text("".join(line.rpartition(",")[0] + "\n" for line in start))
    args = ("-k", 10, *UNLABELLED, "--init", tmp_path / "start.csv", "--max-rounds", 2,
            "--min-gain", 0)
    assert run("driver", digits, *args, "--output-dir", tmp_path / "out").code == 3
    out = emr.uri("two-rounds")
    before = len(emr.steps(cluster))
    ran = run("driver", on_s3, *args, *SPREAD, *emr.args(cluster), "--output-dir", out)
    assert ran.code == 3, ran.err
    assert emr.get(out + "/centroids.csv") == (tmp_path / "out" / "centroids.csv").read_bytes()
    rounds = [json.loads(line) for line in emr.get(out + "/rounds.jsonl").splitlines()]
    assert costs(rounds) == costs(history(tmp_path / "out"))
    step_names = [step["Name"].split(".")[0] for step in emr.steps(cluster)[before:]]
    assert len(step_names) == 1 + len(rounds), step_names
    steps = {key.rsplit("/", 1)[1] for key in emr.keys("two-rounds/.howdah/")}
    assert steps == {"manifest.json", "sample.json", "seeds.json",
                     *("round-%02d.json" % n for n in range(1, 1 + len(rounds)))}
    assert left_behind(emr) == []
    assert state_of(emr, cluster) == "WAITING"


def test_a_whole_run_on_a_cluster_of_its_own(emr, digits, inline, tmp_path):
    """Local input, staged once; the result in a local folder; one cluster, terminated."""
    before, scripts_before = clusters(emr), emr.keys("tmp/")
    ran = succeed("driver", digits, "-k", 10, *UNLABELLED, *emr.args(), "--output-dir",
                  tmp_path / "out")
    [made] = set(clusters(emr)) - set(before)
    assert state_of(emr, made) in TERMINATED
    assert re.search("^cluster %s was created; it is terminated at the end$" % made, ran.err, re.M)
    assert re.search("^cluster %s is terminated; its logs stay in s3://.*/%s/$" % (made, made),
                     ran.err, re.M)
    assert "RUNNING" not in ran.err and "COMPLETED" not in ran.err
    cost = history(tmp_path / "out")[-1]["cost"]
    assert cost == pytest.approx(history(inline)[-1]["cost"], rel=0.02)
    steps = emr.steps(made)
    assert [step["Status"]["State"] for step in steps] == ["COMPLETED"] * len(steps)
    assert len(steps) == 1 + len(history(tmp_path / "out"))
    # Nobody submits a step again, so that its tasks need Hadoop's attempts.
    assert "ubertask.enable" not in str(steps)
    read = {value for step in steps for name, value in
            zip(step["Config"]["Args"], step["Config"]["Args"][1:]) if name == "-input"}
    assert sorted(uri.rpartition("/")[2] for uri in read) == ["a.csv", "b.csv", "c.csv.gz"]
    assert emr.keys("tmp/") == scripts_before
    assert sorted(os.listdir(tmp_path / "out")) == sorted(
        path.name for path in inline.iterdir())


def test_assignments_are_the_lines_of_inline(emr, cluster, digits, on_s3, inline, tmp_path):
    args = (*UNLABELLED, "--model", inline / "model.json")
    expected = sorted(succeed("kmeans_assign", digits, *args).out.encode().splitlines())
    out = emr.uri("labels")
    ran = succeed("kmeans_assign", on_s3, *args, "--jobconf", "mapreduce.job.maps=4", "--jobconf",
                  "mapreduce.output.fileoutputformat.compress=true", *emr.args(cluster),
                  "--output-dir", out)
    assert lines_below(emr, out) == expected
    assert all(key.endswith(".gz") for key in emr.keys("labels/part-"))
    assert "1797 rows used" in ran.err, ran.err


def test_neighbours_through_an_index_on_s3_are_the_lines_of_inline(emr, cluster, tmp_path):
    header, *rows = gzip.decompress(DIGITS.read_bytes()).decode().splitlines()
    queries = "id,%s\n" % header + "".join(
        "q%d,%s\n" % (i, row) for i, row in enumerate(rows[:200]))
    (tmp_path / "queries.csv").write_text(queries)
    index = tmp_path / "digits.index"
    succeed("knn_index", DIGITS, "--label-column", "label", "-o", index)
    args = ("--id-column", "id", *UNLABELLED, "-n", 3, "--vote", "uniform", "--output-format",
            "json")
    expected = succeed("knn", tmp_path / "queries.csv", *args, "--index", index).out
    remote = emr.put("index/digits.index", index.read_bytes())
    ran = succeed("knn", emr.put("queries.csv", queries.encode()), *args, "--index", remote,
                  "--jobconf", "mapreduce.job.maps=3", *emr.args(cluster))
    assert sorted(ran.out.splitlines()) == sorted(expected.splitlines())
    [named] = [value for value in emr.steps(cluster)[-1]["Config"]["Args"]
               if "digits.index" in value and "," in value]
    assert remote + "#" in named
    assert left_behind(emr) == []


# errors of tasks

def test_a_bad_row_is_code_2_with_its_text_after_one_attempt(emr, cluster, tmp_path):
    (tmp_path / "bad.csv").write_text("x,y\n" + "1,2\n3,4\n" * 20 + "3,many\n")
    before, logs_before = len(emr.steps(cluster)), emr.keys("logs/")
    said = refused("kmeans_sample", tmp_path / "bad.csv", "-k", 2, *emr.args(cluster))
    assert "column 'y' is 'many', not a number: '3,many'" in said
    [step] = emr.steps(cluster)[before:]
    assert step["Status"]["State"] == "COMPLETED"
    # The stand-in logs the name of every attempt; a second one would end in _1.
    logs = [gzip.decompress(emr.get(emr.uri(key))).rstrip() for key in emr.keys("logs/")
            if key not in logs_before and "/containers/" in key and key.endswith("/syslog.gz")]
    assert logs and all(log.endswith(b"_0") for log in logs), logs
    assert left_behind(emr) == []


def test_a_bad_row_of_a_map_only_job_leaves_no_output(emr, cluster, inline):
    header, row, *_ = gzip.decompress(DIGITS.read_bytes()).splitlines(keepends=True)
    uri = emr.put("bad/digits.csv", header + row + row.replace(b"0,", b"none,", 1))
    said = refused("kmeans_assign", uri, *UNLABELLED, "--model", inline / "model.json",
                   *emr.args(cluster), "--output-dir", emr.uri("bad-labels"))
    assert "column 'p0' is 'none', not a number" in said
    assert emr.keys("bad-labels/") == []


def test_a_bug_in_a_worker_is_code_1_with_its_traceback(emr, cluster, tmp_path):
    (tmp_path / "broken.py").write_text(BROKEN_JOB)
    (tmp_path / "x.csv").write_text("1,2\n3,4\n")
    (tmp_path / "c.csv").write_text("1,2\n3,4\n")
    done = subprocess.run(
        [sys.executable, str(tmp_path / "broken.py"), str(tmp_path / "x.csv"), "--centroids",
         str(tmp_path / "c.csv"), *emr.args(cluster)], cwd=str(REPOSITORY),
        env=dict(os.environ, PYTHONPATH=str(REPOSITORY / "jobs")),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert b"ZeroDivisionError: a bug in the worker" in done.stderr, done.stderr
    assert b"in map_batches" in done.stderr


def test_a_step_that_fails_is_code_1_and_says_where_its_logs_are(emr, cluster):
    ran = run("kmeans_sample", emr.put("x.csv", b"1,2\n3,4\n"), "-k", 2, *emr.args(cluster),
              "--task-python-bin", "no-such-python")
    assert ran.code == 1
    assert "error: The job failed: Step 1 of 1 failed" in ran.err
    assert emr.uri("logs/%s/containers/" % cluster) in ran.err
    assert left_behind(emr) == []


# wrong use: one sentence, and neither a step nor a cluster

REFUSED = {
    "missing input": (["s3://{bucket}/none.csv"], "The input s3://{bucket}/none.csv does not"),
    "missing bucket": (["s3://no-such-bucket-x/a.csv"],
                       "s3://no-such-bucket-x/a.csv cannot be listed: there is no such bucket"),
    "existing output": (["{iris}", "--output-dir", "s3://{bucket}/there"],
                        "The output folder s3://{bucket}/there exists already"),
    "resumed over the user's file": (
        ["{iris}", "--init", "s3://{bucket}/resumed", "--output-dir", "s3://{bucket}/resumed/",
         "--assign"],
        "The folder s3://{bucket}/resumed/labels would make room for a new job, but"
        " s3://{bucket}/resumed/labels/mine was not written by an earlier run; move it"),
    "local labels": (["{iris}", "--assign", "--output-dir", "{tmp}/out"],
                     "The tasks of -r emr cannot write to the local folder {tmp}/out; give"),
    "hdfs": (["hdfs:///points"], "The URI hdfs:///points cannot be read from here with -r emr"),
    "unknown cluster": (["{iris}", "--cluster-id", "j-NONE"],
                        "The cluster j-NONE cannot be used: "),
    "missing bucket for files": (["{iris}", "--cloud-tmp-dir", "s3://no-such-bucket-x/tmp/"],
                                 "s3://no-such-bucket-x/tmp/ cannot be listed: there is no such"),
    "no uri for files": (["{iris}", "--cloud-tmp-dir", "/tmp"],
                         "mrjob refuses the options of -r emr: Invalid S3 URI"),
}


@pytest.mark.parametrize("args,sentence", REFUSED.values(), ids=list(REFUSED))
def test_wrong_use_is_one_sentence(emr, tmp_path, args, sentence):
    emr.put("there/file", b"")
    emr.put("resumed/labels/mine", b"")
    before = clusters(emr)
    names = {"bucket": emr.bucket, "iris": IRIS, "tmp": tmp_path}
    said = refused("driver", "-k", 3, *UNLABELLED, *emr.args(), *(a.format(**names) for a in args))
    assert said.startswith(sentence.format(**names)) and "\n" not in said
    assert clusters(emr) == before


def test_a_terminated_cluster_is_refused(emr):
    cluster_id = emr.create_cluster()
    emr.terminate(cluster_id)
    said = refused("driver", IRIS, "-k", 3, *UNLABELLED, *emr.args(cluster_id))
    assert re.match("The cluster %s is terminat(ed|ing); give another" % cluster_id, said)


def test_missing_credentials_are_one_sentence(emr, monkeypatch):
    import boto3

    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    said = refused("driver", IRIS, "-k", 3, *UNLABELLED, *emr.args())
    assert "there are no AWS credentials; run `aws configure`" in said


def test_wrong_credentials_are_one_sentence(emr, monkeypatch):
    from moto import settings

    # From here on moto knows only access keys that it has given out.
    monkeypatch.setattr(settings, "INITIAL_NO_AUTH_ACTION_COUNT", 0.0)
    said = refused("driver", IRIS, "-k", 3, *UNLABELLED, *emr.args())
    assert "AWS does not accept the credentials; renew them (" in said


def test_without_boto3_one_sentence_says_what_to_install(emr):
    code = ("import sys; sys.modules['boto3'] = sys.modules['botocore'] = None\n"
            "from howdah.scripts import driver; sys.exit(driver.main(sys.argv[1:]))")
    done = subprocess.run([sys.executable, "-c", code, str(IRIS), "-k", "3", *emr.args()],
                          cwd=str(REPOSITORY), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.stderr.decode().strip() == (
        "error: -r emr needs boto3, which is not installed here: pip install boto3.")
    assert done.returncode == 2


# the cluster of a launch is always terminated

def test_ctrl_c_terminates_the_cluster(emr, tmp_path):
    before = clusters(emr)
    process = subprocess.Popen(
        [sys.executable, "driver.py", str(DIGITS), "-k", "10", *UNLABELLED, *emr.args(),
         "--output-dir", str(tmp_path / "out")], cwd=str(REPOSITORY), stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    try:
        wait_for(lambda: any(cluster.steps for cluster in emr.standin.clusters()
                             if cluster.id not in before))
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=60)[1].decode()
    finally:
        process.kill()
    assert process.returncode == 130, said
    [made] = set(clusters(emr)) - set(before)
    assert state_of(emr, made) in TERMINATED and "cluster %s is terminated" % made in said
    assert "Traceback" not in said and left_behind(emr) == []


def test_a_cluster_that_cannot_be_tagged_is_terminated(emr, monkeypatch):
    from moto.emr.exceptions import ValidationException
    from moto.emr.models import ElasticMapReduceBackend

    def refuse(*_):
        raise ValidationException("tags are not allowed")

    monkeypatch.setattr(ElasticMapReduceBackend, "add_tags", refuse)
    before = clusters(emr)
    said = run("driver", IRIS, "-k", 3, *UNLABELLED, *emr.args())
    assert said.code == 2 and "No cluster could be created: " in said.err
    [made] = set(clusters(emr)) - set(before)
    assert state_of(emr, made) in TERMINATED


def test_a_cluster_that_cannot_be_terminated_is_named_with_the_command(emr, capsys):
    launched = Emr(KMeansRound([str(IRIS), *emr.args()]), "run")
    made = launched.cluster_id()
    client = emr.standin.client("emr")
    client.set_termination_protection(JobFlowIds=[made], TerminationProtected=True)
    launched.close()
    assert "run: aws emr terminate-clusters --cluster-ids " + made in capsys.readouterr().err
    client.set_termination_protection(JobFlowIds=[made], TerminationProtected=False)
    launched.close()
    assert state_of(emr, made) in TERMINATED
