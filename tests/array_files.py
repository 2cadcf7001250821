"""Files of arrays, as jobs/pack.py reads them: npy, fvecs, bvecs, Parquet.

    npy(tmp_path / "x.npy", SMALL), parquet(tmp_path / "x.parquet", ("a", "b"), [1, 2], [3, 4])
"""

from __future__ import annotations

import numpy as np
import pytest
from generators import blobs
from scripts import refused

X = blobs(9000, 3, 4, seed=3)
SMALL = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])

needs_pyarrow = pytest.mark.needs("pyarrow")


def npy(path, array):
    np.save(path, np.asarray(array))
    return path


def vecs(path, array, kind):
    """The TEXMEX formats."""
    rows = np.empty(len(array), [("d", "<i4"), ("v", kind, (array.shape[1],))])
    rows["d"], rows["v"] = array.shape[1], array
    rows.tofile(path)
    return path


def parquet(path, names, *arrays, **options):
    """A table of these columns: pyarrow's arrays, or what becomes one."""
    import pyarrow
    from pyarrow.parquet import write_table

    held = [a if isinstance(a, pyarrow.Array) else pyarrow.array(a) for a in arrays]
    write_table(pyarrow.Table.from_arrays(held, list(names)), path, **options)
    return path


def array_of(values, kind: str, width: int = -1):
    """Values as pyarrow's list, large_list, or list of fixed size, of that many float32."""
    import pyarrow

    make = pyarrow.large_list if kind == "large_list" else pyarrow.list_
    fixed = (width,) if kind == "fixed_size_list" else ()
    return pyarrow.array(values, make(pyarrow.float32(), *fixed))


def refusal(out, *args) -> str:
    """The sentence of a pack.py that must leave nothing."""
    sentence = refused("pack", *args, "--output-dir", out)
    assert not out.exists()
    return sentence
