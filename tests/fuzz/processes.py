"""A reader's inputs in child processes: whatever crashes one or never ends is a fault, too."""

from __future__ import annotations

import os
import resource
import select
import subprocess
import sys
from pathlib import Path
from typing import Iterator

from fuzz.reader import Reader
from fuzz.watch import examined

# A child reads so many inputs: it starts in a second or two.
CHUNK = 20_000
# A child that is silent for so long waits for something.
SILENT_SECONDS = 60
# Memory that is asked for but not touched shows in no peak.
MOST_BYTES = 2 << 30


def answers(reader: Reader, seed: int, inputs: int) -> Iterator[str]:
    """As `examined` says it for the inputs 0, 1, ..."""
    number = 0
    while number < inputs:
        stop = min(number + CHUNK, inputs)
        for word in _of_child(reader, seed, number, stop):
            yield word
            number += 1


def command(reader: Reader, seed: int, start: int, stop: int) -> list:
    return [sys.executable, str(Path(__file__).parent), reader.name, "--seed", str(seed),
            "--child", str(start), str(stop)]


def _of_child(reader: Reader, seed: int, start: int, stop: int) -> Iterator[str]:
    """What a child says, and that it died, if so: then less than all of its inputs."""
    said = 0
    with subprocess.Popen(command(reader, seed, start, stop), stdout=subprocess.PIPE,
                          stdin=subprocess.DEVNULL) as process:
        try:
            for word in _lines(process):
                said += 1
                yield word
        finally:
            process.kill()
    code = process.returncode
    if said < stop - start:
        yield "silent for %g s" % SILENT_SECONDS if code == -9 else "ends the process (%d)" % code


def _lines(process) -> Iterator[str]:
    held = b""
    while select.select([process.stdout], [], [], SILENT_SECONDS)[0]:
        chunk = os.read(process.stdout.fileno(), 1 << 16)
        if not chunk:
            process.wait()
            return
        *whole, held = (held + chunk).split(b"\n")
        yield from (line.decode() for line in whole)


def child(reader: Reader, seed: int, start: int, stop: int) -> None:
    """Print what each input gives."""
    allowed = _bytes_now() + MOST_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (allowed, allowed))
    for word in examined(reader, seed, range(start, stop)):
        print(" ".join(word.split()), flush=True)


def _bytes_now() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * resource.getpagesize()
