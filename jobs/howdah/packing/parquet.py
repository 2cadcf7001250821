"""Reading Parquet: numeric columns, and columns of lists with one column for each place."""

from __future__ import annotations

from collections import Counter
from typing import Iterator

import numpy as np
from pyarrow import ArrowException, compute, types
from pyarrow.parquet import ParquetFile

from howdah.errors import UserError
from howdah.input.batches import rows_per_batch
from howdah.input.layout import InputOptions, parts_of, refuse_no_columns
from howdah.input.rows import Rows

FIRST_ROWS = 256
# For each column. By default pyarrow reads whole row groups, and ahead.
BUFFER_BYTES = 1 << 16


def read_parquet(path: str, asked: InputOptions) -> Iterator[tuple[list, Rows]]:
    """See array_files.pieces_of."""
    try:
        file = ParquetFile(path, buffer_size=BUFFER_BYTES, pre_buffer=False)
        yield from _pieces(file, path, asked)
    except (ArrowException, OSError, UnicodeDecodeError) as error:
        raise UserError("%s cannot be read (%s)."
                        % (path, " ".join(str(error).split()).rstrip("."))) from None


def _pieces(file: ParquetFile, path: str, asked: InputOptions) -> Iterator[tuple[list, Rows]]:
    fields = list(file.schema_arrow)
    names = [field.name for field in fields]
    _refuse_repeated(names, path)
    roles, weight, ignored, numeric = parts_of(names, asked)
    refuse_no_columns(path, numeric, names)
    for i in numeric:
        _refuse_text(fields[i], path)
    read = [name for i, name in enumerate(names) if i not in ignored]
    first = next(file.iter_batches(FIRST_ROWS, columns=read), None)
    if first is None:
        return
    widths = {names[i]: _width(fields[i], first.column(names[i]), path) for i in numeric}
    labels = [label for i in numeric for label in _labels(fields[i], widths[names[i]])]
    start = 0
    for batch in file.iter_batches(rows_per_batch(len(labels)), columns=read):
        X = _matrix(batch, widths, path, start)
        weights = None if weight is None else _floats(batch.column(names[weight]))
        texts = {role: batch.column(names[i]).cast("string").to_pylist()
                 for role, i in roles.items()}
        yield labels, Rows(X, weights, texts)
        start += len(batch)


def _refuse_repeated(names: list, path: str) -> None:
    name, count = Counter(names).most_common(1)[0] if names else ("", 0)
    if count > 1:
        raise UserError("%s has %d columns called %r; rename them." % (path, count, name))


def _refuse_text(field, path: str) -> None:
    kind = field.type
    if _is_list(kind) or types.is_dictionary(kind):
        kind = kind.value_type
    if not (types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)
            or types.is_decimal(kind)):
        raise UserError("Column %r of %s holds %s, not numbers; name it in --id-column %s if it"
                        " identifies the row, or in --ignore-columns %s to leave it out."
                        % (field.name, path, field.type, field.name, field.name))


def _is_list(kind) -> bool:
    return types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)


def _width(field, values, path: str) -> int:
    """How many columns a field gives: 1, or the length of its first list."""
    if not _is_list(field.type):
        return 1
    lengths = compute.list_value_length(values).drop_null().to_pylist() or [0]
    if not lengths[0]:
        raise UserError("Column %r of %s holds no values in its first %d rows; name it in"
                        " --ignore-columns %s to leave it out."
                        % (field.name, path, len(values), field.name))
    return lengths[0]


def _labels(field, width: int) -> list:
    if not _is_list(field.type):
        return [field.name]
    return ["%s_%d" % (field.name, i) for i in range(width)]


def _matrix(batch, widths: dict, path: str, start: int) -> np.ndarray:
    """The numbers of a batch that begins with row `start`, (n, d) by columns."""
    X = np.empty((sum(widths.values()), len(batch))).T
    at = 0
    for name, width in widths.items():
        column = batch.column(name)
        if _is_list(column.type):
            X[:, at:at + width] = _lists(column, width, path, name, start)
        else:
            X[:, at] = _floats(column)
        at += width
    return X


def _lists(column, width: int, path: str, name: str, start: int) -> np.ndarray:
    """Lists as rows (n, width), from Arrow's buffer of all their values."""
    lengths = _floats(compute.list_value_length(column))
    wrong = np.flatnonzero((lengths != width) & (lengths == lengths))
    if len(wrong):
        raise UserError("%s, row %d: column %r holds a list of %d values, but the first has %d."
                        % (path, start + wrong[0] + 1, name, lengths[wrong[0]], width))
    rows = np.full((len(column), width), np.nan)
    rows[lengths == width] = _floats(column.drop_null().flatten()).reshape(-1, width)
    return rows


def _floats(column) -> np.ndarray:
    """A missing value is NaN."""
    return column.cast("float64", safe=False).to_numpy(zero_copy_only=False)
