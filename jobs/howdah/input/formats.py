"""Which format an input has: one that explains every line of its head, or none is taken.

A format that explains most lines would read the others wrong or drop them, so that is refused with
the first line it does not explain. Where the user says what fits one format alone, that one it is.
"""

from __future__ import annotations

import csv
import json
import re
from typing import Iterable, Optional, Sequence

from howdah.errors import UserError
from howdah.input.layout import (
    InputOptions,
    header_names,
    is_decimal_comma,
    is_number,
    split_fields,
)

#: The comment that begins a file of svmlight rows whose first rows may hold no entry.
SVMLIGHT_MARK = b"# svmlight"
#: No more rows than these are looked at before the mark is left out.
MARK_ROWS = 100
INDEX = re.compile(rb"0|[1-9][0-9]{0,19}")
LEADING_ZERO = re.compile(rb"[+-]?0[0-9]")
CLOCK = re.compile(rb"(1[0-9]|2[0-3]):[0-5][0-9]")
DATE = re.compile(rb"([0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2}|"
                  rb"[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{4})\Z")
ONLY_BRACKETS = re.compile(rb"[\[{ \t]+\Z")


def format_of(lines: Sequence[bytes], asked: InputOptions, place: str) -> str:
    """The format of text whose first rows are `lines`; UserError where none explains them all."""
    if asked.delimiter:
        return {"\t": "tsv", " ": "blank"}.get(asked.delimiter, "csv")
    if _is_json(lines):
        return "jsonl"
    if not asked.header and _is_svmlight(lines, asked, place):
        return "svmlight"
    return {"\t": "tsv", " ": "blank"}.get(likely_delimiter(lines, asked), "csv")


# JSON

def _is_json(lines: Sequence[bytes]) -> bool:
    """Most lines begin as JSON's do; a field of other text may begin with a bracket, too."""
    if _most(line.lstrip().startswith(b"{") for line in lines):
        return True
    return (_most(line.lstrip()[:1] in (b"{", b"[") for line in lines)
            and any(parsed(line) is not None for line in lines))


def refuse_json_document(lines: Sequence[bytes], place: str) -> None:
    """UserError for one JSON value on several lines, or all rows in one array on one line."""
    first = lines[0].strip()
    if first[:1] not in (b"{", b"["):
        return
    value = parsed(first)
    goes_on = value is None and (ONLY_BRACKETS.match(first) or first.endswith((b",", b"{", b"[")))
    one_array = (isinstance(value, list) and len(lines) == 1 and value
                 and all(isinstance(row, (dict, list)) for row in value))
    if goes_on or one_array:
        raise UserError("%s is one JSON document, not JSON lines; write one object or array on each"
                        " line (jq -c '.[]' does that with an array)." % place)


def parsed(line: bytes):
    """The value of a line of JSON; None where it is none."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


# svmlight

def _is_svmlight(lines: Sequence[bytes], asked: InputOptions, place: str) -> bool:
    """Whether every line is a row of svmlight; UserError where only most are, and nothing else."""
    if lines[0].startswith(SVMLIGHT_MARK):
        return True
    rows = [line.partition(b"#")[0].split() for line in lines]
    entries = [entry for row in rows for entry in row[1:]]
    if not entries or all(CLOCK.fullmatch(entry) for entry in entries):
        return False
    wrong = [svmlight_fault(row) for row in rows]
    if not any(wrong):
        return True
    good = sum(fault is None and len(row) > 1 for fault, row in zip(wrong, rows))
    if 2 * good <= sum(map(bool, rows)) or _names_columns(asked) or _equally_wide(lines):
        return False
    i = next(i for i, fault in enumerate(wrong) if fault)
    raise UserError("Most of the first rows of %s are svmlight, but not %r: %s; correct it, or give"
                    " --format svmlight to have it for a bad row." % (place, lines[i][:80].decode(
                        "utf-8", "backslashreplace"), wrong[i]))


def svmlight_fault(row: Sequence[bytes]) -> Optional[str]:
    """Why these fields, cut at blanks, are no row `target index:value ...`; None if they are.

    Numbers have no leading zeros there and indices ascend, so a time of day is none.
    """
    if not row:
        return None
    target, entries = row[0], row[1:]
    if b":" in target or DATE.search(target) or not entries and re.search(rb"[,;]", target):
        return "%r is no target" % _text(target)
    last = -1
    for entry in entries:
        index, colon, value = entry.partition(b":")
        if index == b"qid" and colon:
            continue
        if not (INDEX.fullmatch(index) and value) or b":" in value or LEADING_ZERO.match(value):
            return "%r is not index:value" % _text(entry)
        if int(index) <= last:
            return "the index %d is not above the one before it" % int(index)
        last = int(index)
    return None


def _text(field: bytes) -> str:
    return field[:40].decode("utf-8", "backslashreplace")


def _names_columns(asked: InputOptions) -> bool:
    """Whether an option names a column as svmlight has none."""
    return bool(asked.ignore_columns or asked.weight_column is not None
                or set(asked.roles().values()) - {"0", "target"})


def _equally_wide(lines: Sequence[bytes]) -> bool:
    """Whether one delimiter cuts every line into as many fields, more than one."""
    for delimiter in ",\t; ":
        rows = readable_rows(lines, delimiter)
        widths = {len(fields) for _, fields in rows}
        if len(rows) == len(lines) and len(widths) == 1 and widths != {1}:
            return True
    return False


# delimiters

def likely_delimiter(lines: Sequence[bytes], asked: InputOptions) -> str:
    """The one of , TAB ; and blank that makes most rows equally wide and most fields numbers.

    The first one that finds the columns which the user's options name goes before all others.
    """
    named = {*asked.roles().values(), *asked.ignore_columns, asked.weight_column} - {None}
    best, best_score = ",", 0.0
    for delimiter in ",\t; ":
        rows = [fields for _, fields in readable_rows(lines, delimiter)]
        width = commonest([len(row) for row in rows]) if rows else 1
        full = [row for row in rows if len(row) == width]
        numbers = sum(is_number(field) or delimiter != "," and is_decimal_comma(field)
                      for row in full for field in row)
        score = 0.0 if width == 1 else len(full) / len(rows) * (
            0.01 + numbers / (width * len(full)))
        if width > 1 and any(name in rows[0] and not is_number(name) for name in named):
            score += 2
        if score > best_score:
            best, best_score = delimiter, score
    return best


def readable_rows(lines: Sequence[bytes], delimiter: str) -> list:
    """(line, fields) of every row that can be read, the first one read as a header is."""
    rows: list = []
    for line in lines:
        split = split_fields if rows else header_names
        try:
            rows.append((line, split(line.decode("utf-8"), delimiter)))
        except (UnicodeDecodeError, csv.Error):
            continue
    return rows


def commonest(values: list) -> int:
    return max(sorted(set(values)), key=values.count)


def _most(answers: Iterable) -> bool:
    held = [bool(answer) for answer in answers]
    return 2 * sum(held) > len(held)
