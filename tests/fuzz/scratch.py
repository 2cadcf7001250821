"""Files for readers that take paths, in memory where the system has a place for that."""

from __future__ import annotations

import atexit
import os
import shutil
from functools import lru_cache
from tempfile import mkdtemp

MEMORY = "/dev/shm"


@lru_cache(maxsize=None)
def folder() -> str:
    """Removed when this process ends."""
    made = mkdtemp(prefix="howdah-fuzz-", dir=MEMORY if os.path.isdir(MEMORY) else None)
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


def written_file(name: str, data: bytes) -> str:
    path = os.path.join(folder(), name)
    # A new file each time: the one before may still be mapped.
    if os.path.exists(path):
        os.unlink(path)
    with open(path, "wb") as file:
        file.write(data)
    return path
