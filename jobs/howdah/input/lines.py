"""Input as blocks of whole lines, with the place that they come from."""

from __future__ import annotations

import bz2
import fcntl
import gzip
import os
import zlib
from dataclasses import dataclass
from typing import Iterable, Iterator, Optional

from howdah.errors import UserError

# Larger blocks leave the processor's cache (and malloc's arena): parsing 1 MB blocks took 1.6 times
# as long as 256 kB ones.
BLOCK_BYTES = 1 << 18
PIPE_BYTES = 1 << 20
F_SETPIPE_SZ = 1031  # fcntl names it from Python 3.10 on
BOM = b"\xef\xbb\xbf"


@dataclass
class Block:
    """Whole lines, and where they stand.

    `offset` counts bytes of the uncompressed text from the first line of the split. On Hadoop a
    split that begins in mid-line (`start` > 0) has its first line after the next newline.
    """

    data: bytes
    file: Optional[str] = None
    start: int = 0
    offset: int = 0


def open_text(path: str):
    """A local file opened for reading bytes, decompressed by its ending (.gz, .bz2)."""
    if path.endswith(".gz"):
        return gzip.open(path, "rb")
    if path.endswith(".bz2"):
        return bz2.open(path, "rb")
    return open(path, "rb")


def is_splittable(path: str) -> bool:
    return not path.endswith((".gz", ".bz2", ".deflate", ".snappy", ".zst", ".lz4"))


def widen_pipe(stream) -> None:
    """Let a pipe hold a megabyte, Linux's most: writer and reader take turns less often."""
    try:
        fcntl.fcntl(stream.fileno(), F_SETPIPE_SZ, PIPE_BYTES)
    except OSError:
        pass  # no pipe, or a system that has no say in its size


def read_blocks(stream, file: Optional[str] = None, start: int = 0, offset: int = 0,
                length: Optional[int] = None) -> Iterator[Block]:
    """Cut a byte stream (its next `length` bytes, or all) into blocks of whole lines."""
    rest: list[bytes] = []
    while True:
        chunk = stream.read(BLOCK_BYTES if length is None else min(length, BLOCK_BYTES))
        if not chunk:
            break
        if length is not None:
            length -= len(chunk)
        cut = chunk.rfind(b"\n") + 1
        if not cut:
            rest.append(chunk)
            continue
        data = b"".join([*rest, memoryview(chunk)[:cut]])
        yield Block(data, file, start, offset)
        offset += len(data)
        rest = [chunk[cut:]] if cut < len(chunk) else []
    if rest:
        yield Block(b"".join(rest), file, start, offset)


def read_slice(path: str, start: int = 0, stop: Optional[int] = None) -> Iterator[Block]:
    """The lines of a local file that begin in [start, stop); all of them for a compressed file."""
    with open_text(path) as stream:
        if not is_splittable(path):
            try:
                yield from read_blocks(stream, path)
            except (EOFError, OSError, zlib.error) as error:
                raise UserError("The file %s is damaged or cut (%s); copy or compress it again."
                                % (path, error)) from None
            return
        end = None if stop is None else _first_line_from(stream, stop)
        begin = _first_line_from(stream, start)
        yield from read_blocks(stream, path, 0, begin, None if end is None else end - begin)


def line_number(path: str, offset: int) -> Optional[int]:
    """The number of the line at `offset` in the text of a local file; None where it is not here."""
    number = 1
    try:
        with open_text(path) as stream:
            while offset > 0:
                chunk = stream.read(min(offset, PIPE_BYTES))
                if not chunk:
                    return None
                number += chunk.count(b"\n")
                offset -= len(chunk)
    except (OSError, EOFError, zlib.error):
        return None
    return number


def _first_line_from(stream, position: int) -> int:
    """Offset of the first line that begins at `position` or later; the stream stands there."""
    stream.seek(max(position - 1, 0))
    if position:
        stream.readline()
    return stream.tell()


def blocks_of_lines(lines: Iterable[bytes]) -> Iterator[Block]:
    """Blocks from single lines without their newline (Spark, which tells no file)."""
    held: list[bytes] = []
    size = 0
    for line in lines:
        held.append(line)
        size += len(line) + 1
        if size >= BLOCK_BYTES:
            yield Block(b"\n".join(held) + b"\n")
            held, size = [], 0
    if held:
        yield Block(b"\n".join(held) + b"\n")


def task_input() -> tuple[Optional[str], int]:
    """File and start of this map task's split, where Hadoop (or mrjob) tells them."""
    env = os.environ
    file = env.get("mapreduce_map_input_file") or env.get("map_input_file")
    start = env.get("mapreduce_map_input_start") or env.get("map_input_start") or "0"
    return file, int(start)
