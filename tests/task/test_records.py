"""Arrays as text, and the records between steps."""

from __future__ import annotations

import json

import numpy as np
import pytest

from howdah.task.records import RecordProtocol, dump_json, load_json, pack_array, unpack_array

ARRAYS = [
    np.arange(6.0).reshape(2, 3), np.array([np.pi, -0.0, np.inf, -np.inf, 5e-324]),
    np.array([np.nan]), np.zeros((0, 4)), np.array(3.5), np.arange(4, dtype=np.int64),
    np.array([2 ** 64 - 1], dtype=np.uint64), np.array([True, False]),
    np.arange(6, dtype=">f8"), np.arange(6, dtype=">i4").reshape(3, 2),
    np.arange(20.0).reshape(4, 5)[::2, ::-1], np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    np.arange(3, dtype=np.float32)]


@pytest.mark.parametrize("array", ARRAYS)
def test_arrays_survive_to_the_bit(array: np.ndarray) -> None:
    text = pack_array(array)
    assert text.isascii() and not set("\t\n\r ") & set(text)
    again = unpack_array(text)
    assert again.shape == array.shape
    assert again.dtype == array.dtype.newbyteorder("=")
    native = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("="))
    assert again.tobytes() == native.tobytes()
    assert again.flags.writeable


def test_the_text_is_little_endian_on_every_machine() -> None:
    assert pack_array(np.arange(3, dtype=">f8")) == pack_array(np.arange(3, dtype="<f8"))
    assert pack_array(np.arange(3.0)).startswith("<f8:3:")


def test_json_with_arrays_and_numpy_numbers() -> None:
    value = {"b": [np.float64(0.1), np.int64(7), np.bool_(True)], "a": {"X": np.eye(2)}, "n": None}
    data = dump_json(value)
    assert b"\n" not in data and b"\t" not in data
    again = load_json(data)
    assert again["b"] == [0.1, 7, True] and again["n"] is None
    assert np.array_equal(again["a"]["X"], np.eye(2))


def test_the_same_value_has_the_same_bytes() -> None:
    assert dump_json({"a": 1, "b": 2.5}) == dump_json({"b": 2.5, "a": 1}) == b'{"a":1,"b":2.5}'


def test_what_has_no_text_form_is_refused() -> None:
    with pytest.raises(TypeError, match="has no text form"):
        dump_json({"x": {1, 2}})


@pytest.mark.parametrize("value", [None, 3, 0.1, "tab\tand\nnewline \u00e9", [1, [2]], {"k": "v"}])
def test_records_are_one_line_each(value) -> None:
    protocol = RecordProtocol()
    line = protocol.write("key", value)
    assert b"\n" not in line and line.count(b"\t") == 1
    assert protocol.read(line) == ("key", value)
    assert json.loads(line.split(b"\t")[1]) == value
