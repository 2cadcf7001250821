"""Text files that the user gives beside the input: ids, exclusions, centroids."""

from __future__ import annotations

from howdah.errors import UserError
from howdah.input.foreign import refuse_foreign
from howdah.input.lines import BOM


def text_lines(data: bytes, place: str) -> list:
    """The lines of a file without a byte order mark, carriage returns and blanks at their ends.

    Only a newline ends a line, as in the input. Raises UserError, with file and line, for what is
    not UTF-8.
    """
    refuse_foreign(data[:1024], place)
    lines = data[len(BOM) if data.startswith(BOM) else 0:].split(b"\n")
    if not lines[-1]:
        del lines[-1]
    return [_decoded(line.rstrip(b" \t\r"), number, place) for number, line in enumerate(lines, 1)]


def _decoded(line: bytes, number: int, place: str) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        raise UserError("%s, line %d is not valid UTF-8 (%r); write the file in UTF-8."
                        % (place, number, line[:40].decode("utf-8", "backslashreplace"))) from None
