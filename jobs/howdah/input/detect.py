"""How the input is written, found out from its head and the user's options."""

from __future__ import annotations

import json
from typing import Optional, Sequence

from howdah.errors import UserError
from howdah.input.foreign import refuse_foreign
from howdah.input.formats import (
    commonest,
    format_of,
    likely_delimiter,
    parsed,
    readable_rows,
    refuse_json_document,
)
from howdah.input.layout import (
    DELIMITERS,
    FORMATS,
    Layout,
    InputOptions,
    is_decimal_comma,
    is_missing,
    is_number,
    parts_of,
    some_of,
)
from howdah.input.packed import packed_layout
from howdah.input.packed_format import MARK

HEAD_ROWS = 200


def detect(head: bytes, asked: Optional[InputOptions] = None, place: str = "the input") -> Layout:
    """The layout of an input whose first bytes (whole lines, some hundred rows) are `head`.

    Raises UserError where the head contradicts what the user asked for, or holds text in a column
    that no option names.
    """
    asked = asked or InputOptions()
    _refuse_delimiter(asked.delimiter)
    refuse_foreign(head, place)
    lines = [line.rstrip(b"\r") for line in head.removeprefix(b"\xef\xbb\xbf").split(b"\n")]
    lines = [line for line in lines if line.strip()][:HEAD_ROWS]
    if not lines:
        raise UserError("%s holds no rows; give an input with at least one row." % place)
    if not asked.format and any(map(MARK.match, lines)):
        return packed_layout(lines[0], asked, place)
    if asked.format in (None, "jsonl") and not asked.delimiter:
        refuse_json_document(lines, place)
    name = asked.format or format_of(lines, asked, place)
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
        delimiter = likely_delimiter(lines, asked)
    return _delimited_layout(lines, name, delimiter, asked, place)


def _refuse_delimiter(delimiter: Optional[str]) -> None:
    # NUL is one for the csv module of some Pythons only.
    if delimiter is not None and (len(delimiter) != 1 or delimiter.isalnum()
                                  or delimiter in '"+-.\r\n\0'):
        raise UserError("--delimiter is %r; it must be one character that no number holds, such as"
                        " , or ; or \\t." % delimiter)


def _delimited_layout(lines, name, delimiter, asked: InputOptions, place: str) -> Layout:
    readable = readable_rows(lines, delimiter)
    rows = [fields for _, fields in readable]
    if not rows:
        raise UserError("%s holds no readable row in its first lines; is it text?" % place)
    if asked.header and readable[0][0] != lines[0]:
        raise UserError("%s has a first line that cannot be read as a header (%r); write it in"
                        " UTF-8, or leave out --header." % (place, lines[0][:40]))
    has_header = _looks_like_header(rows, asked) if asked.header is None else asked.header
    if asked.header is not False:
        _refuse_comments(lines[0], rows, place)
        _refuse_header_of_other_width(rows, has_header, place)
    names = rows[0] if has_header else []
    body = rows[1:] if has_header else rows
    width = len(names) if has_header else commonest([len(row) for row in body])
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


def _refuse_comments(first: bytes, rows: list, place: str) -> None:
    """UserError for comments above the rows: the header below would be taken for a bad row."""
    below = [row for row in rows if not row[0].startswith("#")]
    if not first.lstrip().startswith(b"#") or len(below) < 2:
        return
    other_width = (len(rows[0]) != commonest([len(row) for row in below[1:]])
                   or rows[0][0] == "#")
    if other_width or _looks_like_header(below, InputOptions()):
        raise UserError("%s begins with a comment (%r), which is no row and no header; take its"
                        " comment lines out (grep -v '^#' does that), or give --no-header to have"
                        " them for bad rows."
                        % (place, first[:40].decode("utf-8", "backslashreplace")))


def _refuse_header_of_other_width(rows: list, has_header: bool, place: str) -> None:
    """UserError for a first line of words that has more or fewer fields than the rows below."""
    first, body = rows[0], rows[1:]
    words = all(field and not is_number(field) and not is_missing(field) for field in first)
    if not body or not (has_header or words):
        return
    widths = [len(row) for row in body]
    width = commonest(widths)
    if widths.count(len(first)) == widths.count(width):
        return  # of as many rows as any other width: the others are bad rows
    remedy = ("if the first field is the name of a row, write a name for it before the others (sed"
              " '1s/^/row%s/') and give --ignore-columns row" if width == len(first) + 1 else
              "give each column one name%s")
    raise UserError("The first line of %s has %d names (%s), but the rows below have %d fields; %s,"
                    " or give --no-header if that line is a bad row."
                    % (place, len(first), some_of(first), width, remedy % (
                        "," if width == len(first) + 1 else "")))


def _refuse_text_column(body: list, i: int, name: str, place: str) -> None:
    """A column is text when more than half of the head's rows hold a word there."""
    _refuse_words([row[i] for row in body
                   if not is_number(row[i]) and not is_missing(row[i].strip())],
                  len(body), name, place)


def _refuse_words(words: list, rows: int, name: str, place: str) -> None:
    if 2 * len(words) <= rows:
        return
    commas = list(filter(is_decimal_comma, words))
    if 2 * len(commas) > len(words):
        raise UserError("Column %r of %s holds numbers with a decimal comma, or with commas between"
                        " their thousands (%r in its first rows); write them with a point, as"
                        " 1234.5 is." % (name, place, commas[0][:40]))
    raise UserError(
        "Column %r of %s holds text (%r in its first rows), not numbers; name it in"
        " --id-column %s if it identifies the row, or in --ignore-columns %s to leave it out."
        % (name, place, words[0][:40], name, name))


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
    return [row for row in map(parsed, lines) if isinstance(row, (dict, list)) and row]
