"""The README's commands work as they stand, in a copy of the repository.

Commands are the lines of ```-blocks that begin with `python ` or `$ python `, also behind `&&`.
Those for a cluster are not run, but their options must be ones that the script knows.
"""

from __future__ import annotations

import importlib
import inspect
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from howdah.task.job import HowdahJob
from scripts import REPOSITORY

README = REPOSITORY / "README.md"
BLOCK = re.compile(r"^```[a-z]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CLUSTER = re.compile(r"-r (hadoop|emr|spark)\b|\b(hdfs|s3)://|--print-streaming|worker_env\.py")
SCRIPT = re.compile(r"python ([\w/]+)\.py\b")
FOLDERS = ("data", "docs", "examples", "jobs")


def blocks() -> list:
    return [m.group(1) for m in BLOCK.finditer(README.read_text(encoding="utf-8"))]


def commands_of(block: str) -> list:
    """Commands of a block that call a script with python, continued lines joined."""
    found = []
    for line in block.replace("\\\n", " ").splitlines():
        for part in line.split("&&"):
            part = part.strip()
            if part.startswith("$ "):
                part = part[2:]
            if SCRIPT.match(part):
                found.append(part)
    return found


def all_commands() -> list:
    return [command for block in blocks() for command in commands_of(block)]


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Path:
    """A copy of the repository: its scripts and data, nothing that a run left."""
    folder = tmp_path_factory.mktemp("readme") / "howdah"
    folder.mkdir()
    for name in FOLDERS:
        if (REPOSITORY / name).exists():
            shutil.copytree(REPOSITORY / name, folder / name,
                            ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for path in REPOSITORY.glob("*.*"):
        if path.is_file():
            shutil.copy(path, folder)
    return folder


@pytest.fixture(scope="module")
def ran(copy) -> list:
    """Every command for the laptop, run in the README's order: (command, its process)."""
    bin_folder = copy.parent / "bin"
    bin_folder.mkdir()
    python = bin_folder / "python"
    python.write_text('#!/bin/sh\nexec "%s" "$@"\n' % sys.executable)
    python.chmod(0o755)
    env = dict(os.environ, PATH="%s%s%s" % (bin_folder, os.pathsep, os.environ["PATH"]),
               PYTHONPATH=os.pathsep.join([str(copy / "jobs"), os.environ.get("PYTHONPATH", "")]))
    done = []
    for command in all_commands():
        if not CLUSTER.search(command):
            done.append((command, subprocess.run(
                ["bash", "-o", "pipefail", "-c", command], cwd=copy, env=env,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8")))
    return done


def test_there_are_commands_for_laptop_and_cluster():
    on_cluster = [c for c in all_commands() if CLUSTER.search(c)]
    assert on_cluster and len(all_commands()) > len(on_cluster)
    assert any(c.startswith("python driver.py data/") for c in all_commands())


@pytest.mark.slow
def test_every_command_for_the_laptop_runs(ran):
    failed = ["%s\n%s" % (command, done.stdout) for command, done in ran if done.returncode]
    assert ran and not failed, "\n\n".join(failed)


@pytest.mark.parametrize("command", [c for c in all_commands() if CLUSTER.search(c)])
def test_every_command_for_a_cluster_has_options_that_the_script_knows(command):
    script, *args = shlex.split(re.split(r"[|>]", command)[0])[1:]
    module = importlib.import_module(Path(script).stem)
    jobs = [job for _, job in inspect.getmembers(module, inspect.isclass)
            if issubclass(job, HowdahJob) and job.__module__ == module.__name__]
    if jobs:
        # mrjob's parser raises ValueError for what it does not know.
        assert jobs[0](args).options is not None
    else:
        shown = subprocess.run([sys.executable, str(REPOSITORY / script), "--help"], check=True,
                               stdout=subprocess.PIPE, encoding="utf-8").stdout
        assert [arg for arg in args if arg.startswith("--") and arg not in shown] == []


def shape(text: str) -> list:
    """Lines with every number as #, blanks as one, repeated lines once: what does not vary."""
    lines: list = []
    for line in text.splitlines():
        line = " ".join(re.sub(r"-?\d+(\.\d+)?(e[+-]?\d+)?", "#", line).split())
        if line and line not in lines[-1:]:
            lines.append(line)
    return lines


@pytest.mark.slow
def test_the_first_command_and_its_output_stand_at_the_top(ran):
    """Within 25 lines, and what it prints today has the form that the README shows."""
    text = README.read_text(encoding="utf-8")
    first = next(i for i, block in enumerate(blocks()) if commands_of(block))
    command, shown = commands_of(blocks()[first])[0], blocks()[first + 1]
    assert len(text[:text.index(shown)].splitlines()) + len(shown.splitlines()) <= 25
    assert (command, shape(ran[0][1].stdout)) == (ran[0][0], shape(shown))


def test_every_option_that_the_readme_names_exists():
    """An option in a README table or text is one of some script's."""
    known = set()
    for path in [REPOSITORY / "driver.py", *(REPOSITORY / "jobs").glob("*.py"),
                 *(REPOSITORY / "jobs" / "howdah").rglob("*.py"),
                 *(REPOSITORY / "tests" / "bench").glob("*.py")]:
        known |= set(re.findall(r'"(--[a-z][a-z0-9-]*)"', path.read_text(encoding="utf-8")))
    from mrjob.options import _RUNNER_OPTS

    known |= {switch for option in _RUNNER_OPTS.values() for switches, _ in
              option.get("switches", []) for switch in switches}
    named = set(re.findall(r"(?<![\w-])(--[a-z][a-z0-9-]*)", README.read_text(encoding="utf-8")))
    assert named - known - {"--output-dir", "--runner"} == set()
