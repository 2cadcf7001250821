"""One row at a time: the reference for what a good row is, and the reasons of the others."""

from __future__ import annotations

import csv
import json
import re
from typing import Callable, Optional, Sequence

from howdah.input.layout import Layout, is_number, split_fields
from howdah.input.rows import LARGEST, MOST_SPARSE_COLUMNS

# A number of these characters that float() takes is a number that `is_number` takes.
PLAIN = re.compile(r"[0-9.eE+\- ,]*\Z")


class BadRow(Exception):
    """Why a row cannot be used."""


def row_reader(layout: Layout) -> Callable:
    """The function (text, layout) -> (values, weight, texts by role) that reads such rows.

    Values are floats, or (column, value) pairs of a sparse row. It raises BadRow.
    """
    return {"jsonl": jsonl_row, "svmlight": svmlight_row}.get(layout.format, delimited_row)


def delimited_row(line: str, layout: Layout) -> tuple:
    try:
        fields = split_fields(line, layout.delimiter)
    except csv.Error:
        raise BadRow("a quote that does not end") from None
    if len(fields) != layout.fields:
        raise BadRow("%d fields, expected %d" % (len(fields), layout.fields))
    values = _plain_numbers([fields[i] for i in layout.numeric])
    if values is None:
        values = [_number(fields[i], "column %r" % name)
                  for i, name in zip(layout.numeric, layout.columns or ())]
    weight = None if layout.weight is None else _number(fields[layout.weight], "the weight")
    return values, weight, {role: fields[i] for role, i in layout.texts.items()}


def _plain_numbers(fields: Sequence[str]) -> Optional[list]:
    """The values of fields that are all good numbers; None where one needs a closer look."""
    if not PLAIN.match(",".join(fields)):
        return None
    try:
        values = list(map(float, fields))
    except ValueError:
        return None
    return values if max(values) <= LARGEST and min(values) >= -LARGEST else None


def _number(text: str, what: str) -> float:
    if not text.strip():
        raise BadRow("%s is empty" % what)
    if not is_number(text):
        try:
            value = float(text)
        except ValueError:
            value = 0.0
        if value != value:
            raise BadRow("%s is NaN" % what)
        if value in (float("inf"), float("-inf")):
            raise BadRow("%s is infinite or too large (%.40s)" % (what, text))
        raise BadRow("%s is %r, not a number" % (what, text[:40]))
    return _bounded(float(text), what)


def _bounded(value: float, what: str) -> float:
    if abs(value) > LARGEST:
        raise BadRow("%s is too large (%r; at most 1e300)" % (what, value))
    return value


def jsonl_row(line: str, layout: Layout) -> tuple:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        raise BadRow("not valid JSON") from None
    if layout.keys is not None:
        row = _values_by_key(row, layout)
    if not isinstance(row, list) or len(row) != layout.fields:
        found = len(row) if isinstance(row, list) else 1
        raise BadRow("%d fields, expected %d" % (found, layout.fields))
    values = [_json_number(row[i], "column %r", name)
              for i, name in zip(layout.numeric, layout.columns or ())]
    weight = None if layout.weight is None else _json_number(row[layout.weight], "the weight")
    return values, weight, {role: _json_text(row[i], role) for role, i in layout.texts.items()}


def _values_by_key(row, layout: Layout) -> list:
    if not isinstance(row, dict):
        raise BadRow("not a JSON object")
    keys = layout.keys or ()
    for i in (*layout.numeric, *layout.texts.values()):
        if keys[i] not in row:
            raise BadRow("the key %r is missing" % keys[i])
    return [row.get(key) for key in keys]


def _json_number(value, what: str, name: str = "") -> float:
    if type(value) is float and -LARGEST <= value <= LARGEST:
        return value
    what = what % name if name else what
    if type(value) is float:
        return _number(repr(value), what)
    if type(value) is not int:
        raise BadRow("%s is %s, not a number" % (what, json.dumps(value)[:40]))
    try:
        return _bounded(float(value), what)
    except OverflowError:
        raise BadRow("%s is infinite or too large (%.40s)" % (what, value)) from None


def _json_text(value, role: str) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    if "\n" in text or "\r" in text:
        raise BadRow("the %s holds a line break" % role)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise BadRow("the %s is not valid Unicode" % role) from None
    return text


def svmlight_row(line: str, layout: Layout) -> tuple:
    fields = split_fields(line.partition("#")[0], " ")
    if ":" in fields[0]:
        raise BadRow("the target is missing before %r" % fields[0][:40])
    first = 0 if layout.zero_based else 1
    entries: list = []
    for entry in fields[1:]:
        index, colon, value = entry.partition(":")
        if index == "qid" and colon:
            continue
        if not colon or not (index.isascii() and index.isdigit()):
            raise BadRow("%r is not index:value" % entry[:40])
        column = _sparse_column(index, first, layout.width)
        if entries and column <= entries[-1][0]:
            raise BadRow("the index %s is not above the one before it" % index)
        entries.append((column, _number(value, "the value of index %s" % index)))
    return entries, None, {role: fields[0] for role in layout.texts}


def _sparse_column(index: str, first: int, width: Optional[int]) -> int:
    if len(index) > 20 or int(index) - first >= MOST_SPARSE_COLUMNS:
        raise BadRow("the index %.40s is too large (at most 2147483647)" % index)
    column = int(index) - first
    if column < 0:
        raise BadRow("the index 0, but indices count from 1 (or give --zero-based)")
    if width is not None and column >= width:
        raise BadRow("the index %s, but the data has %d columns" % (index, width))
    return column
