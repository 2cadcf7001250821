"""The driver in a process that is killed, or denied the disk, at its n-th change of a file.

    python tests/disturbed.py KIND N FOLDER driver's arguments ...

KIND is "kill", or the name of an errno. What counts are the changes in FOLDER: files that are
opened for writing, renamed, linked or removed, folders that are made or removed. Python audits
each of them before it happens.
"""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

CHANGES = {"os.rename", "os.link", "os.symlink", "os.remove", "os.rmdir", "os.mkdir"}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def disturb(kind: str, at: int, folder: str) -> None:
    """From now on the change number `at` below the folder does not come to pass."""
    count = 0

    def hook(event: str, args: tuple) -> None:
        nonlocal count
        if event == "open":
            changes = bool((args[2] or 0) & WRITING)
        else:
            changes = event in CHANGES
        if not changes or not isinstance(args[0], (str, bytes, os.PathLike)):
            return
        if not os.path.abspath(os.fsdecode(args[0])).startswith(folder):
            return
        count += 1
        if count != at:
            return
        if kind == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        raise OSError(getattr(errno, kind), os.strerror(getattr(errno, kind)), args[0])

    sys.addaudithook(hook)


def run_disturbed(kind: str, at: int, folder: Path, *args) -> subprocess.CompletedProcess:
    """The driver's process, ended; its TMPDIR is a folder of its own beside the output's."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run([sys.executable, __file__, kind, str(at), str(folder), *map(str, args)],
                          env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          universal_newlines=True)


if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).resolve().parents[1]),
                    str(Path(__file__).resolve().parents[1] / "jobs")]
    from howdah.scripts.driver import main

    disturb(sys.argv[1], int(sys.argv[2]), os.path.abspath(sys.argv[3]))
    sys.exit(main(sys.argv[4:]))
