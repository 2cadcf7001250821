"""How the input is written, found out from its head and the user's options."""

from __future__ import annotations

import csv
import json
import re
from typing import Iterable, Optional, Sequence

from howdah.errors import UserError
from howdah.input.layout import (
    DELIMITERS,
    FORMATS,
    Layout,
    InputOptions,
    header_names,
    is_missing,
    is_number,
    parts_of,
    split_fields,
)
from howdah.input.packed import packed_layout
from howdah.input.packed_format import MARK

SVMLIGHT_ROW = re.compile(rb"\s*[^\s:#]+(\s+(qid|\d+):\S+)+\s*(#.*)?\Z")
HEAD_ROWS = 200


def detect(head: bytes, asked: Optional[InputOptions] = None, place: str = "the input") -> Layout:
    """The layout of an input whose first bytes (whole lines, some hundred rows) are `head`.

    Raises UserError where the head contradicts what the user asked for, or holds text in a column
    that no option names.
    """
    asked = asked or InputOptions()
    _refuse_delimiter(asked.delimiter)
    lines = [line.rstrip(b"\r") for line in head.removeprefix(b"\xef\xbb\xbf").split(b"\n")]
    lines = [line for line in lines if line.strip()][:HEAD_ROWS]
    if not lines:
        raise UserError("%s holds no rows; give an input with at least one row." % place)
    name = asked.format or _detect_format(lines, asked.delimiter)
    if name not in FORMATS:
        raise UserError("--format is %r; it must be one of %s." % (name, ", ".join(FORMATS)))
    if name == "packed":
        return packed_layout(lines[0], asked, place)
    if name == "svmlight":
        return _svmlight_layout(asked)
    if name == "jsonl":
        return _jsonl_layout(lines, asked, place)
    delimiter = asked.delimiter or DELIMITERS.get(name, ",")
    if name == "csv" and not asked.delimiter and not asked.format:
        delimiter = _likely_delimiter(lines)
    return _delimited_layout(lines, name, delimiter, asked, place)


def _refuse_delimiter(delimiter: Optional[str]) -> None:
    if delimiter is not None and (len(delimiter) != 1 or delimiter.isalnum()
                                  or delimiter in '"+-.\r\n'):
        raise UserError("--delimiter is %r; it must be one character that no number holds, such as"
                        " , or ; or \\t." % delimiter)


def _detect_format(lines: Sequence[bytes], delimiter: Optional[str]) -> str:
    if any(MARK.match(line) for line in lines):
        return "packed"
    if _most(line.lstrip()[:1] in (b"{", b"[") for line in lines):
        return "jsonl"
    if delimiter:
        return {"\t": "tsv", " ": "blank"}.get(delimiter, "csv")
    if _most(SVMLIGHT_ROW.match(line) for line in lines if not line.lstrip().startswith(b"#")):
        return "svmlight"
    return {"\t": "tsv", " ": "blank"}.get(_likely_delimiter(lines), "csv")


def _most(answers: Iterable) -> bool:
    held = [bool(answer) for answer in answers]
    return 2 * sum(held) > len(held)


def _likely_delimiter(lines: Sequence[bytes]) -> str:
    """The one of , TAB ; and blank that makes most rows equally wide and most fields numbers."""
    best, best_score = ",", 0.0
    for delimiter in ",\t; ":
        rows = [fields for _, fields in _readable_rows(lines, delimiter)]
        width = _commonest([len(row) for row in rows]) if rows else 1
        full = [row for row in rows if len(row) == width]
        numbers = sum(is_number(field) for row in full for field in row)
        score = 0.0 if width == 1 else len(full) / len(rows) * (
            0.01 + numbers / (width * len(full)))
        if score > best_score:
            best, best_score = delimiter, score
    return best


def _readable_rows(lines: Sequence[bytes], delimiter: str) -> list:
    """(line, fields) of every row that can be read, the first one read as a header is."""
    rows: list = []
    for line in lines:
        split = split_fields if rows else header_names
        try:
            rows.append((line, split(line.decode("utf-8"), delimiter)))
        except (UnicodeDecodeError, csv.Error):
            continue
    return rows


def _delimited_layout(lines, name, delimiter, asked: InputOptions, place: str) -> Layout:
    readable = _readable_rows(lines, delimiter)
    rows = [fields for _, fields in readable]
    if not rows:
        raise UserError("%s holds no readable row in its first lines; is it text?" % place)
    if asked.header and readable[0][0] != lines[0]:
        raise UserError("%s has a first line that cannot be read as a header (%r); write it in"
                        " UTF-8, or leave out --header." % (place, lines[0][:40]))
    has_header = _looks_like_header(rows, asked) if asked.header is None else asked.header
    names = rows[0] if has_header else []
    body = rows[1:] if has_header else rows
    width = len(names) if has_header else _commonest([len(row) for row in body])
    if not names:
        names = [str(i) for i in range(width)]
    body = [row for row in body if len(row) == width]
    roles, weight, ignored, numeric = parts_of(names, asked)
    for i in numeric:
        _refuse_text_column(body, i, names[i], place)
    if not numeric:
        raise UserError("%s has no numeric column left to work on (its columns: %s); name fewer"
                        " in --ignore-columns." % (place, ", ".join(names)))
    texts_beside = [i for i in {*ignored, *roles.values()} - {weight}
                    if not all(is_number(row[i]) for row in body)]
    return Layout(
        format=name, delimiter=delimiter,
        header=readable[0][0].decode("utf-8") if has_header else None, fields=width,
        columns=tuple(names[i] for i in numeric), numeric=tuple(numeric), weight=weight,
        texts=roles, unread_texts=tuple(sorted(texts_beside)))


def _looks_like_header(rows: list, asked: InputOptions) -> bool:
    """Text in the first row over numbers below, or names that the user's options use."""
    first = rows[0]
    named = {*asked.roles().values(), *asked.ignore_columns, asked.weight_column} - {None}
    if any(name in first and not name.lstrip("-").isdecimal() for name in named):
        return True
    if len(rows) == 1:
        return not any(is_number(field) for field in first)
    # A number above numbers is a row's: to take one bad first row for a header would lose it.
    above_numbers = [field for i, field in enumerate(first)
                     if any(is_number(row[i]) for row in rows[1:] if len(row) == len(first))]
    return (not any(is_number(field) for field in above_numbers)
            and not all(is_missing(field) for field in above_numbers))


def _refuse_text_column(body: list, i: int, name: str, place: str) -> None:
    """A column is text when more than half of the head's rows hold a word there."""
    _refuse_words([row[i] for row in body
                   if not is_number(row[i]) and not is_missing(row[i].strip())],
                  len(body), name, place)


def _refuse_words(words: list, rows: int, name: str, place: str) -> None:
    if 2 * len(words) > rows:
        raise UserError(
            "Column %r of %s holds text (%r in its first rows), not numbers; name it in"
            " --id-column %s if it identifies the row, or in --ignore-columns %s to leave it out."
            % (name, place, words[0][:40], name, name))


def _commonest(values: list) -> int:
    return max(sorted(set(values)), key=values.count)


def _svmlight_layout(asked: InputOptions) -> Layout:
    if asked.weight_column is not None or asked.ignore_columns:
        raise UserError("svmlight input has no named columns; leave out --weight-column and"
                        " --ignore-columns.")
    for role, column in asked.roles().items():
        if column not in ("0", "target"):
            raise UserError("svmlight input has one field to use as --%s-column: its first, called"
                            " 'target'; %r was given." % (role, column))
    return Layout(format="svmlight", delimiter=" ", columns=None, zero_based=asked.zero_based,
                  texts={role: 0 for role in asked.roles()})


def _jsonl_layout(lines, asked: InputOptions, place: str) -> Layout:
    rows = _json_rows(lines)
    if not rows:
        raise UserError("%s looks like JSON lines, but its first rows are neither objects nor"
                        " arrays." % place)
    first = rows[0]
    keys = list(first) if isinstance(first, dict) else list(range(len(first)))
    names = [str(key) for key in keys]
    alike = [row for row in rows if type(row) is type(first)]
    roles, weight, _, numeric = parts_of(names, asked)
    for i in numeric:
        values = [row.get(keys[i]) if isinstance(row, dict) else row[i] for row in alike
                  if isinstance(row, dict) or len(row) == len(keys)]
        _refuse_words([v if isinstance(v, str) else json.dumps(v) for v in values
                       if v is not None and type(v) not in (int, float)],
                      len(values), names[i], place)
    if not numeric:
        raise UserError("%s has no numeric column left to work on (its columns: %s)."
                        % (place, ", ".join(names)))
    return Layout(format="jsonl", fields=len(names),
                  keys=tuple(keys) if isinstance(first, dict) else None,
                  columns=tuple(names[i] for i in numeric), numeric=tuple(numeric),
                  weight=weight, texts=roles)


def _json_rows(lines: Sequence[bytes]) -> list:
    """The objects and arrays among the lines."""
    rows = []
    for line in lines:
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(row, (dict, list)) and row:
            rows.append(row)
    return rows
