"""Ctrl-C, SIGTERM and SIGHUP: every process ends, nothing temporary is left, the code tells."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from scripts import REPOSITORY

# Tasks that take for ever, and say so.
SLOW_JOB = '''
import os
import pathlib
import sys
import time

import howdah.scripts.kmeans_round
from howdah.entry import run
from howdah.scripts.kmeans_sample import KMeansSample


class Slow(KMeansSample):
    def map_batches(self, points):
        pathlib.Path(os.environ["STARTED"], str(os.getpid())).touch()
        time.sleep(600)
        yield from super().map_batches(points)


if __name__ == "__main__":
    run(Slow)
'''


def started(folder: Path, runner: str, *, ignored: int = 0) -> subprocess.Popen:
    """A script whose tasks run; its temporary files go to folder/tmp."""
    script = folder / "slow.py"
    script.write_text(SLOW_JOB)
    (folder / "x.csv").write_text("1,2\n3,4\n" * 100)
    for name in ("tmp", "started"):
        (folder / name).mkdir()
    env = {**os.environ, "TMPDIR": str(folder / "tmp"), "STARTED": str(folder / "started"),
           "PYTHONPATH": str(REPOSITORY / "jobs")}

    def handlers():
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN if number == ignored else signal.SIG_DFL)

    process = subprocess.Popen(
        [sys.executable, str(script), str(folder / "x.csv"), "-k", "2", "-r", runner,
         "--output-dir", str(folder / "out"), "--jobconf", "mapreduce.job.maps=2"],
        env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=handlers)
    wanted = 2 if runner == "local" and (os.cpu_count() or 1) > 1 else 1
    end = time.monotonic() + 60
    while len(tasks(folder)) < wanted and time.monotonic() < end:
        time.sleep(0.05)
    assert len(tasks(folder)) == wanted
    return process


def tasks(folder: Path) -> list:
    return [int(path.name) for path in (folder / "started").iterdir()]


def runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.slow
@pytest.mark.parametrize("number, said", [(signal.SIGINT, "interrupted"),
                                          (signal.SIGTERM, "ended by SIGTERM"),
                                          (signal.SIGHUP, "ended by SIGHUP")])
@pytest.mark.parametrize("runner", ["inline", "local"])
def test_a_signal_ends_all_and_leaves_nothing(tmp_path, runner, number, said):
    process = started(tmp_path, runner)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 128 + number and out == ""
    assert err.splitlines()[-1] == said and "Traceback" not in err
    assert not any(map(runs, tasks(tmp_path)))
    assert os.listdir(tmp_path / "tmp") == []


@pytest.mark.slow
def test_what_is_ignored_stays_so(tmp_path):
    """As under nohup."""
    process = started(tmp_path, "local", ignored=signal.SIGHUP)
    process.send_signal(signal.SIGHUP)
    time.sleep(0.5)
    assert process.poll() is None and all(map(runs, tasks(tmp_path)))
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM


@pytest.mark.slow
def test_a_second_ctrl_c_leaves_at_once(tmp_path):
    """Though what is cleaned up takes for ever."""
    code = ("import signal, sys, time\n"
            "from howdah.launch.console import guarded\n"
            "def act():\n"
            "    try:\n"
            "        print('ready', flush=True)\n"
            "        time.sleep(600)\n"
            "    finally:\n"
            "        print('cleaning', flush=True)\n"
            "        time.sleep(600)\n"
            "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
            "sys.exit(guarded(act))\n")
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True,
                               env={**os.environ, "PYTHONPATH": str(REPOSITORY / "jobs")})
    assert process.stdout is not None
    for line in ("ready\n", "cleaning\n"):
        assert process.stdout.readline() == line
        process.send_signal(signal.SIGINT)
    assert process.wait(10) == 128 + signal.SIGINT
    process.stdout.close()
