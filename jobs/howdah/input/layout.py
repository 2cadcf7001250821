"""How the input is written: detected once from its head, then passed on to every task."""

from __future__ import annotations

import csv
import re
from dataclasses import asdict, dataclass, field, replace
from typing import Optional, Sequence

from howdah.errors import UserError
from howdah.input.schema import Schema

FORMATS = ("csv", "tsv", "blank", "jsonl", "svmlight", "packed")
DELIMITERS = {"csv": ",", "tsv": "\t", "blank": " "}
# No two parts of it take the same digits, so that a long field is looked at once.
NUMBER = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*\Z", re.ASCII)
DECIMAL_COMMA = re.compile(r"\s*[+-]?\d+(,\d+)+([eE][+-]?\d+)?\s*\Z", re.ASCII)
NOT_BLANKS = re.compile(r"[^ \t\n\r\v\f]+")


@dataclass(frozen=True)
class Layout:
    """Format of the input and the part that each of its fields plays.

    `columns` are the names of the numeric columns in their order (None for sparse input: their
    number is then `width`, known after the first scan); `fields` the number of fields in a row;
    `numeric` the positions of the numeric columns, `weight` that of the sample weight, `texts`
    the positions of fields kept as text by role ("id", "label", "target"). `digest` is that of the
    schema of all columns in packed input, which its blocks carry.
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
    digest: Optional[str] = None

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

    def schema(self, metric: Optional[str] = None, standardize: Optional[bool] = None) -> Schema:
        """Which column is which, for what is made of this input."""
        return Schema(self.columns, self.format, self.named, self.zero_based, self.n_columns,
                      metric, standardize)

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
class InputOptions:
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


def is_decimal_comma(text: str) -> bool:
    """A number with a comma where a point is asked for, or between its thousands."""
    return bool(DECIMAL_COMMA.match(text))


def parts_of(names: Sequence[str], asked: InputOptions):
    """Positions of the text roles, the weight, the ignored and the numeric columns."""
    places: dict = {}
    for i, name in enumerate(names):
        places.setdefault(name, i)
    roles = {r: _position(c, names, places, "--%s-column" % r) for r, c in asked.roles().items()}
    weight = None
    if asked.weight_column is not None:
        weight = _position(asked.weight_column, names, places, "--weight-column")
    ignored = {_position(c, names, places, "--ignore-columns") for c in asked.ignore_columns}
    _refuse_two_parts(names, {"--weight-column": weight,
                              **{"--%s-column" % r: i for r, i in roles.items()}})
    apart = {*ignored, *roles.values(), weight}
    return roles, weight, ignored, [i for i in range(len(names)) if i not in apart]


def _refuse_two_parts(names: Sequence[str], parts: dict) -> None:
    """UserError where two options give one column two parts to play."""
    options: dict = {}
    for option, i in parts.items():
        if i is not None and options.setdefault(i, option) != option:
            raise UserError("%s and %s both name the column %r; a column plays one part."
                            % (options[i], option, names[i]))


def is_missing(text: str) -> bool:
    """A value that is bad but no word: it says nothing against a numeric column."""
    return text.lower() in ("", "na", "n/a", "nan", "null", "none", "inf", "-inf", "?") or (
        bool(NUMBER.match(text)))


def _position(column: str, names: Sequence[str], places: dict, option: str) -> int:
    """Where a column stands that was given by name or by number (from 0; -1 is the last)."""
    if column in places:
        refuse_twice(column, names, option, "give the column's number, from 0")
        return places[column]
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


def refuse_no_columns(path: str, numeric: list, names: list) -> None:
    if not numeric:
        raise UserError("%s has no numeric column left to work on (its columns: %s); name fewer in"
                        " --ignore-columns." % (path, some_of(names)))
