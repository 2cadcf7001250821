"""What the launcher tells the user on standard error, beside the output."""

from __future__ import annotations

import os
import sys


def notice(text: str) -> None:
    """A line for the user, below all that was printed before it, be both written to one file."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        drop_output()
    finally:
        print(text, file=sys.stderr)


def drop_output() -> None:
    """The reader of our output (head, say) has gone: nothing is left to tell it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
