"""Processes of a launch: each in a session of its own, ended with all that it started.

A terminal sends its signals to a whole group of processes; so only the launcher gets Ctrl-C, and
ends the others in its own order.
"""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import contextmanager
from threading import Lock
from typing import Iterator

#: What a JVM gets to run its hooks, which remove its temporary files.
PATIENCE = 10

_running: set = set()


class Ended(Exception):
    """No process is started any more."""


@contextmanager
def running(command: list, **settings) -> Iterator[subprocess.Popen]:
    """A process, which is ended with all its own when the block is left by an exception."""
    process = subprocess.Popen(command, start_new_session=True, **settings)
    _running.add(process)
    try:
        yield process
    except BaseException:
        end(process)
        raise
    finally:
        _running.discard(process)


def end(process: subprocess.Popen) -> None:
    """SIGTERM to a process and all it started; SIGKILL for what is still there after a while."""
    _signal(process, signal.SIGTERM)
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        pass
    _signal(process, signal.SIGKILL)
    process.wait()


def kill_all() -> None:
    """SIGKILL to whatever runs."""
    for process in list(_running):
        _signal(process, signal.SIGKILL)


def _signal(process: subprocess.Popen, number: int) -> None:
    """To the process's group, whose id is its own as long as one of the group is there."""
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):
        pass


class Tasks:
    """Processes that end together: after `end` none runs, and none is started."""

    def __init__(self) -> None:
        self._own: set = set()
        self._lock = Lock()
        self._ended = False

    def run(self, command: list, **settings) -> int:
        """A process's exit code; Ended after `end`."""
        with self._lock:
            if self._ended:
                raise Ended
            process = subprocess.Popen(command, start_new_session=True, **settings)
            self._own.add(process)
            _running.add(process)
        try:
            return process.wait()
        finally:
            self._own.discard(process)
            _running.discard(process)

    def end(self) -> None:
        with self._lock:
            self._ended = True
            for process in list(self._own):
                _signal(process, signal.SIGKILL)
