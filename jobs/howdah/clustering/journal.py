"""What a run has done, kept in its output folder, so that it is never done twice.

    .howdah/RUN                 who works on the folder now (running.py)
    .howdah/manifest.json       what was asked, of which input, and the steps that are done
    .howdah/ID/round-01.json    what a step of the run found

Every change replaces one file as a whole, and a step is done once the manifest names it with the
digest of its file. So a run that is killed between any two writes goes on from its last whole step,
and since all else follows from the steps, it ends with the bits of a run that nobody disturbed.
"""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import asdict, dataclass, field
from typing import Callable, Optional

from howdah import __version__
from howdah.errors import UserError
from howdah.launch.files.files import Files
from howdah.launch.files.paths import join
from howdah.task.records import dump_json, load_json

FORMAT_VERSION = 1
HIDDEN, MANIFEST = ".howdah", "manifest.json"
#: Steps of a run, in their order; those of labels come last.
SAMPLE, SEEDS, ROUND = "sample", "seeds", "round-%02d"


def now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


@dataclass
class Manifest:
    """What a folder's run is, and which of its steps are done.

    run      its id, by which its jobs are called
    runner   the one it began on; options: those that decide the answer, by name
    paths    the inputs as they were given, in the folder cwd
    files    [path, bytes, stamp] of each file of the inputs
    earlier  lines of rounds.jsonl that stood in the folder before
    steps    {name: SHA-256 of its file}, in the order of their ends
    exit     the exit code of a run that has ended by itself
    """

    runner: str
    options: dict
    cwd: str
    paths: list
    files: list
    earlier: list
    run: str
    steps: dict = field(default_factory=dict)
    exit: Optional[int] = None
    begun: str = field(default_factory=now)
    format_version: int = FORMAT_VERSION
    howdah_version: str = __version__

    def to_json(self) -> bytes:
        return (json.dumps(asdict(self), indent=1) + "\n").encode("utf-8")

    @classmethod
    def from_json(cls, data: bytes, place: str) -> Manifest:
        """Raises UserError for another version, or for what is no manifest."""
        try:
            value = json.loads(data)
            version = value["format_version"]
            if version == FORMAT_VERSION:
                return cls(**value)
        except (ValueError, KeyError, TypeError):
            raise UserError("%s is no manifest of a run; begin anew with another --output-dir."
                            % place) from None
        raise UserError("%s has the format version %r, but this howdah reads version %d; go on with"
                        " the howdah that wrote it (%s)."
                        % (place, version, FORMAT_VERSION, value.get("howdah_version")))


def manifest_path(folder: str) -> str:
    return join(join(folder, HIDDEN), MANIFEST)


def read_manifest(folder: str, files: Files) -> Optional[Manifest]:
    """The manifest of a folder; None where there is none."""
    path = manifest_path(folder)
    return Manifest.from_json(files.read(path), path) if files.exists(path) else None


class Journal:
    """The steps of one run, in its folder; without a folder nothing is kept.

    `read` names the steps that were found done.
    """

    def __init__(self, folder: Optional[str], files: Files, manifest: Manifest):
        self.folder, self.files, self.manifest = folder, files, manifest
        self.read: list = []
        self.jobs_before = sum(name != SEEDS for name in manifest.steps)

    def has(self, name: str) -> bool:
        return name in self.manifest.steps

    @property
    def replaying(self) -> bool:
        """Whether the run is still where it has been before."""
        return len(self.read) < len(self.manifest.steps)

    def step(self, name: str, make: Callable[[], object]):
        """What a step found: `make()`, or what the folder holds of it.

        It is JSON values and arrays. Raises UserError for a file that is not the step's.
        """
        if self.has(name):
            self.read.append(name)
            return self._read(name)
        made = make()
        if self.folder is None:
            return made
        data = dump_json(made)
        self.files.replace(self._path(name), data)
        self.manifest.steps[name] = hashlib.sha256(data).hexdigest()
        self.read.append(name)
        self.write()
        # As one that goes on later will see it.
        return load_json(data)

    def _read(self, name: str):
        path = self._path(name)
        data = self.files.read(path) if self.files.exists(path) else b""
        if hashlib.sha256(data).hexdigest() != self.manifest.steps[name]:
            raise UserError("%s is damaged: it is not what the run wrote there; begin anew with"
                            " another --output-dir." % path)
        return load_json(data)

    def end(self, code: int) -> None:
        """The run has ended by itself."""
        self.manifest.exit = code
        self.write()

    def write(self) -> None:
        if self.folder is not None:
            self.files.replace(manifest_path(self.folder), self.manifest.to_json())

    def _path(self, name: str) -> str:
        return join(join(join(self.folder or "", HIDDEN), self.manifest.run), name + ".json")
