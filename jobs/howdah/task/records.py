"""Text forms of arrays: what the records and plans carry on one line of text."""

from __future__ import annotations

import base64
import json
import math
import re
import zlib

import numpy as np

ARRAY_TYPE = re.compile(r"[<|](b1|[iu][1248]|f[248])\Z")
ARRAY_SHAPE = re.compile(r"([0-9]{1,12}(,[0-9]{1,12})*)?\Z")


def pack_array(array: np.ndarray) -> str:
    """Any numeric array as text: ``dtype:shape:base64(zlib(little-endian bytes))``."""
    array = np.asarray(array)
    little = array.astype(array.dtype.newbyteorder("<"), copy=False)
    packed = base64.b64encode(zlib.compress(np.ascontiguousarray(little).tobytes(), 1))
    shape = ",".join(map(str, array.shape))
    return "%s:%s:%s" % (little.dtype.str, shape, packed.decode("ascii"))


def unpack_array(text: str) -> np.ndarray:
    """The array behind `pack_array`'s text, writable, in the machine's byte order.

    Raises ValueError for a text that it did not write.
    """
    if not isinstance(text, str) or text.count(":") != 2:
        raise ValueError("no array: %.40r" % (text,))
    dtype, shape, packed = text.split(":")
    if not ARRAY_TYPE.match(dtype) or not ARRAY_SHAPE.match(shape):
        raise ValueError("no array of type %.40r and shape %.40r" % (dtype, shape))
    sizes = [int(n) for n in shape.split(",") if n]
    array = np.frombuffer(_inflated(packed, math.prod(sizes) * int(dtype[2:])), np.dtype(dtype))
    array = array.reshape(sizes)
    return array.astype(array.dtype.newbyteorder("="))


def _inflated(packed: str, size: int) -> bytes:
    """The bytes behind a text, which must be `size`: more are never made."""
    inflate = zlib.decompressobj()
    try:
        data = inflate.decompress(base64.b64decode(packed, validate=True), size + 1)
    except zlib.error as error:
        raise ValueError("no array (%s)" % error) from None
    if len(data) != size or not inflate.eof:
        raise ValueError("an array of %d bytes or more instead of %d" % (len(data), size))
    return data


def _default(value):
    if isinstance(value, np.ndarray):
        return {"__array__": pack_array(value)}
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError("%r has no text form" % type(value))


def _object_hook(value):
    return unpack_array(value["__array__"]) if "__array__" in value else value


def dump_json(value) -> bytes:
    """JSON on one line, arrays included, the same bytes for the same value."""
    text = json.dumps(value, default=_default, separators=(",", ":"), sort_keys=True)
    return text.encode("ascii")


def load_json(data):
    """The value behind `dump_json`."""
    return json.loads(data, object_hook=_object_hook)


class RecordProtocol:
    """mrjob protocol of every record between our steps: key TAB one line of JSON.

    mrjob's JSONProtocol encodes differently where ujson or simplejson happens to be installed,
    and grouping then splits; this one has a single spelling.
    """

    def read(self, line: bytes):
        key, value = line.split(b"\t", 1)
        return key.decode("ascii"), load_json(value)

    def write(self, key: str, value) -> bytes:
        return key.encode("ascii") + b"\t" + dump_json(value)
