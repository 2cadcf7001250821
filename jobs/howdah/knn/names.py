"""Ids and classes: names of any length in one buffer, found by their hashes.

An array of the longest name's width would take 400 MB where one of 20,000 ids has 20 kB.
"""

from __future__ import annotations

import hashlib
from typing import Iterator

import numpy as np

HASH = np.dtype("<u8")


class Names:
    """n names, bytes of UTF-8, one behind another.

    data     (bytes of all,) uint8
    offsets  (n + 1,) int64: name i is data[offsets[i]:offsets[i + 1]]
    """

    def __init__(self, data: np.ndarray, offsets: np.ndarray):
        self.data = data
        self.offsets = offsets

    @classmethod
    def of(cls, names: list) -> Names:
        """From a list of bytes."""
        ends = np.cumsum([0, *map(len, names)], dtype=np.int64)
        return cls(np.frombuffer(b"".join(names), np.uint8), ends)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.tolist())

    def __getitem__(self, places):
        """One name, or an array of objects with those at an array of places."""
        if np.ndim(places) == 0:
            start, stop = self.offsets[places], self.offsets[places + 1]
            return self.data[start:stop].tobytes()
        held = np.empty(len(places), dtype=object)
        starts, stops = self.offsets[places], self.offsets[places + 1]
        data = memoryview(self.data)
        held[:] = [bytes(data[a:b]) for a, b in zip(starts.tolist(), stops.tolist())]
        return held

    def tolist(self) -> list:
        data, ends = self.data.tobytes(), self.offsets.tolist()
        return [data[a:b] for a, b in zip(ends, ends[1:])]


class Finder:
    """Places of names that differ, by hashes in ascending order (n,) and the places they are of."""

    def __init__(self, names: Names, hashes: np.ndarray, order: np.ndarray):
        self.names, self.hashes, self.order = names, hashes, order

    @classmethod
    def of(cls, names: Names) -> Finder:
        hashes = hashes_of(names.tolist())
        order = np.argsort(hashes, kind="stable")
        return cls(names, hashes[order], order)

    def places(self, wanted: list) -> np.ndarray:
        """Where each of the names (bytes) stands; -1 for those that do not."""
        hashes = hashes_of(wanted)
        found = np.full(len(wanted), -1, dtype=np.int64)
        first = np.searchsorted(self.hashes, hashes, side="left")
        last = np.searchsorted(self.hashes, hashes, side="right")
        for i in np.flatnonzero(first < last).tolist():
            for place in self.order[first[i]:last[i]].tolist():
                if self.names[place] == wanted[i]:
                    found[i] = place
        return found


def hashes_of(names: list) -> np.ndarray:
    """64 bits (n,) of each name."""
    return np.frombuffer(b"".join(hashlib.blake2b(name, digest_size=8).digest()
                                  for name in names), HASH)
