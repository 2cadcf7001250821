"""The bytes of packed blocks: by hand, of version 1, and what is refused of them."""

from __future__ import annotations

import base64
import json
import random
import zlib
from functools import partial

import numpy as np
import pytest
from howdah.checksum import checksum
from howdah.errors import UserError
from howdah.input.layout import InputOptions
from howdah.input.packed import pack_rows, packed_layout, unpack_rows
from howdah.input.packed_format import DAMAGES, decoded, encoded, first_block, header_bytes
from howdah.input.schema import Schema
from scipy.sparse import csr_matrix

f4, f8, i4 = (partial(np.array, dtype=kind) for kind in ("<f4", "<f8", "<i4"))
X = np.array([[1.0, -2.0, 0.5], [0.0, 4.0, 8.0]])
SPARSE = csr_matrix(np.array([[0.0, 0.1, 0.0], [0.0, 0.0, 0.0], [2.0, 0.0, 3.0]]))
DENSE = {"rows": 1, "width": 2, "columns": ["a", "b"], "schema": "digest"}
VALUES = {"X": f4([[1], [2]])}
SPARSE_TOLD = {"rows": 2, "width": 3, "columns": 1, "schema": None}
SPARSE_VALUES = {"values": f4([1, 2, 3]), "columns": i4([0, 2, 1]),
                 "lengths": i4([2, 1])}


def made(header, arrays: bytes = b"") -> bytes:
    """A line of version 1 with any JSON as its header."""
    text = json.dumps(header).encode()
    text += b" " * (-(4 + len(text)) % 8)
    return b"howdah1:" + base64.b64encode(len(text).to_bytes(4, "little") + text + arrays)


def reason(line: bytes) -> str:
    """Why a line is no block."""
    with pytest.raises(DAMAGES) as refused:
        decoded(line)
    return str(refused.value)


def test_the_smallest_block_by_hand():
    array = b"\0\0\xc0\x3f" + b"\0" * 4  # 1.5 is 0x3fc00000
    schema = Schema(("x",), "packed", width=1).digest()
    header = ('{"rows":1,"width":1,"columns":["x"],"schema":"%s","arrays":[["X","<f4",[1,1]]],'
              '"checksum":%d}' % (schema, zlib.crc32(array))).encode()
    head = len(header).to_bytes(4, "little") + header
    data = zlib.crc32(head).to_bytes(4, "little") + head
    data = data.ljust(-(-len(data) // 8) * 8, b"\0") + array
    assert pack_rows(np.array([[1.5]]), ["x"]) == b"howdah2:" + base64.b64encode(data)


def test_points_lie_by_columns():
    line = pack_rows(X, list("abc"))
    assert base64.b64decode(line[8:])[-24:] == f4([1, 0, -2, 4, 0.5, 8]).tobytes()


def test_a_block_is_one_line_of_text():
    line = pack_rows(np.random.default_rng(0).normal(size=(1000, 3)), list("abc"))
    assert line.isascii() and line.decode().isprintable() and b"\t" not in line


def test_blocks_behind_the_first_do_not_repeat_the_names():
    names = ["column number %d" % i for i in range(1000)]
    rows = np.ones((2, 1000))
    first, later = pack_rows(rows, names), pack_rows(rows, names, first=False)
    assert len(first) > 3 * len(later) and len(later) < 12_000
    header, _ = decoded(later)
    assert header.columns is None and header.schema == decoded(first)[0].schema


def test_the_header_needs_the_beginning_of_the_line_only():
    rows = np.random.default_rng(0).normal(size=(300, 3))
    for line in (pack_rows(rows, list("abc"), texts={"id": ["\u00fc%d" % i for i in range(300)]}),
                 made({"rows": 1, "width": 1, "columns": ["a"], "arrays": [["X", "<f4", [1, 1]]]},
                      bytes(8))):
        line += b"\n"
        needed = header_bytes(line[:100])
        for size in (needed, needed + 1, needed + 2, needed + 3, len(line)):
            header, length = first_block((line + line)[:size])
            assert header.rows in (1, 300) and length == len(line)
    assert header_bytes(b"1,2,3\n") == header_bytes(b"howdah2:?") == 0


# version 1

def test_a_block_of_version_1_by_hand():
    header = b'{"rows":1,"width":1,"columns":["x"],"arrays":[["X","<f4",[1,1]]]}'
    data = b"\x41\0\0\0" + header + b"\0" * 3 + b"\0\0\xc0\x3f" + b"\0" * 4
    line = b"howdah1:" + base64.b64encode(data)
    layout = packed_layout(line, InputOptions(), "in")
    assert layout.columns == ("x",) and unpack_rows(line, layout).X.tolist() == [[1.5]]
    # and beside blocks of this version
    layout = packed_layout(pack_rows(np.array([[2.5]]), ["x"]), InputOptions(), "in")
    assert unpack_rows(line, layout).X.tolist() == [[1.5]]


@pytest.mark.parametrize("line, said", [
    (b"howdah1:", "Expecting value: line 1 column 1 (char 0)"),
    (b"howdah1:what is this", ""),
    (made([1, 2]), "its header has no arrays, columns, rows, width"),
    (made({"rows": 1, "arrays": []}), "its header has no columns, width"),
    (made({"rows": 1, "width": 1, "columns": ["a"], "arrays": [["X", "<f4", [1, 1]]]}),
     "it has 80 bytes instead of 88"),
    (made({"rows": 1, "width": 1, "columns": ["a"], "arrays": [["X", "what", [1, 1]]]}),
     "its header lists an array 'X' of type 'what'"),
    (made({"rows": 1, "width": 3, "columns": ["a", "b", "c"], "arrays": []}),
     "its arrays [] are not those of 1 rows and 3 columns"),
])
def test_foreign_blocks(line, said):
    assert reason(line).startswith(said)
    with pytest.raises(UserError, match="in: A packed block is damaged|A packed block is damaged"):
        unpack_rows(line, packed_layout(line, InputOptions(), "in"))


@pytest.mark.parametrize("version", [0, 3, 99])
def test_a_later_version_is_refused_by_its_number(version):
    line = b"howdah%d:AAAA" % version
    with pytest.raises(UserError, match="packed blocks of version %d, but this howdah reads"
                                        " versions 1 and 2; pack the input again" % version):
        unpack_rows(line, packed_layout(pack_rows(X, list("abc")), InputOptions(), "in"))
    with pytest.raises(UserError, match="^in: The input holds packed blocks of version"):
        packed_layout(line, InputOptions(), "in")


# what a header may say, whatever its checksum

@pytest.mark.parametrize("changed", [
    {"rows": 0}, {"rows": -1}, {"rows": True}, {"rows": 2}, {"rows": 1.0}, {"rows": 1 << 40},
    {"rows": None}, {"width": 1}, {"width": 3}, {"columns": 0}, {"columns": ["a"]},
    {"columns": ["a", 1]}, {"columns": "ab"}, {"columns": {"a": 1, "b": 2}}, {"schema": None},
    {"schema": 7}])
def test_headers_that_do_not_fit(changed):
    assert decoded(encoded(DENSE, VALUES))[0].rows == 1
    assert reason(encoded({**DENSE, **changed}, VALUES))


@pytest.mark.parametrize("arrays", [
    {}, {"Y": VALUES["X"]}, {"X": f4([1, 2])}, {"X": f4([[1, 2]])},
    {"X": np.array([[1], [2]], "i8")}, {"X": np.array([[1], [2]], "f2")},
    {"X": np.array([[1], [2]], "c8")},
    {"X": f4([[1], [np.nan]])}, {"X": f4([[1], [-np.inf]])},
    {"X": f8([[1], [2e300]])}, {**VALUES, "values": f4([1])},
    {**VALUES, "weights": f8([1, 2])}, {**VALUES, "weights": f8([-1])},
    {**VALUES, "weights": f8([np.nan])}, {**VALUES, "weights": f4([1])},
    {**VALUES, "text.id": np.array([65, 10, 66], "u1")},
    {**VALUES, "text.id": np.array([65], "i1")},
    {"weights": f8([1]), **VALUES}])
def test_arrays_that_are_no_dense_rows(arrays):
    assert reason(encoded(DENSE, arrays))


@pytest.mark.parametrize("changed", [
    {"columns": [0, 1, -500000000]}, {"columns": [0, 3, 1]}, {"columns": [2, 0, 1]},
    {"columns": [1, 1, 1]}, {"columns": [0, 1]}, {"lengths": [3, 1]}, {"lengths": [4, -1]},
    {"lengths": [2 ** 31 - 1, 4]}, {"lengths": [3]}, {"lengths": [1, 1, 1]}, {"values": [1.0, 2.0]},
    {"values": [1.0, np.nan, 2.0]}])
def test_arrays_that_are_no_sparse_rows(changed):
    assert decoded(encoded(SPARSE_TOLD, SPARSE_VALUES))[0].sparse
    wrong = {name: np.array(changed.get(name, held), held.dtype)
             for name, held in SPARSE_VALUES.items()}
    assert reason(encoded(SPARSE_TOLD, wrong))


def test_arrays_that_stand_twice():
    line = pack_rows(X, list("abc"))
    data = base64.b64decode(line[8:])
    header = json.loads(data[8:8 + int.from_bytes(data[4:8], "little")])
    header["arrays"] *= 2
    assert "its arrays" in reason(made(header, data[-24:] * 2))


# damage

LINES = {"dense": pack_rows(X, list("abc"), np.ones(2), {"id": ["one", "four"]}),
         "later": pack_rows(X, list("abc"), np.ones(2), {"id": ["one", "four"]}, first=False),
         "sparse": pack_rows(SPARSE, 1, texts={"id": ["p", "q", "r"]})}


def answer(line: bytes, layout) -> str:
    rows = unpack_rows(line, layout)
    return repr((np.asarray(rows.X, dtype=object).tolist(), rows.weights, rows.texts))


@pytest.mark.parametrize("kind", LINES)
def test_each_bit_of_a_block_counts(kind):
    line = LINES[kind]
    layout = packed_layout(LINES["sparse" if kind == "sparse" else "dense"], InputOptions(), "in")
    data = base64.b64decode(line[8:])
    size = int.from_bytes(data[4:8], "little")
    padding = range(8 * (8 + size), 8 * -(-(8 + size) // 8 * 8))
    for bit in {*range(8 * len(data))} - {*padding}:
        wrong = bytearray(data)
        wrong[bit // 8] ^= 1 << bit % 8
        with pytest.raises(UserError, match="is damaged"):
            unpack_rows(line[:8] + base64.b64encode(wrong), layout)


@pytest.mark.parametrize("kind", LINES)
def test_no_other_characters_give_other_rows(kind):
    rng = random.Random(kind)
    line = LINES[kind]
    layout = packed_layout(LINES["sparse" if kind == "sparse" else "dense"], InputOptions(), "in")
    for _ in range(1000):
        wrong = bytearray(line)
        for _ in range(rng.randint(1, 4)):
            wrong[rng.randrange(len(wrong))] = rng.randrange(256)
        try:
            assert answer(bytes(wrong), layout) == answer(line, layout)
        except UserError:
            pass


def test_words_that_change_places_change_the_checksum():
    words = np.random.default_rng(0).integers(0, 1 << 62, 8192).astype("<u8")
    seen = {checksum(words.tobytes())}
    for a, b in ((0, 1), (0, 512), (5, 7000), (8190, 8191), (3, 3 + 512 * 7)):
        turned = words.copy()
        turned[[a, b]] = words[[b, a]]
        seen.add(checksum(turned.tobytes()))
    rows = words.reshape(-1, 512)
    seen |= {checksum(rows[::-1].tobytes()), checksum(rows[:, ::-1].tobytes()),
             checksum(words[:-1].tobytes()), checksum(words.tobytes() + b"\0"), checksum(b"")}
    assert len(seen) == 11
