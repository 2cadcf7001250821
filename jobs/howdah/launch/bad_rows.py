"""What the launcher says of bad rows."""

from __future__ import annotations

import re
from typing import Iterable, Iterator, Optional

from howdah.errors import UserError
from howdah.input.lines import BOM, is_splittable
from howdah.input.row_counts import RowCounts, describe, first_bytes
from howdah.launch.files.files import Files

MOST_BYTES_TO_SEARCH = 1 << 30
URI = re.compile(r"[a-z][a-z0-9+.-]*:/")


def refuse_bad_rows(row_counts: RowCounts, policy: str, files: Files) -> None:
    """UserError when bad rows are an error, or when no row is left to use."""
    if row_counts.bad and policy == "error":
        raise UserError("%d of %d rows cannot be used; correct them, or give --bad-rows skip:%s"
                        % (row_counts.bad, row_counts.bad + row_counts.used,
                           _shown(row_counts, files)))
    if not row_counts.used:
        raise UserError("No row of the input can be used (%s).%s"
                        % (row_counts.summary(), _shown(row_counts, files)))


def _shown(row_counts: RowCounts, files: Files) -> str:
    lines = [describe(example, line_number(example, files)) for example in row_counts.examples]
    if lines and row_counts.bad > len(lines):
        lines.append("and %d more" % (row_counts.bad - len(lines)))
    return "".join("\n  " + line for line in lines)


def line_number(example: dict, files: Files) -> Optional[int]:
    """The number of a bad row's line, counted in the file that it names; None if not found."""
    file, start = example["file"], example["start"]
    if file is None or (start and not is_splittable(file)):
        return None
    try:
        found = _line_at(start, example["offset"], bool(URI.match(file)), files.cat(file))
    except (OSError, EOFError, UserError):
        return None
    return found[0] if found and _begins(found[1], example) else None


def _line_at(start: int, offset: int, by_hadoop: bool, chunks: Iterable[bytes]) -> Optional[tuple]:
    """(number, line) of the line `offset` bytes behind the first line of the split at `start`.

    Hadoop's split that starts in mid-line (start > 0) begins after the next newline, and its lines
    come without their carriage returns, which are then not in `offset`.
    """
    first = 0 if start == 0 else None
    at, number, hidden = 0, 1, 0
    for data in _whole_lines(chunks):
        cut = 0
        if first is None and at + len(data) > start:
            cut = data.find(b"\n", start - at) + 1
            first, hidden = at + cut, 0
        if first is None or at + len(data) - first <= offset:
            hidden += by_hadoop * data.count(b"\r\n", cut)
            number += data.count(b"\n")
            at += len(data)
            if at > MOST_BYTES_TO_SEARCH:
                return None
            continue
        number += data.count(b"\n", 0, cut)
        at += cut
        for line in data[cut:].split(b"\n")[:-1]:
            if at - first - hidden >= offset:
                return (number, line) if at - first - hidden == offset else None
            hidden += by_hadoop and line.endswith(b"\r")
            at += len(line) + 1
            number += 1
    return None


def _whole_lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes cut behind newlines, the last line ended."""
    held: list = []
    for chunk in chunks:
        cut = chunk.rfind(b"\n") + 1
        if cut:
            yield b"".join((*held, chunk[:cut]))
            held = []
        held.append(chunk[cut:])
    if any(held):
        yield b"".join((*held, b"\n"))


def _begins(line: bytes, example: dict) -> bool:
    bare = line[:-1] if line.endswith(b"\r") else line
    bare = bare[len(BOM):] if bare.startswith(BOM) else bare
    return first_bytes(bare) == example["text"]
