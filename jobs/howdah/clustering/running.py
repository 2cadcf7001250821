"""One driver a folder: the file RUN says who works on it."""

from __future__ import annotations

import json
import os
import socket
import uuid
from typing import Optional

from howdah.clustering.journal import HIDDEN, now
from howdah.errors import UserError
from howdah.launch.files.files import Files
from howdah.launch.files.paths import join

# Below the hidden folder: the output folder may stand in a folder that is read.
RUN = HIDDEN + "/RUN"


class Running:
    """The file RUN of a folder, from `enter` to `leave`.

    It is created where none may be, so of several drivers one has the folder. A driver that was
    killed leaves it behind: who goes on takes it over, if that process is known to be gone.
    """

    def __init__(self, folder: Optional[str], files: Files, run: str):
        self.folder, self.files, self.run = folder, files, run
        self.path = join(folder or "", RUN)
        self._entered = False

    def enter(self, take_over: bool = False) -> None:
        """Raises UserError where another driver has the folder."""
        if self.folder is None:
            return
        own = (json.dumps(this_process(self.run)) + "\n").encode("utf-8")
        try:
            self.files.create(self.path, own)
        except FileExistsError:
            found = read_running(self.folder, self.files)
            if not take_over or found is None or may_live(found):
                raise UserError(has_it(self.folder, found)) from None
            self._take_over(found, own)
        self._entered = True

    def _take_over(self, found: dict, own: bytes) -> None:
        """Of several that would, the one that creates the claim on that very RUN goes on."""
        claim = "%s.%s" % (self.path, found.get("token"))
        try:
            self.files.create(claim, own)
        except FileExistsError:
            raise UserError("%s is being taken over by another driver (%s is there); wait for it,"
                            " and remove that file if there is none." % (self.folder, claim)
                            ) from None
        self.files.replace(self.path, own)
        self.files.rm(claim)

    def leave(self) -> None:
        if self._entered:
            self._entered = False
            self.files.discard(self.path)


def this_process(run: str) -> dict:
    """What RUN says."""
    return {"run": run, "host": socket.gethostname(), "pid": os.getpid(),
            "started": started(os.getpid()), "token": uuid.uuid4().hex[:12],
            "time": now()}


def read_running(folder: str, files: Files) -> Optional[dict]:
    """What the RUN of a folder says; None where there is none that can be read."""
    path = join(folder, RUN)
    if not files.exists(path):
        return None
    try:
        found = json.loads(files.read(path))
        return found if {"host", "pid", "token"} <= set(found) else None
    except (ValueError, TypeError):
        return None


def may_live(found: dict) -> bool:
    """Whether the process that a RUN names may still be there: on another host nobody knows."""
    if found["host"] != socket.gethostname():
        return True
    return started(found["pid"]) is not None and started(found["pid"]) == found.get("started")


def started(pid: int) -> Optional[str]:
    """When a process of this machine was started, as far as that is known; None if it is gone."""
    try:
        with open("/proc/%d/stat" % pid) as file:
            fields = file.read().rpartition(")")[2].split()
        return None if fields[0] == "Z" else fields[19]
    except OSError:
        pass
    if os.path.isdir("/proc/self"):
        return None
    try:
        os.kill(pid, 0)
        return "?"
    except PermissionError:
        return "?"
    except OSError:
        return None


def has_it(folder: str, found: Optional[dict]) -> str:
    """Who has the folder, and how to see whether it is still at work."""
    if found is None:
        return ("%s is another driver's: its %s cannot be read; remove that file if none is at"
                " work there." % (folder, RUN))
    who = "process %s on %s, since %s" % (found["pid"], found["host"], found.get("time"))
    if found["host"] != socket.gethostname():
        return ("%s is the folder of a run that another driver works on (%s); see there whether it"
                " is alive (ps -p %s), and remove %s if it is not."
                % (folder, who, found["pid"], join(folder, RUN)))
    if may_live(found):
        return ("%s is the folder of a run that another driver works on (%s); wait for it, or give"
                " another --output-dir." % (folder, who))
    return ("%s is the folder of a run whose driver is gone (%s); go on with --resume %s, or give"
            " another --output-dir." % (folder, who, folder))
