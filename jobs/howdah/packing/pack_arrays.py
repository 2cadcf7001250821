"""Packing files of arrays (.npy, .fvecs, .bvecs, .parquet) in this process, a piece at a time."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from typing import BinaryIO, Iterator, Optional

import numpy as np

from howdah.errors import JobFailed, UserError
from howdah.input.layout import some_of
from howdah.input.packed import pack_rows
from howdah.input.row_counts import RowCounts
from howdah.input.rows import LARGEST, Rows
from howdah.launch.console import notice
from howdah.launch.files.files import Files
from howdah.launch.files.paths import is_uri, local_path
from howdah.launch.inputs import is_empty, list_inputs
from howdah.options import input_options
from howdah.packing.array_files import ENDINGS, pieces_of

PART_BYTES = 128 << 20


def array_files(paths: list, files: Files) -> list:
    """The files that the paths stand for, if they are files of arrays; [] if they are others."""
    for path in paths:
        if is_uri(path) and path.endswith(ENDINGS):
            raise _only_here(path)
    found = [path for path, _ in list_inputs(paths, files)]
    arrays = [path for path in found if path.endswith(ENDINGS)]
    if arrays and len(arrays) < len(found):
        other = next(path for path in found if not path.endswith(ENDINGS))
        raise UserError("%s is no file of arrays, but %s is; pack them in calls of their own."
                        % (other, arrays[0]))
    for path in filter(is_uri, arrays):
        raise _only_here(path)
    return arrays


def _only_here(path: str) -> UserError:
    return UserError("%s cannot be packed where it is: files of arrays are read from this machine"
                     " only; copy it here first." % path)


def pack_array_files(paths: list, options) -> RowCounts:
    """Pack files into parts of about 128 MB in the output folder; the counts of their rows."""
    folder = options.output_dir
    if not folder or is_uri(folder):
        raise UserError("Files of arrays are packed by this process: leave out -r, give a local"
                        " --output-dir, and copy it to the cluster then.")
    row_counts = RowCounts()
    first: Optional[tuple] = None
    try:
        with _Parts(local_path(folder)) as parts:
            for path in paths:
                for columns, rows in _good_pieces(path, options, row_counts):
                    first = first or (path, columns)
                    _refuse_other_columns(path, columns, *first)
                    parts.write(_packed(path, columns, rows, options.dtype, parts.begins))
            _refuse_no_rows(row_counts, paths)
    except OSError as error:
        raise JobFailed("The blocks cannot be written to %s (%s)." % (folder, error)) from error
    notice("%d parts in %s" % (parts.count, folder))
    return row_counts


def _refuse_no_rows(row_counts: RowCounts, paths: list) -> None:
    if row_counts.bad and not row_counts.used:
        raise UserError("No row of the input can be used (%s)." % row_counts.summary())
    if not row_counts.used:
        raise is_empty(paths)


def _refuse_other_columns(path: str, columns: list, first_path: str, first: list) -> None:
    if columns != first:
        raise UserError("%s has %d columns (%s), but %s has %d (%s); pack them apart." % (
            path, len(columns), some_of(columns), first_path, len(first), some_of(first)))


def _packed(path: str, columns: list, rows: Rows, dtype: str, first: bool) -> bytes:
    try:
        return pack_rows(rows.X, columns, rows.weights, rows.texts, dtype, first)
    except UserError as error:
        raise UserError("%s: %s" % (path, error)) from None


class _Parts:
    """part-00000, part-00001, ... of about PART_BYTES each, in the folder when all are complete.

    Until then they are below _temporary, as a Hadoop task's, which no job takes for data.
    """

    def __init__(self, folder: str):
        self.folder = folder
        self.temporary = os.path.join(folder, "_temporary")
        self.count = 0
        self._file: Optional[BinaryIO] = None

    def __enter__(self) -> _Parts:
        os.makedirs(self.temporary)
        return self

    @property
    def begins(self) -> bool:
        """Whether the next block is a part's first."""
        return self._file is None

    def write(self, line: bytes) -> None:
        if self._file is None:
            self._file = open(os.path.join(self.temporary, "part-%05d" % self.count), "wb")
            self.count += 1
        self._file.write(line + b"\n")
        if self._file.tell() >= PART_BYTES:
            self._file.close()
            self._file = None

    def __exit__(self, kind, *_) -> None:
        try:
            if self._file is not None:
                self._file.close()
            if kind is None:
                for name in sorted(os.listdir(self.temporary)):
                    os.replace(os.path.join(self.temporary, name), os.path.join(self.folder, name))
                open(os.path.join(self.folder, "_SUCCESS"), "wb").close()
        finally:
            shutil.rmtree(self.temporary)
            with suppress(OSError):  # it holds the parts
                os.rmdir(self.folder)


def _good_pieces(path: str, options, row_counts: RowCounts) -> Iterator[tuple[list, Rows]]:
    """(columns, rows) of a file without its bad rows, which are refused or counted."""
    start = 0
    for columns, rows in pieces_of(local_path(path), input_options(options)):
        good = _usable(rows)
        if not good.all() and options.bad_rows == "error":
            i = int(np.argmin(good))
            raise UserError("%s, row %d: %s; correct it, or give --bad-rows skip."
                            % (path, start + i + 1, _complaint(columns, rows, i)))
        start += len(good)
        used = int(np.count_nonzero(good))
        row_counts.used += used
        row_counts.bad += len(good) - used
        if used:
            yield columns, rows if used == len(good) else rows.only(good)


def _usable(rows: Rows) -> np.ndarray:
    """Which rows hold only what a row of text may hold."""
    good = (np.abs(rows.X) <= LARGEST).all(axis=1)  # type: ignore
    if rows.weights is not None:
        good &= (rows.weights >= 0) & (rows.weights <= LARGEST)
    for texts in rows.texts.values():
        good &= np.fromiter(map(_is_word, texts), bool, len(texts))
    return good


def _is_word(text: Optional[str]) -> bool:
    return text is not None and "\n" not in text and "\r" not in text


def _complaint(columns: list, rows: Rows, i: int) -> str:
    """What makes row i bad."""
    X: np.ndarray = rows.X  # type: ignore
    values = [("column %r" % name, value) for name, value in zip(columns, X[i].tolist())]
    if rows.weights is not None:
        values.append(("the weight", float(rows.weights[i])))
    for what, value in values:
        if value != value:
            return "%s is missing or NaN" % what
        if abs(value) > LARGEST:
            return "%s is infinite or too large (%r; at most 1e300)" % (what, value)
    if rows.weights is not None and rows.weights[i] < 0:
        return "the weight is negative (%r)" % float(rows.weights[i])
    role = next(role for role, texts in rows.texts.items() if not _is_word(texts[i]))
    return "the %s is missing or holds a line break" % role
