"""What a k-NN index says of itself, and how it is read without loading the index.

The description stands behind the pickle because joblib maps the arrays of a file into memory only
if the pickle begins at its first byte. The last kilobyte of the file is enough for it.
"""

from __future__ import annotations

import json
import os
import zlib
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from typing import Optional

from howdah.commands import called
from howdah.errors import UserError
from howdah.knn.checks import sums_size

FORMAT_VERSION = 2
READABLE = (1, FORMAT_VERSION)
MAGIC = b"HOWDAHIX"
TAIL_BYTES = 1024
MARK = "howdah_index"
CHECK = b',"crc32":'
COMPRESSED = {b"\x1f\x8b": "gzip", b"BZh": "bz2", b"\xfd7zXZ": "xz", b"\x5d\x00": "lzma",
              b"\x04\x22\x4d\x18": "lz4", b"\x78\x01": "zlib", b"\x78\x5e": "zlib",
              b"\x78\x9c": "zlib", b"\x78\xda": "zlib"}
REBUILD = "build it again with " + called("index")


@dataclass
class Description:
    """What an index says of itself.

    candidates     of an approximate index: how it was built, and size and digests of its file
    payload_bytes  the length of the pickle
    schema         the digest of the columns, of files from version 2 on
    points         where the arrays of the points lie in the file: [offset, bytes] of each
    sums_check     the checksum of the checksums that follow the pickle (checks.py)
    """

    metric: str
    algorithm: str
    n: int
    d: int
    dtype: str
    sparse: bool = False
    ids: bool = False
    classes: int = 0
    targets: bool = False
    candidates: Optional[dict] = None
    payload_bytes: int = 0
    library: str = "scikit-learn"
    library_version: str = field(default_factory=lambda: version("scikit-learn"))
    format_version: int = FORMAT_VERSION
    schema: Optional[str] = None
    points: list = field(default_factory=list)
    sums_check: int = 0

    def trailer(self) -> bytes:
        text = json.dumps(asdict(self), separators=(",", ":")).encode("ascii")
        text = text[:-1] + CHECK + b"%d}" % zlib.crc32(text)
        trailer = text + len(text).to_bytes(8, "little") + MAGIC
        if len(trailer) > TAIL_BYTES:
            raise UserError("The description of the index takes %d bytes, more than the %d of its"
                            " place; shorten the FAISS options." % (len(trailer), TAIL_BYTES))
        return trailer


def description_of_tail(tail: bytes, name: str) -> Optional[Description]:
    """The description from the last kilobyte of a file, or None where there is none.

    Raises UserError for another format version or another scikit-learn.
    """
    if not tail.endswith(MAGIC):
        return None
    text = _text_of_tail(tail)
    try:
        told = json.loads(text)
        found = told["format_version"]
        if found not in READABLE:
            raise UserError("The index %s has format version %s, but this howdah reads versions %d"
                            " and %d; %s." % (name, found, *READABLE, REBUILD))
        check = told.pop("crc32", None)
        if found > 1 and check != zlib.crc32(text[:text.rfind(CHECK)] + b"}"):
            raise ValueError("its checksum is wrong")
        description = Description(**told)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise UserError("The description of the index %s cannot be read; %s."
                        % (name, REBUILD)) from None
    _refuse_other_library(description, name)
    return description


def _text_of_tail(tail: bytes) -> bytes:
    """The JSON at the end of a file."""
    length = int.from_bytes(tail[-16:-8], "little")
    return tail[max(0, len(tail) - 16 - length):-16]


def read_description(path: str) -> Optional[Description]:
    """The description of a local file, as `checked_description` gives it."""
    if not os.path.isfile(path):
        raise UserError("The index %s does not exist; build one with %s."
                        % (path, called("index")))
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        head = file.read(TAIL_BYTES)
        file.seek(max(0, size - TAIL_BYTES))
        return checked_description(head, file.read(), size, path)


def checked_description(head: bytes, tail: bytes, size: Optional[int],
                        name: str) -> Optional[Description]:
    """The description of a file by its first and last kilobyte; None for a plain joblib dump.

    Nothing is unpickled. Raises UserError for what cannot be an index: an empty, compressed,
    truncated or foreign file, another format version, another scikit-learn. `size` None: unknown.
    """
    if not tail:
        raise UserError("The index %s is empty (0 bytes); %s." % (name, REBUILD))
    for start, method in COMPRESSED.items():
        if head.startswith(start):
            raise UserError("The index %s is compressed (%s), but only an uncompressed joblib file"
                            " can be shared by the mappers of a node; dump it with compress=0."
                            % (name, method))
    if not head.startswith(b"\x80"):
        raise UserError("The index %s is no joblib file: it begins with %r, not with a pickle."
                        % (name, head[:16]))
    description = description_of_tail(tail, name)
    if description is None and (MARK.encode() in head or not tail.endswith(b".")):
        raise UserError("The index %s is truncated: %sits end is missing; copy it again, or %s."
                        % (name, "" if size is None else "after %d bytes " % size, REBUILD))
    if description is not None and size is not None:
        expected = description.payload_bytes + len(_text_of_tail(tail)) + 16
        if description.format_version > 1:
            expected += sums_size(description.payload_bytes)
        if size != expected:
            raise UserError("The index %s is damaged: it has %d bytes, but its description says"
                            " %d; copy it again, or %s." % (name, size, expected, REBUILD))
    return description


def _refuse_other_library(description: Description, name: str) -> None:
    here = version("scikit-learn")
    if _minor(description.library_version) != _minor(here):
        raise UserError("The index %s was built with scikit-learn %s, but here is scikit-learn %s;"
                        " use the same version, or %s."
                        % (name, description.library_version, here, REBUILD))


def _minor(text: str) -> list:
    return text.split(".")[:2]
