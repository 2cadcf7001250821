"""How ids, labels and numbers are spelled in what is written, so that no value breaks a line."""

from __future__ import annotations

import json
from typing import Optional

from howdah.errors import UserError

# Hadoop and Spark end a line at either of the last two.
ESCAPED = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def field(name) -> str:
    """An id or label as a field between tabs.

    A backslash, a tab and the ends of lines are two characters there, a backslash and another:
    \\\\, \\t, \\n, \\r. All else stands as it is.
    """
    return str(name).translate(ESCAPED)


def json_text(value, ascii_only: bool = True, indent: Optional[int] = None) -> str:
    """A value as JSON; UserError for a number that is not finite: JSON has none."""
    encoder = json.JSONEncoder(ensure_ascii=ascii_only, indent=indent, allow_nan=False)
    try:
        return encoder.encode(value)
    except ValueError:
        raise UserError("A result holds a number that is not finite, which JSON cannot say: %.400s"
                        % json.dumps(value)) from None
