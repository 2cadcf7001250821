"""Files of arrays (.npy, .fvecs, .bvecs, .parquet) to packed blocks, with bounded memory."""

from __future__ import annotations

import os
from typing import BinaryIO, Iterator, Optional

import numpy as np

from howdah.batches import rows_per_batch
from howdah.blocks import pack_rows
from howdah.errors import UserError
from howdah.launcher.files import is_uri, local_path
from howdah.launcher.script import notice
from howdah.options import wishes
from howdah.tally import Tally

PART_BYTES = 128 << 20


def is_array_file(path: str) -> bool:
    return path.endswith((".npy", ".fvecs", ".bvecs", ".parquet"))


def pack_array_files(options, launch) -> Tally:
    """Pack the files named on the command line into parts of about 128 MB; the rows' tally.

    Raises UserError for files that cannot be read here, or rows that are not finite.
    """
    if not options.output_dir or is_uri(options.output_dir):
        raise UserError("Give a local --output-dir for %s (then copy it to the cluster)."
                        % ", ".join(options.args))
    tally = Tally()
    folder = local_path(options.output_dir)
    writer = _Parts(folder)
    try:
        for path in options.args:
            if not is_array_file(path):
                raise UserError("%s is text; pack it in a call of its own." % path)
            if not os.path.isfile(path):
                raise UserError("The input %s does not exist." % path)
            for X, columns, weights, texts in _pieces(path, wishes(options)):
                _refuse_not_finite(X, path, tally.used)
                tally.used += len(X)
                writer.write(pack_rows(X, columns, weights, texts, options.dtype))
        writer.close()
    except UserError:
        writer.discard()
        raise
    notice("%d parts in %s" % (writer.parts, options.output_dir))
    return tally


class _Parts:
    """part-00000, part-00001, ... of about PART_BYTES each; finished by _SUCCESS."""

    def __init__(self, folder: str):
        self.folder = folder
        self.parts = 0
        self._file: Optional[BinaryIO] = None
        os.makedirs(folder, exist_ok=True)

    def write(self, line: bytes) -> None:
        if self._file is None:
            self._file = open(os.path.join(self.folder, "part-%05d" % self.parts), "wb")
            self.parts += 1
        self._file.write(line + b"\n")
        if self._file.tell() >= PART_BYTES:
            self._file.close()
            self._file = None

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
        open(os.path.join(self.folder, "_SUCCESS"), "wb").close()

    def discard(self) -> None:
        if self._file is not None:
            self._file.close()
        for name in os.listdir(self.folder):
            os.unlink(os.path.join(self.folder, name))
        os.rmdir(self.folder)


def _pieces(path: str, wished) -> Iterator[tuple]:
    """(X (n, d), column names, weights or None, texts) in the order of the file."""
    if path.endswith(".parquet"):
        yield from _parquet(path, wished)
        return
    vectors = {".npy": _npy, ".fvecs": _fvecs, ".bvecs": _bvecs}[os.path.splitext(path)[1]](path)
    n, d = vectors.shape
    columns = [str(i) for i in range(d)]
    step = rows_per_batch(d)
    for start in range(0, n, step):
        yield np.array(vectors[start:start + step], dtype=np.float64), columns, None, {}


def _npy(path: str) -> np.ndarray:
    try:
        vectors = np.load(path, mmap_mode="r", allow_pickle=False)
    except ValueError as error:
        raise UserError("%s is no array that can be packed: %s." % (path, error)) from None
    if vectors.ndim != 2 or vectors.dtype.kind not in "fiub":
        raise UserError("%s holds an array of shape %s and type %s; it must be two-dimensional and"
                        " numeric." % (path, vectors.shape, vectors.dtype))
    return vectors


def _fvecs(path: str) -> np.ndarray:
    return _vecs(path, np.dtype("<f4"))


def _bvecs(path: str) -> np.ndarray:
    return _vecs(path, np.dtype("u1"))


def _vecs(path: str, dtype: np.dtype) -> np.ndarray:
    """The TEXMEX formats: every vector after its dimension as a little-endian int32."""
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        d = int.from_bytes(file.read(4), "little", signed=True)
    row = 4 + d * dtype.itemsize
    if d <= 0 or size % row:
        raise UserError("%s is no %s file: %d bytes are no whole number of rows of dimension %d."
                        % (path, os.path.splitext(path)[1], size, d))
    rows = np.memmap(path, dtype=np.dtype([("d", "<i4"), ("v", dtype, (d,))]), mode="r")
    wrong = np.flatnonzero(rows["d"] != d)
    if len(wrong):
        raise UserError("%s, row %d has dimension %d, but the first has %d."
                        % (path, wrong[0] + 1, rows["d"][wrong[0]], d))
    return rows["v"]


def _parquet(path: str, wished) -> Iterator[tuple]:
    try:
        import pyarrow.parquet as parquet
    except ImportError:
        raise UserError("Parquet needs pyarrow; install it with: pip install 'howdah[arrow]'."
                        ) from None
    file = parquet.ParquetFile(path)
    names = file.schema_arrow.names
    roles = wished.roles()
    apart = {*roles.values(), *wished.ignore_columns, wished.weight_column} - {None}
    unknown = sorted(apart - set(names))
    if unknown:
        raise UserError("%s has no column %r; it has: %s." % (path, unknown[0], ", ".join(names)))
    numeric = [name for name in names if name not in apart]
    read = [name for name in names if name not in wished.ignore_columns]
    for table in file.iter_batches(batch_size=rows_per_batch(len(numeric)), columns=read):
        columns = {name: table.column(name) for name in read}
        X, labels = _matrix(columns, numeric, path)
        weights = _weights(columns, wished.weight_column)
        texts = {role: [str(v) for v in columns[c].to_pylist()] for role, c in roles.items()}
        yield X, labels, weights, texts


def _matrix(columns: dict, numeric: list, path: str) -> tuple[np.ndarray, list]:
    """Numeric columns side by side; a column of lists (an embedding) gives one column per place."""
    parts, labels = [], []
    for name in numeric:
        values = columns[name]
        kind = str(values.type)
        if "list" in kind:
            rows = np.array([np.asarray(v, dtype=np.float64) for v in values.to_pylist()])
            if rows.ndim != 2:
                raise UserError("%s, column %r holds lists of different lengths." % (path, name))
            parts.append(rows)
            labels += ["%s_%d" % (name, i) for i in range(rows.shape[1])]
        elif kind.startswith(("int", "uint", "float", "double", "halffloat", "bool", "decimal")):
            column = np.array(values.to_pylist(), dtype=np.float64)
            parts.append(column[:, None])
            labels.append(name)
        else:
            raise UserError("Column %r of %s holds %s, not numbers; name it in --id-column or"
                            " --ignore-columns." % (name, path, kind))
    return np.concatenate(parts, axis=1), labels


def _weights(columns: dict, name: Optional[str]) -> Optional[np.ndarray]:
    return None if name is None else np.array(columns[name].to_pylist(), dtype=np.float64)


def _refuse_not_finite(X: np.ndarray, path: str, before: int) -> None:
    good = np.isfinite(X).all(axis=1)
    if not good.all():
        raise UserError("%s, row %d holds a missing value, NaN or infinity; correct it before"
                        " packing." % (path, before + int(np.argmin(good)) + 1))
