"""Runs the commands of map and reduce tasks, each attempt in a working folder of its own."""
from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tarfile
import tempfile
import threading
import zipfile
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from emr.arguments import JobArguments, StepError, split_command
from emr.storage import Storage

SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
REPORTER = re.compile(rb"reporter:(counter|status):(.*)")
ARCHIVES = (".zip", ".jar", ".tar", ".tar.gz", ".tgz")


class Attempt(NamedTuple):
    """What is left of one attempt: its name and its stderr."""

    name: str
    stderr: bytes


class Workers:
    """The machines of a cluster: the job's files, brought once, and its processes.

    Tasks see ``PATH``, the job's settings and its -cmdenv, and nothing of this process.
    """

    def __init__(self, folder: Path, job: JobArguments, path: str) -> None:
        self.folder = folder
        self.job = job
        self.path = path
        self.links: dict[str, Path] = {}
        self.attempts: list[Attempt] = []
        self.counters: Counter = Counter()
        self._lock = threading.Lock()
        self._live: set[subprocess.Popen] = set()
        self._killed = False

    def localise(self, storage: Storage) -> None:
        """Bring what -files, -archives and -libjars name."""
        cache = self.folder / "cache"
        wanted = [(uri, link, False) for uri, link in self.job.files]
        wanted += [(uri, link, True) for uri, link in self.job.archives]
        wanted += [(uri, uri.rsplit("/", 1)[-1], False) for uri in self.job.libjars]
        for number, (uri, link, archive) in enumerate(wanted):
            path = cache / str(number) / uri.rstrip("/").rsplit("/", 1)[-1]
            storage.fetch(uri, path)
            self.links[link] = _unpacked(path) if archive else path

    def run(self, name: str, command: str, lines: bytes, env: dict[str, str]) -> bytes:
        """The stdout of a task's command; tried again as often as Hadoop does."""
        kind = "map" if "_m_" in name else "reduce"
        tries = max(1, self.job.number(f"mapreduce.{kind}.maxattempts", 4))
        for number in range(tries):
            attempt = f"{name}_{number}".replace("task_", "attempt_", 1)
            code, stdout, stderr = self._attempt(attempt, command, lines, env)
            with self._lock:
                self.attempts.append(Attempt(attempt, stderr))
            if code == 0 or not self.job.flag("stream.non.zero.exit.is.failure", True):
                return stdout
        raise StepError(f"Task Id : {attempt}, Status : FAILED\nError: java.lang.RuntimeException:"
                        f" PipeMapRed.waitOutputThreads(): subprocess failed with code {code}")

    def kill(self) -> None:
        """End all processes of the job; later ones do not start."""
        with self._lock:
            self._killed = True
            for process in self._live:
                os.killpg(process.pid, signal.SIGKILL)

    def _attempt(self, name: str, command: str, lines: bytes,
                 env: dict[str, str]) -> tuple[int, bytes, bytes]:
        folder = Path(tempfile.mkdtemp(prefix=name + ".", dir=self.folder))
        (folder / "tmp").mkdir()
        for link, target in self.links.items():
            (folder / link).symlink_to(target)
        try:
            process = self._start(command, folder, {**self._environment(folder, name), **env})
            with process:
                stdout, stderr = process.communicate(lines)
            with self._lock:
                self._live.discard(process)
            return process.returncode, stdout, self._reported(stderr)
        finally:
            shutil.rmtree(folder)

    def _start(self, command: str, folder: Path, env: dict[str, str]) -> subprocess.Popen:
        words = split_command(command)
        program = shutil.which(words[0], path=f"{folder}:{self.path}") if words else None
        if program is None:
            raise StepError('Error: java.lang.RuntimeException: Error in configuring object\n'
                            f'Caused by: java.io.IOException: Cannot run program "{command}":'
                            ' error=2, No such file or directory')
        with self._lock:
            if self._killed:
                raise StepError("The job was killed")
            process = subprocess.Popen([program, *words[1:]], cwd=folder, env=env,
                                       start_new_session=True, stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            self._live.add(process)
        return process

    def _environment(self, folder: Path, attempt: str) -> dict[str, str]:
        settings = {re.sub(r"\W", "_", name, flags=re.ASCII): value
                    for name, value in self.job.conf.items()}
        return {"PATH": self.path, "HOME": "/home/", "USER": "hadoop", "PWD": str(folder),
                **settings, "TMPDIR": str(folder / "tmp"),
                "mapreduce_task_attempt_id": attempt, **self.job.env}

    def _reported(self, stderr: bytes) -> bytes:
        """Take the counters out of stderr."""
        kept = []
        for line in stderr.splitlines(keepends=True):
            match = REPORTER.match(line)
            if match is None:
                kept.append(line)
            elif match.group(1) == b"counter":
                group, name, amount = match.group(2).decode("utf-8", "replace").rsplit(",", 2)
                with self._lock:
                    self.counters[group, name] += int(amount)
        return b"".join(kept)


def _unpacked(path: Path) -> Path:
    if not path.name.endswith(ARCHIVES):
        raise StepError(f"-archives: {path.name} is not an archive that Hadoop unpacks")
    target = path.with_name(path.name + ".d")
    if path.name.endswith((".zip", ".jar")):
        with zipfile.ZipFile(path) as packed:
            packed.extractall(target)
    else:
        # Pythons of 2023 and later want the filter named.
        options = {"filter": "tar"} if hasattr(tarfile, "tar_filter") else {}
        with tarfile.open(path) as archive:
            archive.extractall(target, **options)  # type: ignore[arg-type]
    return target
