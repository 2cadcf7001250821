"""Launching: what is shipped to tasks, what is refused before anything is submitted."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from howdah.errors import UserError
from howdah.launch.console import go_on, guarded
from howdah.launch.launch import Launch
from howdah.launch.naming import JobName
from howdah.launch.runners.backend import shared_args
from howdah.launch.runners.shipping import ODD_INPUT, PACKAGE, refuse_odd, zip_package
from howdah.launch.runners.streaming import check_streaming
from howdah.scripts.kmeans_round import KMeansRound
from howdah.scripts.kmeans_sample import KMeansSample
from howdah.scripts.knn import KNN
from howdah.task.records import load_json
from scripts import DIGITS, IRIS, REPOSITORY, plan_of, refused, succeed

NAME = JobName("howdah round 0a1b", "0a1b-round")
ROUND = REPOSITORY / "jobs" / "kmeans_round.py"

# What libraries do within a task, and when a task begins.
TALKING_JOB = '''
import logging, sys, warnings
import numpy as np
from howdah.entry import run
from howdah.scripts.kmeans_round import KMeansRound

def talk():
    warnings.warn("a warning")
    with np.errstate(over="warn"):
        np.array([1e300]).astype(np.float32)
    logging.getLogger("library").warning("a log's line")
    print("a print: \u2026", file=sys.stderr)

class Talking(KMeansRound):
    def load_args(self, args):
        talk()
        super().load_args(args)

    def map_batches(self, points):
        talk()
        yield from super().map_batches(points)

    def reducer(self, key, values):
        talk()
        yield from super().reducer(key, values)

if __name__ == "__main__":
    run(Talking)
'''


def launch_of(job_class, *args) -> Launch:
    return Launch(job_class([str(a) for a in args]))


def task_inputs(launch: Launch, folder) -> list:
    return launch.backend.task_inputs(launch.inputs, str(folder))


# shipping

def test_the_zip_has_the_same_bytes_twice(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first, second = (Path(zip_package(str(tmp_path / name))) for name in "ab")
    assert first.read_bytes() == second.read_bytes()


def test_the_zip_has_every_module_for_workers_and_nothing_of_the_launcher(tmp_path):
    with zipfile.ZipFile(zip_package(str(tmp_path))) as archive:
        names = archive.namelist()
    rooms = ["", "input", "kmeans", "knn", "task"]
    modules = [str(path.relative_to(Path(PACKAGE).parent)) for room in rooms
               for path in (Path(PACKAGE) / room).glob("*.py") if path.name != "__main__.py"]
    assert names == sorted(modules + [name + "c" for name in modules])
    assert {name.split("/")[1] for name in names if name.count("/") == 2} == set(rooms[1:])


def test_a_module_of_the_zip_is_not_compiled_again(tmp_path):
    """Sources that would raise show that the byte code is what is taken, whatever the times."""
    archive = zip_package(str(tmp_path))
    broken = tmp_path / "broken.zip"
    with zipfile.ZipFile(archive) as good, zipfile.ZipFile(broken, "w") as bad:
        for name in good.namelist():
            bad.writestr(name, good.read(name) if name.endswith("c") else b"raise SystemExit(1)")
    subprocess.run([sys.executable, "-c", "import howdah.kmeans.classify, howdah.input.parse;"
                    " import howdah; assert 'broken.zip' in howdah.__file__"],
                   env=dict(os.environ, PYTHONPATH=str(broken)), cwd=tmp_path, check=True)


def round_plan(tmp_path, *args) -> str:
    """The path of a round's plan for rows on standard input."""
    (tmp_path / "c.csv").write_text("5,3,1,0\n6,3,5,2\n")
    plan = plan_of(launch_of(KMeansRound, IRIS, "--centroids", tmp_path / "c.csv",
                             "--ignore-columns", "label", *args))
    (tmp_path / "plan.json").write_bytes(plan.to_json(sliced=False))
    return str(tmp_path / "plan.json")


def test_a_task_runs_on_the_script_the_zip_and_the_plan_alone(tmp_path):
    """As a worker has them: no jobs folder, only what was shipped."""
    plan = round_plan(tmp_path)
    work = tmp_path / "work"
    work.mkdir()
    shutil.copy(ROUND, work)
    shutil.copy(plan, work)
    archive = zip_package(str(work))
    say = ("import atexit, sys, runpy; atexit.register(lambda: sys.stderr.write('\\n'.join("
           "sorted(sys.modules)) + '\\nfrom ' + sys.modules['howdah'].__file__)); "
           "sys.argv = ['kmeans_round.py', '--mapper', '--plan', 'plan.json']; "
           "runpy.run_path('kmeans_round.py', run_name='__main__')")
    done = subprocess.run([sys.executable, "-c", say], cwd=work, input=IRIS.read_bytes(),
                          env=dict(os.environ, PYTHONPATH=archive), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=True)
    *modules, origin = done.stderr.decode().splitlines()
    assert origin.startswith("from %s" % archive)
    records = dict(line.split(b"\t", 1) for line in done.stdout.splitlines())
    assert {b"0:0", b"0:1", b"rows", b"far:0", b"move_bound:0"} == set(records)
    assert load_json(records[b"rows"])["used"] == 150
    # A worker's start-up is paid by every task: no heavy package may creep in.
    loaded = {name.partition(".")[0] for name in modules}
    assert not loaded & {"sklearn", "scipy", "joblib", "pandas"}
    assert not [name for name in modules if name.startswith("howdah.launch")]


def test_tasks_of_a_cluster_get_the_zip_and_one_thread(tmp_path):
    launch = launch_of(KMeansSample, IRIS, "-k", 3, "-r", "spark", "--py-files",
                       "mine.zip", "--cmdenv", "A=1", "--python-bin", "python3.9")
    job = launch.backend.job_of(KMeansSample, {}, str(tmp_path), None, NAME)
    assert [os.path.basename(p) for p in job.options.py_files] == ["mine.zip", "howdah.zip"]
    assert job.options.cmdenv["A"] == "1" and job.options.cmdenv["OMP_NUM_THREADS"] == "1"
    assert job.options.python_bin == "python3.9"


def test_the_scripts_own_options_and_files_stay_with_the_launcher():
    """Tasks know the plan only; mrjob's options and those of the input go on to every job."""
    launch = launch_of(KNN, IRIS, "-n", 3, "--index=a#b", "--exclude", "x#y#z", "-r", "local")
    assert shared_args(launch.job) == [str(IRIS), "-r", "local"]
    launch = launch_of(KMeansSample, IRIS, "-k", 3, "--seed=4", "--sample-size", 9, "-r", "local",
                       "--num-cores", 1, "--jobconf", "a.b=c")
    assert shared_args(launch.job) == [str(IRIS), "-r", "local", "--num-cores", "1", "--jobconf",
                                       "a.b=c"]


# map tasks

@pytest.mark.parametrize("tasks", [1, 4, 50])
def test_jobconf_sets_the_number_of_map_tasks(tmp_path, tasks):
    launch = launch_of(KMeansSample, IRIS, "-k", 3, "-r", "local", "--num-cores", 1,
                       "--jobconf", "mapreduce.job.maps=%d" % tasks)
    assert len(task_inputs(launch, tmp_path)) == tasks


def test_small_input_is_one_map_task_and_compressed_files_are_whole(tmp_path):
    launch = launch_of(KMeansSample, IRIS, "-k", 3, "-r", "local")
    assert len(task_inputs(launch, tmp_path)) == 1
    launch = launch_of(KMeansSample, DIGITS, IRIS, "-k", 3, "--jobconf", "mapreduce.job.maps=9")
    places = [load_json(Path(path).read_bytes()) for path in task_inputs(launch, tmp_path)]
    assert [p for p in places if p["path"] == str(DIGITS)] == [
        {"path": str(DIGITS), "start": 0, "stop": None}]


@pytest.mark.parametrize("maps", ["0", "many", "-1", "1.5", "\u00b2", "9" * 5000])
def test_a_number_of_map_tasks_that_is_none(maps):
    assert refused("kmeans_sample", IRIS, "-k", 3, "--jobconf", "mapreduce.job.maps=" + maps) == (
        "--jobconf mapreduce.job.maps is %r; it must be a whole number from 1 to 999999999."
        % maps)


def test_a_number_of_reduce_tasks_that_is_none(tmp_path):
    for reduces in ("many", "\u00b2"):
        launch = launch_of(KMeansSample, IRIS, "-k", 3, "-r", "spark", "--spark-master", "local",
                           "--jobconf", "mapreduce.job.reduces=" + reduces)
        with pytest.raises(UserError, match="--jobconf mapreduce.job.reduces is %r" % reduces):
            launch.backend.job_of(KMeansSample, {}, str(tmp_path), None, NAME)


# what libraries say within a task

@pytest.mark.slow
@pytest.mark.parametrize("runner", ["inline", "local"])
def test_what_libraries_say_on_standard_error_ends_no_task(tmp_path, runner):
    """A process of its own: pytest has its own way with warnings."""
    (tmp_path / "talking.py").write_text(TALKING_JOB, encoding="utf-8")
    (tmp_path / "c.csv").write_text("5,3,1,0\n6,3,5,2\n")
    (tmp_path / "tmp").mkdir()
    options = [str(IRIS), "--centroids", str(tmp_path / "c.csv"), "--ignore-columns", "label",
               "-r", runner]
    done = subprocess.run(
        [sys.executable, str(tmp_path / "talking.py"), *options, "--cleanup",
         "NONE"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=dict(os.environ, TMPDIR=str(tmp_path / "tmp"), PYTHONWARNINGS="always",
                 PYTHONPATH=os.pathsep.join([str(REPOSITORY / "jobs"), str(tmp_path)])))
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.decode() == succeed("kmeans_round", *options).out
    for kind in ("mapper", "reducer"):
        said = "".join(path.read_text(encoding="utf-8")
                       for path in (tmp_path / "tmp").rglob("%s/*/stderr" % kind))
        for words in ("UserWarning: a warning", "RuntimeWarning: overflow", "a log's line",
                      "a print: \u2026"):
            assert words in said, (kind, said)


# what is refused

def test_existing_output_is_refused_unless_it_is_an_empty_folder(tmp_path):
    out = tmp_path / "out"
    (out / "sub").mkdir(parents=True)
    args = (IRIS, "-k", 3, "--ignore-columns", "label", "--output-dir", out)
    for script in ("driver", "kmeans_sample"):
        assert refused(script, *args) == (
            "The output folder %s exists already; give another --output-dir or remove it." % out)
    (out / "sub").rmdir()
    succeed("kmeans_sample", *args)
    file = tmp_path / "file"
    file.write_text("precious")
    assert "exists already" in refused("driver", *args[:-1], file)
    assert file.read_text() == "precious"


def test_missing_input_is_named(tmp_path):
    for path in (tmp_path / "none.csv", tmp_path / "none-*.csv"):
        assert refused("kmeans_sample", IRIS, path, "-k", 3) == (
            "The input %s does not exist." % path)


@pytest.mark.parametrize("runner", ["hadoop", "spark", "emr"])
def test_an_apostrophe_is_refused_where_a_shell_would_break_it(tmp_path, runner):
    path = tmp_path / "user's.csv"
    path.write_text("1,2\n3,4\n")
    with pytest.raises(UserError) as refusal:
        launch_of(KMeansSample, path, "-k", 1, "-r", runner).check()
    assert str(refusal.value) == (
        "The path %s holds an apostrophe, which Hadoop's command lines cannot carry; rename it."
        % path)
    with pytest.raises(UserError, match="out's holds an apostrophe"):
        launch_of(KMeansSample, IRIS, "-k", 1, "-r", runner, "--output-dir", "out's").check()


@pytest.mark.parametrize("runner", ["inline", "local"])
def test_an_apostrophe_and_a_blank_do_no_harm_here(tmp_path, runner):
    folder = tmp_path / "user's own folder"
    folder.mkdir()
    shutil.copy(IRIS, folder / "a b's.csv")
    ran = succeed("kmeans_sample", folder / "a b's.csv", "-k", 3, "-r", runner,
                  "--ignore-columns", "label", "--output-dir", folder / "out's")
    assert "150 rows used" in ran.err and (folder / "out's").is_dir()


ODD_NAMES = ["a#b", "a b", "a[1]", "~", "a*", "a,b", "a:b", "$HOME", "a\\b", "-x", "#"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ODD_NAMES)
def test_inputs_and_outputs_have_any_name(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    for other in ("a", "a1", "ab"):
        (tmp_path / other).write_text("1,2\n")
    shutil.copy(IRIS, tmp_path / name)
    (tmp_path / ("in" + name)).mkdir()
    shutil.copy(IRIS, tmp_path / ("in" + name) / ("x" + name))
    given = "./-x" if name == "-x" else name
    out, k = "out" + name, ["-k", 3, "--ignore-columns", "label"]
    whole = succeed("driver", IRIS, *k, "--output-dir", "whole", "--assign")
    for place in (given, "in" + name):
        ran = succeed("driver", place, *k, "--output-dir", out, "--assign")
        assert "150 rows" in ran.err
        assert (tmp_path / out / "centroids.csv").read_bytes() == (
            tmp_path / "whole" / "centroids.csv").read_bytes()
        assert (tmp_path / out / "labels" / "part-00000").read_bytes() == (
            tmp_path / "whole" / "labels" / "part-00000").read_bytes()
        assert "converged" in succeed("driver", place, *k, "--init", out, "--output-dir", out).err
        assert succeed("kmeans_assign", place, *k[2:], "--model", out).out
        shutil.rmtree(out)
    assert whole.out == ""


@pytest.mark.slow
def test_a_local_run_with_odd_names(tmp_path):
    path = shutil.copy(IRIS, tmp_path / "a#[1].csv")
    args = ("-k", 3, "--ignore-columns", "label", "-r", "local")
    sample = succeed("kmeans_sample", IRIS, *args).out
    assert succeed("kmeans_sample", path, *args, "--output-dir", tmp_path / "o#[1]").out == sample


@pytest.mark.parametrize("name", ["a#b", "a[1]"])
def test_a_folder_for_temporary_files_that_mrjob_would_misread(tmp_path, monkeypatch, name):
    (tmp_path / name).mkdir()
    sentence = refused("kmeans_sample", IRIS, "-k", 3, "--local-tmp-dir", tmp_path / name)
    assert sentence == (
        "The folder %s for temporary files holds %r, which mrjob takes for something else; set"
        " $TMPDIR or --local-tmp-dir to another." % (tmp_path / name, name[1]))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / name))
    assert refused("kmeans_sample", IRIS, "-k", 3) == sentence


@pytest.mark.parametrize("option", ["--index", "--exclude", "--worker-env"])
@pytest.mark.parametrize("odd", ["#", ",", " ", "[", "%"])
def test_a_uri_that_cannot_be_shipped(option, odd):
    uri = "hdfs://host:8020/a%sb" % odd
    with pytest.raises(UserError) as refusal:
        launch_of(KNN, IRIS, "-r", "hadoop", option, uri).check()
    assert str(refusal.value).startswith("The URI %s holds %r," % (uri, odd))


def test_an_input_on_a_cluster_that_would_be_read_as_a_glob():
    """A glob is listed before; what it stands for is read as one again."""
    refuse_odd("hdfs://host:8020/a b#c/x=1.csv", ODD_INPUT)
    for odd in ",*?[]{}\\":
        with pytest.raises(UserError, match=re.escape("holds %r," % odd)):
            refuse_odd("hdfs://host:8020/a%sb" % odd, ODD_INPUT)


def test_a_printed_command_cannot_carry_every_folder(tmp_path):
    options = launch_of(KMeansSample, "hdfs:///x", "-o", "hdfs:///y", "--print-streaming",
                        tmp_path / "a,b").options
    with pytest.raises(UserError, match="a,b holds ',', which Hadoop's -files cannot carry"):
        check_streaming(options)


def test_what_a_job_ships_has_a_plain_path(tmp_path):
    """Linked under one, where it has none."""
    (tmp_path / "a, b#c").mkdir()
    odd, plain = tmp_path / "a, b#c" / "~e#1.tar.gz", tmp_path / "e-1.tar.gz"
    for path, shipped in ((plain, re.escape(str(plain))), (odd, r".*/tmp[^/]*/file_e_1\.tar\.gz")):
        path.write_text(str(path))
        launch = launch_of(KNN, IRIS, "-r", "spark", "--spark-master", "local", "--index", path,
                           "--worker-env=%s" % path)
        options = launch.backend.job_of(KNN, {}, str(tmp_path), None, NAME).options
        assert re.fullmatch(shipped, options.index)
        assert re.fullmatch(shipped + "#env", options.upload_archives[-1])
        assert Path(options.index).read_text() == str(path)


def test_a_missing_hadoop_is_said_before_anything_is_read(tmp_path, monkeypatch):
    for name in list(os.environ):
        if name.startswith("HADOOP"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PATH", str(tmp_path))
    message = refused("driver", IRIS, "-k", 3, "-r", "hadoop")
    assert "hadoop" in message and "$HADOOP_HOME" in message


def test_a_uri_needs_a_runner_that_knows_it():
    message = refused("kmeans_sample", "hdfs:///data/x.csv", "-k", 3)
    assert message == ("The URI hdfs:///data/x.csv needs a runner that knows it; add -r hadoop,"
                       " -r emr or -r spark.")


def test_temporary_files_are_removed(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    succeed("kmeans_sample", IRIS, "-k", 3, "--ignore-columns", "label")
    refused("kmeans_sample", IRIS, "-k", 3, "--ignore-columns", "label", "--id-column", "none")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_that_a_library_swallows_ends_the_run_after_the_job(number, code):
    """Whether or not these tests run where SIGINT is ignored, as in a shell's background."""
    def action():
        try:
            os.kill(os.getpid(), number)
        except KeyboardInterrupt:
            pass
        go_on()
        raise AssertionError("It goes on.")

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        assert guarded(action) == code
    finally:
        signal.signal(signal.SIGINT, before)
    assert guarded(lambda: go_on() or 0) == 0
