"""The files of an input, and whether they are still what they were."""

from __future__ import annotations

from typing import NamedTuple, Optional

from howdah.errors import UserError
from howdah.launch.files.files import Files
from howdah.launch.files.paths import absolute, join


class InputChanged(UserError):
    """The input is no longer what a run has seen of it."""


class Seen(NamedTuple):
    """A file when it was listed: its bytes, and when it was last written (or its tag on S3)."""

    bytes: int
    stamp: str

    def may_be(self, other: Optional[Seen]) -> bool:
        """Whether nothing tells it from another one."""
        return (other is not None and self.bytes == other.bytes
                and (self.stamp.startswith(other.stamp) or other.stamp.startswith(self.stamp)))

    def __str__(self) -> str:
        return "%d bytes%s" % (self.bytes, " (%s)" % self.stamp if self.stamp else "")


class InputFiles:
    """Every file that the inputs `paths` stand for, as it was first seen.

    Files on this machine go by their absolute path. New files below `own`, the folder that the run
    writes to, are none of the input.
    """

    def __init__(self, paths: list, files: Files, seen: Optional[list] = None,
                 own: Optional[str] = None):
        self.paths, self.files = paths, files
        self._own = own and join(absolute(own), "")
        self.seen = self._listed() if seen is None else {
            path: Seen(*told) for path, *told in seen}

    def to_list(self) -> list:
        return [[path, *seen] for path, seen in self.seen.items()]

    def _listed(self) -> dict:
        found: dict = {}
        for path in self.paths:
            for name, size, stamp in self.files.stamped(path):
                found[absolute(name)] = Seen(size, stamp)
        return found

    def has(self, path: str) -> bool:
        """Whether a file is one of those that were seen."""
        return absolute(path) in self.seen

    def refuse_changes(self) -> None:
        """InputChanged where a file is new, gone or another."""
        now = self._listed()
        for name in {**self.seen, **now}:
            before, after = self.seen.get(name), now.get(name)
            if before is None and self._own and name.startswith(self._own):
                continue
            if before is None or not before.may_be(after):
                raise InputChanged("The input has changed since the run began: %s %s, and now %s."
                                   " Wait until nothing writes to it; another run scans it anew."
                                   % (name, _told(before, "had", "was not there"),
                                      _told(after, "has", "is gone")))


def _told(seen: Optional[Seen], has: str, missing: str) -> str:
    return missing if seen is None else "%s %s" % (has, seen)
