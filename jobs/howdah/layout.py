"""How the input is written: detected once from its head, then passed on to every task."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import asdict, dataclass, field, replace
from typing import Iterable, Optional, Sequence

from howdah.errors import UserError

FORMATS = ("csv", "tsv", "blank", "jsonl", "svmlight", "packed")
DELIMITERS = {"csv": ",", "tsv": "\t", "blank": " "}
PACKED_HEAD = b"howdah1:"
NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*\Z", re.ASCII)
SVMLIGHT_ROW = re.compile(rb"\s*[^\s:#]+(\s+(qid|\d+):\S+)+\s*(#.*)?\Z")
NOT_BLANKS = re.compile(r"[^ \t\n\r\v\f]+")
HEAD_ROWS = 200


@dataclass(frozen=True)
class Layout:
    """Format of the input and the part that each of its fields plays.

    `columns` are the names of the numeric columns in their order (None for sparse input: their
    number is then `width`, known after the first scan); `fields` the number of fields in a row;
    `numeric` the positions of the numeric columns, `weight` that of the sample weight, `texts`
    the positions of fields kept as text by role ("id", "label", "target").
    """

    format: str
    delimiter: str = ","
    header: Optional[str] = None
    fields: int = 0
    columns: Optional[tuple] = None
    numeric: tuple = ()
    weight: Optional[int] = None
    texts: dict = field(default_factory=dict)
    unread_texts: tuple = ()
    keys: Optional[tuple] = None
    zero_based: bool = False
    width: Optional[int] = None

    @property
    def sparse(self) -> bool:
        return self.columns is None

    @property
    def named(self) -> bool:
        """Whether the columns' names stand in the input; else they are numbers."""
        return self.columns is not None and (
            self.format == "packed" or self.header is not None or self.keys is not None)

    @property
    def n_columns(self) -> Optional[int]:
        return self.width if self.columns is None else len(self.columns)

    def column_names(self) -> list:
        if self.columns is not None:
            return list(self.columns)
        first = 0 if self.zero_based else 1
        return [str(i + first) for i in range(self.width or 0)]

    def without_texts(self) -> Layout:
        """The same input for jobs that need no ids."""
        return replace(self, texts={})

    def to_dict(self) -> dict:
        return asdict(self)

    @classmethod
    def from_dict(cls, value: dict) -> Layout:
        listed: dict = {k: tuple(v) if isinstance(v, list) else v for k, v in value.items()}
        return cls(**listed)


@dataclass(frozen=True)
class Wishes:
    """What the user said about the input; None and () mean: find out."""

    format: Optional[str] = None
    delimiter: Optional[str] = None
    header: Optional[bool] = None
    id_column: Optional[str] = None
    weight_column: Optional[str] = None
    ignore_columns: tuple = ()
    label_column: Optional[str] = None
    target_column: Optional[str] = None
    zero_based: bool = False

    def roles(self) -> dict:
        named = {"id": self.id_column, "label": self.label_column, "target": self.target_column}
        return {role: column for role, column in named.items() if column is not None}


def detect(head: bytes, wishes: Optional[Wishes] = None, place: str = "the input") -> Layout:
    """The layout of an input whose first bytes (whole lines, some hundred rows) are `head`.

    Raises UserError where the head contradicts the user's wishes or holds text in a column that
    no option names.
    """
    wishes = wishes or Wishes()
    _refuse_delimiter(wishes.delimiter)
    lines = [line.rstrip(b"\r") for line in head.removeprefix(b"\xef\xbb\xbf").split(b"\n")]
    lines = [line for line in lines if line.strip()][:HEAD_ROWS]
    if not lines:
        raise UserError("%s holds no rows; give an input with at least one row." % place)
    name = wishes.format or _detect_format(lines, wishes.delimiter)
    if name not in FORMATS:
        raise UserError("--format is %r; it must be one of %s." % (name, ", ".join(FORMATS)))
    if name == "packed":
        return _packed_layout(lines[0], wishes, place)
    if name == "svmlight":
        return _svmlight_layout(wishes)
    if name == "jsonl":
        return _jsonl_layout(lines, wishes, place)
    delimiter = wishes.delimiter or DELIMITERS.get(name, ",")
    if name == "csv" and not wishes.delimiter and not wishes.format:
        delimiter = _likely_delimiter(lines)
    return _delimited_layout(lines, name, delimiter, wishes, place)


def _refuse_delimiter(delimiter: Optional[str]) -> None:
    if delimiter is not None and (len(delimiter) != 1 or delimiter.isalnum()
                                  or delimiter in '"+-.\r\n'):
        raise UserError("--delimiter is %r; it must be one character that no number holds, such as"
                        " , or ; or \\t." % delimiter)


def _detect_format(lines: Sequence[bytes], delimiter: Optional[str]) -> str:
    if lines[0].startswith(PACKED_HEAD):
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


def split_fields(line: str, delimiter: str) -> list:
    """The fields of one row; raises csv.Error for a quote that does not end."""
    if delimiter == " ":
        return line.split() if line.isascii() and line.isprintable() else NOT_BLANKS.findall(line)
    if '"' not in line:
        return line.split(delimiter)
    return next(csv.reader([line], delimiter=delimiter, strict=True))


def header_names(line: str, delimiter: str) -> list:
    """The names in a header, without the blanks around them and their quotes.

    Raises csv.Error for a quote that does not end.
    """
    if '"' in line and delimiter != " ":
        closed = re.sub('" +(?=%s|$)' % re.escape(delimiter), '"', line)
        fields = next(csv.reader([closed], delimiter=delimiter, skipinitialspace=True, strict=True))
    else:
        fields = split_fields(line, delimiter)
    return [field.strip() for field in fields]


def is_number(text: str) -> bool:
    """A finite decimal number as every CSV reader understands it: not NaN, not 1_000, not 0x1F."""
    return bool(NUMBER.match(text)) and abs(float(text)) != float("inf")


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


def _delimited_layout(lines, name, delimiter, wishes: Wishes, place: str) -> Layout:
    readable = _readable_rows(lines, delimiter)
    rows = [fields for _, fields in readable]
    if not rows:
        raise UserError("%s holds no readable row in its first lines; is it text?" % place)
    if wishes.header and readable[0][0] != lines[0]:
        raise UserError("%s has a first line that cannot be read as a header (%r); write it in"
                        " UTF-8, or leave out --header." % (place, lines[0][:40]))
    has_header = _looks_like_header(rows, wishes) if wishes.header is None else wishes.header
    names = rows[0] if has_header else []
    body = rows[1:] if has_header else rows
    width = len(names) if has_header else _commonest([len(row) for row in body])
    if not names:
        names = [str(i) for i in range(width)]
    body = [row for row in body if len(row) == width]
    roles, weight, ignored, numeric = parts_of(names, wishes)
    for i in numeric:
        _refuse_text_column(body, i, names[i], place)
    if not numeric:
        raise UserError("%s has no numeric column left to work on (its columns: %s); name fewer"
                        " in --ignore-columns." % (place, ", ".join(names)))
    texts_beside = [i for i in {*ignored, *roles.values()}
                    if not all(is_number(row[i]) for row in body)]
    return Layout(
        format=name, delimiter=delimiter,
        header=readable[0][0].decode("utf-8") if has_header else None, fields=width,
        columns=tuple(names[i] for i in numeric), numeric=tuple(numeric), weight=weight,
        texts=roles, unread_texts=tuple(sorted(texts_beside)))


def parts_of(names: Sequence[str], wishes: Wishes):
    """Positions of the text roles, the weight, the ignored and the numeric columns."""
    roles = {r: _position(c, names, "--%s-column" % r) for r, c in wishes.roles().items()}
    weight = None
    if wishes.weight_column is not None:
        weight = _position(wishes.weight_column, names, "--weight-column")
    ignored = {_position(c, names, "--ignore-columns") for c in wishes.ignore_columns}
    numeric = [i for i in range(len(names))
               if i not in ignored and i != weight and i not in roles.values()]
    return roles, weight, ignored, numeric


def _looks_like_header(rows: list, wishes: Wishes) -> bool:
    """Text in the first row over numbers below, or names that the user's options use."""
    first = rows[0]
    wished = {*wishes.roles().values(), *wishes.ignore_columns, wishes.weight_column} - {None}
    if any(name in first and not name.lstrip("-").isdecimal() for name in wished):
        return True
    if len(rows) == 1:
        return not any(is_number(field) for field in first)
    # A number above numbers is a row's: to take one bad first row for a header would lose it.
    above_numbers = [field for i, field in enumerate(first)
                     if any(is_number(row[i]) for row in rows[1:] if len(row) == len(first))]
    return (not any(is_number(field) for field in above_numbers)
            and not all(is_missing(field) for field in above_numbers))


def is_missing(text: str) -> bool:
    """A value that is bad but no word: it says nothing against a numeric column."""
    return text.lower() in ("", "na", "n/a", "nan", "null", "none", "inf", "-inf", "?") or (
        bool(NUMBER.match(text)))


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


def _position(column: str, names: Sequence[str], option: str) -> int:
    """Where a column stands that was given by name or by number (from 0; -1 is the last)."""
    if column in names:
        refuse_twice(column, names, option, "give the column's number, from 0")
        return list(names).index(column)
    if re.fullmatch(r"-?\d{1,18}", column):
        number = int(column)
        if -len(names) <= number < len(names):
            return number % len(names)
        raise UserError("%s is %s, but the input has the columns 0 to %d."
                        % (option, column, len(names) - 1))
    raise UserError("%s is %r, but the input has no such column; it has: %s."
                    % (option, column, ", ".join(names)))


def refuse_twice(column: str, names: Sequence[str], option: str, remedy: str) -> None:
    """UserError where a name that an option gives is that of several columns."""
    if list(names).count(column) > 1:
        raise UserError("%s is %r, but %d columns have this name (%s); %s."
                        % (option, column, list(names).count(column), some_of(names), remedy))


def some_of(names: Sequence[str]) -> str:
    """The first names, for a sentence."""
    return ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")


def _commonest(values: list) -> int:
    return max(sorted(set(values)), key=values.count)


def _svmlight_layout(wishes: Wishes) -> Layout:
    if wishes.weight_column is not None or wishes.ignore_columns:
        raise UserError("svmlight input has no named columns; leave out --weight-column and"
                        " --ignore-columns.")
    for role, column in wishes.roles().items():
        if column not in ("0", "target"):
            raise UserError("svmlight input has one field to use as --%s-column: its first, called"
                            " 'target'; %r was given." % (role, column))
    return Layout(format="svmlight", delimiter=" ", columns=None, zero_based=wishes.zero_based,
                  texts={role: 0 for role in wishes.roles()})


def _jsonl_layout(lines, wishes: Wishes, place: str) -> Layout:
    rows = _json_rows(lines)
    if not rows:
        raise UserError("%s looks like JSON lines, but its first rows are neither objects nor"
                        " arrays." % place)
    first = rows[0]
    keys = list(first) if isinstance(first, dict) else list(range(len(first)))
    names = [str(key) for key in keys]
    alike = [row for row in rows if type(row) is type(first)]
    roles, weight, _, numeric = parts_of(names, wishes)
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


def _packed_layout(line: bytes, wishes: Wishes, place: str) -> Layout:
    from howdah.blocks import describe

    return describe(line, wishes, place)
