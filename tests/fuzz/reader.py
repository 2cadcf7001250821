"""What a fuzzer knows of one reader."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any, Callable


class Wrong(AssertionError):
    """A wrong answer."""


@dataclass(frozen=True)
class Reader:
    """One thing that reads what others wrote.

    make   from a random generator to an input
    read   takes it, checks what came of it, and returns whether anything was used; raises the
           project's own errors to refuse it, Wrong for a wrong answer
    needs  a module without which there is no such reader
    """

    name: str
    make: Callable[[Random], Any]
    read: Callable[[Any], bool]
    needs: str = "howdah"

    def input(self, seed: int, number: int) -> Any:
        """The same for the same name, seed and number, whatever ran before."""
        return self.make(Random("%s %d %d" % (self.name, seed, number)))
