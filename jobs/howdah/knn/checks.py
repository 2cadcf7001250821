"""Checksums of an index file, a megabyte each: a block is checked when it is first touched.

All that is unpickled is checked before; the points, which are most of a file and stay on disk, when
a search first reads them. So no load reads a whole file only to verify it.
"""

from __future__ import annotations

import os

import numpy as np

from howdah.checksum import checksum
from howdah.errors import UserError

BLOCK = 1 << 20
SUM = np.dtype("<u4")


def sums_of(path: str) -> bytes:
    """The checksums of all blocks of a file, 4 bytes each."""
    with open(path, "rb") as file:
        return b"".join(checksum(block).to_bytes(SUM.itemsize, "little")
                        for block in iter(lambda: file.read(BLOCK), b""))


def sums_size(payload_bytes: int) -> int:
    """How many bytes the checksums of so long a payload take."""
    return -(-payload_bytes // BLOCK) * SUM.itemsize


class Opened:
    """An open file: what is hashed, checked and mapped by `name` is the same, whatever takes its
    path meanwhile."""

    def __init__(self, path: str):
        self.path = path
        self.descriptor = os.open(path, os.O_RDONLY)
        name = "/proc/self/fd/%d" % self.descriptor
        self.name = name if os.path.exists(name) else path

    def __del__(self):
        os.close(self.descriptor)


class Checks(Opened):
    """The checks of a file by its description: checksums follow its payload.

    Raises UserError, here and in its methods, for bytes that are not those that were written.
    """

    def __init__(self, path: str, description):
        super().__init__(path)
        self.size = size = description.payload_bytes
        self.points = description.points
        told = os.pread(self.descriptor, sums_size(size), size)
        if checksum(told) != description.sums_check or len(told) != sums_size(size):
            raise self._damaged(size)
        self.sums = np.frombuffer(told, SUM)
        self.unread = np.ones(len(self.sums), dtype=bool)

    def check(self, start: int, stop: int) -> None:
        """Check the blocks of the bytes [start, stop)."""
        self._check(np.arange(start // BLOCK, -(-min(stop, self.size) // BLOCK)))

    def check_spans(self, starts: np.ndarray, stops: np.ndarray) -> None:
        """Check the blocks of the bytes of many short spans."""
        if self.unread.any():
            first, last = starts // BLOCK, np.maximum(stops - 1, starts) // BLOCK
            for number in range(int((last - first).max(initial=0)) + 1):
                self._check(np.unique(np.minimum(first + number, last)))

    def check_all(self) -> None:
        self.check(0, self.size)

    def check_but(self, spans: list) -> None:
        """Check all blocks but those that lie within one of the spans (offset, bytes)."""
        left = np.ones(len(self.sums), dtype=bool)
        for offset, length in spans:
            left[-(-offset // BLOCK):(offset + length) // BLOCK] = False
        self._check(np.flatnonzero(left))

    def _check(self, blocks: np.ndarray) -> None:
        for i in blocks[self.unread[blocks]].tolist():
            block = os.pread(self.descriptor, min(BLOCK, self.size - i * BLOCK), i * BLOCK)
            if checksum(block) != self.sums[i]:
                raise self._damaged(i * BLOCK)
            self.unread[i] = False

    def _damaged(self, at: int) -> UserError:
        return UserError("The index %s is damaged: the checksum of its bytes from %d on is wrong;"
                         " copy it again, or build it again." % (self.path, at))
