"""What tasks tell the launcher beside their answers: the names, shared by both."""

from __future__ import annotations

ROWS, FAILURE = "rows", "failure"
BAD_LINE, FAILED_LINE = b"bad\t", b"failure\t"
COUNTERS = "howdah rows"
