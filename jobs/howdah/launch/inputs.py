"""The input of a run: its files, how they are written, how local tasks share them."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from glob import glob

from howdah.errors import UserError
from howdah.input.detect import detect
from howdah.input.layout import Layout
from howdah.input.lines import is_splittable
from howdah.input.packed_format import header_bytes
from howdah.launch.files.files import Files
from howdah.launch.files.paths import local_path

HEAD_BYTES = 1 << 20
SLICE_BYTES = 1 << 22


@dataclass
class Inputs:
    """The files of the input and how they are written."""

    files: list
    layout: Layout
    paths: list = field(default_factory=list)

    @property
    def bytes(self) -> int:
        return sum(size or 0 for _, size in self.files)


def find_inputs(paths: list, files: Files, asked) -> Inputs:
    """List the inputs and detect their layout; UserError for what is missing or empty."""
    found = list_inputs(paths, files)
    for path, size in found:
        head = b"" if size == 0 else whole_lines(head_of(path, files))
        if head.strip():
            return Inputs(found, detect(head, asked, path), list(paths))
    raise is_empty(paths)


def head_of(path: str, files: Files) -> bytes:
    """The first megabyte of a file, or more where the header of a packed block is longer."""
    head = files.head(path, HEAD_BYTES)
    needed = header_bytes(head)
    return head if needed <= HEAD_BYTES else files.head(path, needed)


def list_inputs(paths: list, files: Files) -> list:
    """(path, bytes) of every file of the inputs; UserError for what is missing."""
    found: list = []
    for path in paths:
        here = files.ls(path)
        if not here and not files.exists(path) and not glob(local_path(path)):
            raise UserError("The input %s does not exist." % path)
        if not here:
            raise UserError("The input folder %s holds no files (names that begin with _ or . do"
                            " not count)." % path)
        found += here
    return found


def is_empty(paths: list) -> UserError:
    return UserError("The input %s is empty; give an input with at least one row."
                     % ", ".join(paths))


def whole_lines(head: bytes) -> bytes:
    cut = head.rfind(b"\n") + 1
    return head[:cut] if cut and len(head) >= HEAD_BYTES else head


def whole_number(text, option: str) -> int:
    if not re.fullmatch(r"0*[1-9]\d{0,8}", str(text)):
        raise UserError("%s is %r; it must be a whole number from 1 to 999999999."
                        % (option, text))
    return int(text)


def slices(files: list, tasks: int, least_bytes: int = 1) -> list:
    """Parts of the files for about `tasks` map tasks, files above `least_bytes` being cut."""
    total = sum(size for _, size in files)
    step = max(-(-total // tasks), least_bytes)
    parts = []
    for path, size in files:
        path = os.path.abspath(local_path(path))
        if not is_splittable(path) or size <= step:
            parts.append({"path": path, "start": 0, "stop": None})
            continue
        n = -(-size // step)
        edges = [size * i // n for i in range(n)] + [None]
        parts += [{"path": path, "start": a, "stop": b} for a, b in zip(edges, edges[1:])]
    return parts
