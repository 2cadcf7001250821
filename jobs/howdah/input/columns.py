"""Which column is which: where two sides have names, their columns are told apart by these."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from dataclasses import replace
from typing import Optional, Sequence

from howdah.errors import UserError
from howdah.input.layout import Layout, some_of

WHOLE_NUMBER = re.compile(r"0|[1-9][0-9]{0,8}")
MOST_LEFT_OUT = 64


def places_of(names: Optional[Sequence[str]], layout: Layout, those_of: str,
              ids: bool = False) -> Optional[list]:
    """Where the columns called `names` stand among the layout's; None: in the same order.

    names     of the other side, None if it has none; `ids` if they are never mere numbers
    those_of  what the user calls the other side: "those of the model m"

    Where one side has no names, columns are taken in their order and the caller compares the
    widths. Raises UserError where the names are not the same, or do not tell columns apart.
    """
    if names is None or layout.columns is None or not layout.named:
        return None
    ours, theirs = [[name.strip() for name in side] for side in (layout.columns, names)]
    if ours == theirs:
        return None
    twice = _twice(ours) + _twice(theirs)
    if not twice and set(ours) == set(theirs):
        place = {name: i for i, name in enumerate(ours)}
        return [place[name] for name in theirs]
    if are_numbers(ours) != are_numbers(theirs) or are_numbers(ours) and not ids:
        return None
    told = "The columns of the input are %s, but %s are %s; " % (
        some_of(ours), those_of, some_of(theirs))
    if twice:
        raise UserError(told + "%r stands twice, so that names do not tell the columns apart: give"
                        " each one a name of its own." % twice[0])
    raise UserError(told + _remedy(layout, ours, theirs))


def in_order_of(names: Optional[Sequence[str]], layout: Layout, those_of: str) -> Layout:
    """The layout with its columns in the order of `names`, as `places_of` finds them."""
    places = places_of(names, layout, those_of)
    if places is None:
        return layout
    columns: Sequence = layout.columns or ()
    return replace(layout, columns=tuple(columns[i] for i in places),
                   numeric=tuple(layout.numeric[i] for i in places))


def are_numbers(names: Sequence[str]) -> bool:
    """Whether names are only the numbers of columns, for want of names.

    These ascend, and few are left out, since each of those was named by hand: so years are names.
    """
    if not names or not all(map(WHOLE_NUMBER.fullmatch, names)):
        return False
    numbers = list(map(int, names))
    return (all(a < b for a, b in zip(numbers, numbers[1:]))
            and numbers[-1] < len(numbers) + MOST_LEFT_OUT)


def _twice(names: list) -> list:
    """Those that stand more than once."""
    return [name for name, count in Counter(names).items() if count > 1]


def _remedy(layout: Layout, ours: list, theirs: list) -> str:
    """What makes the columns the same."""
    here, there = set(ours), set(theirs)
    missing = [name for name in theirs if name not in here]
    # A name with a comma can be given by its number only.
    others = [str(layout.numeric[i]) if "," in name else name
              for i, name in enumerate(ours) if name not in there]
    steps = []
    if missing:
        steps.append("add the missing %s" % some_of(missing))
    if others:
        given = shlex.quote(",".join(others)) if len(others) <= MOST_LEFT_OUT else "..."
        steps.append("leave out the others with --ignore-columns %s" % given)
    return " and ".join(steps) + "."
