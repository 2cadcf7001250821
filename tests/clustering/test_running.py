"""One driver a folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from howdah.clustering.running import Running, read_running, started, this_process
from howdah.errors import UserError
from howdah.launch.files.files import Files


def entered(folder, **more) -> Running:
    running = Running(str(folder), Files(), "r1")
    running.enter(**more)
    return running


def leave_run(folder, **told) -> None:
    """The RUN of another driver."""
    (folder / ".howdah").mkdir(exist_ok=True)
    (folder / ".howdah" / "RUN").write_text(json.dumps({**this_process("r0"), **told}))


@pytest.fixture
def gone() -> dict:
    """What tells of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    told = {"pid": process.pid, "started": started(process.pid)}
    process.communicate(b"\n")
    return told


def test_without_a_folder_there_is_nothing_to_have():
    running = Running(None, Files(), "r1")
    running.enter()
    running.leave()


def test_who_has_the_folder_is_told_and_gone_at_the_end(tmp_path):
    running = entered(tmp_path)
    told = read_running(str(tmp_path), Files())
    assert told is not None and (told["run"], told["pid"]) == ("r1", os.getpid())
    running.leave()
    assert os.listdir(tmp_path / ".howdah") == []


@pytest.mark.parametrize("take_over", [False, True])
def test_a_driver_at_work_keeps_it(tmp_path, take_over):
    running = entered(tmp_path)
    with pytest.raises(UserError) as caught:
        entered(tmp_path, take_over=take_over)
    assert "another driver works on (process %d on " % os.getpid() in str(caught.value)
    assert (tmp_path / ".howdah" / "RUN").exists()
    running.leave()


def test_one_that_is_gone_is_taken_over_by_who_goes_on(tmp_path, gone):
    leave_run(tmp_path, **gone)
    with pytest.raises(UserError) as caught:
        entered(tmp_path)
    assert "whose driver is gone (process %d on " % gone["pid"] in str(caught.value)
    assert "go on with --resume %s, or give another --output-dir." % tmp_path in str(caught.value)
    running = entered(tmp_path, take_over=True)
    assert json.loads((tmp_path / ".howdah" / "RUN").read_text())["run"] == "r1"
    assert os.listdir(tmp_path / ".howdah") == ["RUN"]
    running.leave()


def test_a_process_that_has_its_number_now_is_another(tmp_path):
    leave_run(tmp_path, started="1")
    entered(tmp_path, take_over=True)


def test_of_two_that_take_over_one_does(tmp_path, gone):
    leave_run(tmp_path, token="t0", **gone)
    (tmp_path / ".howdah" / "RUN.t0").write_text("")
    with pytest.raises(UserError, match="is being taken over by another driver .*RUN.t0 is there"):
        entered(tmp_path, take_over=True)


def test_nobody_knows_of_another_host(tmp_path, gone):
    leave_run(tmp_path, host="elsewhere", **gone)
    with pytest.raises(UserError) as caught:
        entered(tmp_path, take_over=True)
    assert "(ps -p %d), and remove %s/.howdah/RUN if it is not." % (
        gone["pid"], tmp_path) in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "7", '{"pid": 1}'])
def test_a_run_that_cannot_be_read_is_somebodys(tmp_path, text):
    (tmp_path / ".howdah").mkdir()
    (tmp_path / ".howdah" / "RUN").write_text(text)
    with pytest.raises(UserError, match="its .howdah/RUN cannot be read; remove that file if"):
        entered(tmp_path, take_over=True)
