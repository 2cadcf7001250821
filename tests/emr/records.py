"""What Hadoop does to the bytes between the commands: splits, keys, partitions, codecs."""
from __future__ import annotations

import bz2
import gzip
import random
import re
import zlib
from collections.abc import Iterable
from typing import Callable, NamedTuple

from emr.arguments import FIELD_PARTITIONER, JobArguments, StepError
from emr.storage import InputFile

Record = tuple[bytes, bytes]
BLOCK = 64 << 20
SLOP = 1.1
DEFAULT_MAPS = 2
CODECS = {"GzipCodec": (".gz", lambda data: gzip.compress(data, mtime=0)),
          "BZip2Codec": (".bz2", bz2.compress),
          "DefaultCodec": (".deflate", zlib.compress),
          "DeflateCodec": (".deflate", zlib.compress)}
READERS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.decompress, ".bz2": bz2.decompress, ".deflate": zlib.decompress}


class Split(NamedTuple):
    """The part of a file that one map task reads."""

    uri: str
    start: int
    length: int


def suffix(uri: str) -> str:
    return next((end for end in READERS if uri.endswith(end)), "")


def make_splits(files: list[InputFile], maps: int) -> list[Split]:
    """As FileInputFormat: about ``maps`` splits in all, at least one for each file."""
    goal = sum(file.size for file in files) // max(maps, 1)
    size = max(1, min(goal, BLOCK))
    splits = []
    for file in files:
        start = 0
        while not suffix(file.uri) and (file.size - start) / size > SLOP:
            splits.append(Split(file.uri, start, size))
            start += size
        if start < file.size or file.size == 0:
            splits.append(Split(file.uri, start, file.size - start))
    return splits


def read_split(content: bytes, split: Split) -> bytes:
    """The lines that begin in a split, as LineRecordReader cuts them and streaming writes them."""
    ending = suffix(split.uri)
    if ending:
        data = READERS[ending](content)
    else:
        begin, end = split.start, split.start + split.length
        # A line that begins exactly at the end belongs to this split, not to the next.
        first = content.find(b"\n", begin) + 1 if begin else 0
        last = content.find(b"\n", end) + 1 if end < len(content) else 0
        data = content[first:last or len(content)] if first or not begin else b""
    if split.start == 0 and data.startswith(b"\xef\xbb\xbf"):
        data = data[3:]
    data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return data if not data or data.endswith(b"\n") else data + b"\n"


class Fields:
    """How output lines of a command ("map" or "reduce") become keys and values."""

    def __init__(self, job: JobArguments, side: str) -> None:
        # The values are null then, and are written without a separator.
        self.key_only = job.conf.get(f"stream.{side}.output") == "keyonlytext"
        self.separator = job.conf.get(f"stream.{side}.output.field.separator", "\t").encode()
        self.count = job.number(f"stream.num.{side}.output.key.fields", 1)

    def records(self, output: bytes) -> list[Record]:
        lines = output.split(b"\n")
        return [self._split(line) for line in (lines if lines[-1] else lines[:-1])]

    def _split(self, line: bytes) -> Record:
        if self.key_only:
            return line, b""
        parts = line.split(self.separator, self.count)
        if len(parts) <= self.count:
            return line, b""
        return self.separator.join(parts[:-1]), parts[-1]


def to_lines(records: Iterable[Record], separator: bytes = b"\t") -> bytes:
    """Lines of key, tab, value. A line that had no tab ends in one from here on."""
    return b"".join(key + separator + value + b"\n" for key, value in records)


def shuffled(records: list[Record]) -> list[Record]:
    """Sorted by key; values of one key come in no useful order, as on a cluster."""
    random.Random(0).shuffle(records)
    return sorted(records, key=lambda record: record[0])


def partitions(records: list[Record], job: JobArguments, count: int) -> list[list[Record]]:
    """Records by the reducer that gets them."""
    parts: list[list[Record]] = [[] for _ in range(count)]
    start = 0 if job.partitioner == FIELD_PARTITIONER else 1
    for record in records:
        hashed = _java_hash(_hashed_part(record[0], job), start)
        parts[(hashed & 0x7FFFFFFF) % count].append(record)
    return parts


def _hashed_part(key: bytes, job: JobArguments) -> bytes:
    if job.partitioner != FIELD_PARTITIONER:
        return key
    option = job.conf.get("mapreduce.partition.keypartitioner.options", "")
    match = re.fullmatch(r"-k(\d+),(\d+)", option)
    if not match:
        raise StepError(f"The stand-in does not know the partitioner's options {option!r}")
    separator = job.conf.get("mapreduce.map.output.key.field.separator", "\t").encode()
    first, last = map(int, match.groups())
    return separator.join(key.split(separator)[first - 1:last])


def _java_hash(data: bytes, start: int) -> int:
    value = start
    for byte in data:
        value = (31 * value + (byte - 256 if byte > 127 else byte)) & 0xFFFFFFFF
    return value


def codec(job: JobArguments) -> str | None:
    """The short name of the output's codec, or None."""
    if not job.flag("mapreduce.output.fileoutputformat.compress", False):
        return None
    name = job.conf.get("mapreduce.output.fileoutputformat.compress.codec", "DefaultCodec")
    short = name.rsplit(".", 1)[-1]
    if short not in CODECS:
        raise StepError(f"IllegalArgumentException: Compression codec {name} was not found.")
    return short


def encoded(data: bytes, short: str | None) -> tuple[str, bytes]:
    """The ending of the file's name, and its content."""
    if short is None:
        return "", data
    ending, compress = CODECS[short]
    return ending, compress(data)
