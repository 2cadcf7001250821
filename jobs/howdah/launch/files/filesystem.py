"""What every file system here can do: the contract that local files, HDFS and S3 fulfil."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from typing import Iterator


def time_stamp(ticks: int, per_second: int) -> str:
    """A stamp of a time since 1970, in a power of ten of ticks a second.

    It begins as `hadoop fs` tells times, which knows minutes alone.
    """
    seconds, rest = divmod(ticks, per_second)
    return "%s.%0*d" % (time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds)),
                        len(str(per_second)) - 1, rest)


class FileSystem(ABC):
    """Files and folders by path or URI.

    What is written is there whole or not at all, whoever reads or dies meanwhile, and its folder is
    made when it is not there. What cannot be done is a UserError which says the cause, JobFailed
    where a result of jobs cannot be written; on this machine's disks an OSError may pass.
    """

    @abstractmethod
    def exists(self, path: str) -> bool:
        """Whether there is a file or folder; no answer is an error, not a no."""

    @abstractmethod
    def stamped(self, path: str) -> list:
        """(path, bytes, stamp) of all files that a path, glob or folder stands for, [] if none is.

        The paths are of the form that was asked for. A stamp is text that another content of the
        file has not: a tag, or the time of the last write; of one time a stamp may be longer.
        """

    def ls(self, path: str) -> list:
        """The same, (path, bytes)."""
        return [(file, size) for file, size, _ in self.stamped(path)]

    @abstractmethod
    def cat(self, path: str) -> Iterator[bytes]:
        """A file's bytes, decompressed; may be closed before the end."""

    @abstractmethod
    def tail(self, path: str, size: int) -> bytes:
        """The last bytes of a file as they are stored, without reading the rest.

        At most 1024 of them, or as many as the file has: more cannot be asked of `hadoop fs`.
        """

    @abstractmethod
    def replace_all(self, folder: str, files: dict) -> None:
        """Write files {name: bytes} into a folder, each replacing an older one in one step."""

    @abstractmethod
    def create(self, path: str, data: bytes) -> None:
        """Write a new file; FileExistsError, and nothing changed, where there is one already."""

    @abstractmethod
    def put(self, paths: list, folder: str) -> None:
        """Copy local files into a folder, each replacing an older one in one step."""

    @abstractmethod
    def rm(self, path: str) -> None:
        """Remove a file, or a folder and all below it, if it is there."""

    def head(self, path: str, size: int) -> bytes:
        """The first bytes of a file, decompressed."""
        held = b""
        for chunk in self.cat(path):
            held += chunk
            if len(held) >= size:
                break
        return held[:size]

    def read(self, path: str) -> bytes:
        """A whole file, decompressed."""
        return b"".join(self.cat(path))

    def replace(self, path: str, data: bytes) -> None:
        """Write a file, replacing an older one in one step."""
        folder, slash, name = path.rpartition("/")
        self.replace_all(folder or slash, {name: data})
