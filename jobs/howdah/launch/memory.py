"""What a map task may take in memory, and who says so."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Optional

from howdah.errors import UserError

MB = 1 << 20


@dataclass
class TaskMemory:
    """What a map task may take, in bytes, and who says so."""

    bytes: int
    source: str


def share_of_machine(tasks: int) -> TaskMemory:
    """What each of so many tasks on this machine may take."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return TaskMemory(machine // tasks, "this machine's memory" + (
        " for %d tasks" % tasks if tasks > 1 else ""))


def refuse_too_large(what: str, needed: int, limit: Optional[TaskMemory], remedy: str) -> None:
    """UserError when a task would need more memory than it may take (limit None: not known)."""
    if limit is not None and needed > limit.bytes:
        raise UserError("A map task for %s would need about %s, but may take %s (%s); %s, or give"
                        " more memory to a task." % (
                            what, size_text(needed), size_text(max(0, limit.bytes)), limit.source,
                            remedy))


def size_text(size: float) -> str:
    """Bytes for people: 67 MB."""
    for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if size >= unit:
            return "%.3g %s" % (size / unit, name)
    return "%d bytes" % size
