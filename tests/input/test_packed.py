"""Packed blocks: round trips, mixtures, what the parser makes of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Optional

import numpy as np
import pytest
from howdah.errors import UserError
from howdah.input.layout import InputOptions
from howdah.input.lines import Block
from howdah.input.packed import lines_of, pack_rows, packed_layout, unpack_rows
from howdah.input.packed_format import PACKED_HEAD
from howdah.input.parse import Parser
from howdah.input.rows import LARGEST
from scipy.sparse import csr_matrix

X = np.array([[1.0, -2.0, 0.5], [0.0, 4.0, 8.0]])
SPARSE = csr_matrix(np.array([[0.0, 0.1, 0.0], [0.0, 0.0, 0.0], [2.0, 0.0, 3.0]]))


def packed(rows=X, names=("a", "b", "c"), *args, **options) -> bytes:
    return pack_rows(rows, names, *args, **options)


def unpacked(line: bytes, **asked):
    return unpack_rows(line, packed_layout(line, InputOptions(**asked), "in"))


def sentence(line: bytes, first: Optional[bytes] = None) -> str:
    """What is said of a block, behind a good first one."""
    layout = packed_layout(packed() if first is None else first, InputOptions(), "in")
    with pytest.raises(UserError) as refused:
        unpack_rows(line, layout)
    return str(refused.value)


# lines

@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b"\t\n"])
def test_ends_of_lines_do_not_matter(end):
    """Hadoop adds a tab where a line has no value."""
    line = packed()
    layout = packed_layout(line + end, InputOptions(), "in")
    (_, bare), = lines_of(line + end)
    assert unpack_rows(bare, layout).X.tolist() == X.tolist()


def test_lines_and_their_places():
    found = lines_of(b"\nab\r\n\n  \ncd\t \nef")
    assert [(at, bytes(line)) for at, line in found] == [(1, b"ab"), (9, b"cd"), (14, b"ef")]
    assert list(lines_of(b"")) == []


# round trips

@pytest.mark.parametrize("dtype", ["exact", "float32", "float64"])
@pytest.mark.parametrize("value", [0.1, 0.5, -0.0, 1e-300, 3.4e38, 16777217.0])
def test_dense_round_trip(dtype, value):
    rows = np.array([[value, 1.0], [2.0, 3.0]])
    back = unpacked(packed(rows, ["a", "b"], dtype=dtype)).X
    lossless = float(np.float32(value)) == value
    expected = "float64" if dtype == "float64" or dtype == "exact" and not lossless else "float32"
    assert back.dtype == expected
    assert back.tobytes("C") == rows.astype(expected).tobytes("C")


def test_exact_keeps_every_bit():
    rows = np.random.default_rng(1).normal(size=(50, 3)) * 10.0 ** np.arange(-100, 200, 100)
    assert (unpacked(packed(rows)).X == rows).all()


def test_float32_input_stays_float32():
    rows = np.random.default_rng(1).normal(size=(50, 3)).astype(np.float32)
    back = unpacked(packed(rows)).X
    assert back.dtype == np.float32 and (back == rows).all()


@pytest.mark.parametrize("dtype", ["exact", "float32", "float64"])
def test_sparse_round_trip(dtype):
    line = pack_rows(SPARSE, 1, dtype=dtype)
    values, columns, lengths = unpacked(line).X
    kind = np.float32 if dtype == "float32" else np.float64
    assert values.tolist() == SPARSE.data.astype(kind).tolist()
    assert columns.tolist() == [1, 0, 2] and lengths.tolist() == [1, 0, 2]


@pytest.mark.parametrize("first", [0, 1])
def test_sparse_columns_keep_their_numbers(first):
    assert packed_layout(pack_rows(SPARSE, first), InputOptions(), "in").zero_based == (first == 0)


def test_a_sparse_block_without_a_value():
    values, columns, lengths = unpacked(pack_rows(csr_matrix((2, 3)), 0)).X
    assert len(values) == len(columns) == 0 and lengths.tolist() == [0, 0]


@pytest.mark.parametrize("words", [["", ""], ["a", ""], [" a ", "\u00fc\u6f22\U0001f600"],
                                   ["nul\0", "\0"], ["x" * 100_000, "y"], ["tab\there", '"']])
def test_texts_come_back(words):
    back = unpacked(packed(texts={"id": words, "label": words[::-1]}))
    assert back.texts == {"id": words, "label": words[::-1]}


def test_weights_come_back():
    assert unpacked(packed(X, weights=np.array([0.1, 1e300]))).weights.tolist() == [0.1, 1e300]


def test_columns_may_be_ignored_when_reading():
    assert unpacked(packed(), ignore_columns=("a",)).X.tolist() == X[:, 1:].tolist()
    layout = packed_layout(packed(), InputOptions(ignore_columns=("b",)), "in")
    assert layout.columns == ("a", "c") and layout.numeric == (0, 2)


def test_columns_may_be_wanted_in_another_order():
    layout = packed_layout(packed(), InputOptions(), "in")
    turned = replace(layout, columns=("c", "a", "b"), numeric=(2, 0, 1))
    assert unpack_rows(packed(), turned).X.tolist() == X[:, [2, 0, 1]].tolist()


# refusals

def test_a_value_beyond_float32():
    rows = np.array([[1.0, 3.5e38], [0.0, 0.0]])
    with pytest.raises(UserError) as refused:
        packed(rows, ["a", "b"], dtype="float32")
    assert str(refused.value) == ("The value 3.5e+38 is beyond the range of float32 (3.4e38); pack"
                                  " with --dtype float64 or exact.")
    assert unpacked(packed(rows, ["a", "b"])).X.dtype == np.float64
    with pytest.raises(UserError, match="The value -1e\\+39 is beyond"):
        pack_rows(csr_matrix([[-1e39]]), 1, dtype="float32")
    assert unpacked(packed(np.array([[LARGEST]]), ["a"])).X.tolist() == [[1e300]]


def test_a_cut_block_is_damaged_wherever_it_is_cut():
    line = packed(texts={"id": ["one", "four"]})  # eight bytes: no padding behind them
    for size in range(len(PACKED_HEAD), len(line)):
        assert sentence(line[:size]).startswith("A packed block is damaged (")
        assert sentence(line[:size]).endswith("); pack the input again.")


def test_other_lines_behind_blocks():
    assert sentence(b"1,2,3") == (
        "The input begins with packed blocks, but holds other lines too (b'1,2,3'); keep packed and"
        " text files apart.")


def test_blocks_of_different_kinds():
    assert sentence(pack_rows(SPARSE, 1)) == (
        "The input mixes dense and sparse packed blocks; keep them apart.")
    assert sentence(packed(), pack_rows(SPARSE, 1)) == (
        "The input mixes dense and sparse packed blocks; keep them apart.")
    assert sentence(packed(X[:, :2], ["a", "b"])) == (
        "A packed block has 2 columns, but the first has 3; keep them apart.")
    assert sentence(packed(X, ["a", "c", "b"])) == (
        "A packed block has the columns a, c, b, but the first has a, b, c; keep them apart.")


def test_blocks_with_and_without_weights_or_texts():
    weighted, named = packed(weights=np.ones(2)), packed(texts={"id": ["a", "b"]})
    for line, first in ((weighted, packed()), (packed(), weighted)):
        assert sentence(line, first) == (
            "The input mixes packed blocks with and without weights; keep them apart.")
    assert sentence(packed(), named) == (
        "A packed block has no column for --id-column, but the first has one; keep them apart.")


def test_wishes_that_the_packed_input_cannot_serve():
    for asked, message in (
            ({"id_column": "name"}, "in is packed without a column for --id-column; name it when"
                                    " packing."),
            ({"weight_column": "w"}, "in is packed without weights; give --weight-column when"
                                     " packing."),
            ({"ignore_columns": ("z",)}, "--ignore-columns names 'z', but in was packed with the"
                                         " columns a, b, c.")):
        with pytest.raises(UserError) as refused:
            packed_layout(packed(), InputOptions(**asked), "in")
        assert str(refused.value) == message


# what the parser makes of them

@pytest.mark.parametrize("rows, columns", [
    (np.array([[0.0, 1.0], [0.0, 0.0], [2.0, 0.0]]), ["a", "b"]),
    (csr_matrix(([1.0, 0.0, 2.0], [1, 1, 0], [0, 1, 2, 3]), shape=(3, 2)), 1)])
def test_rows_of_zeros_have_no_direction(rows, columns):
    """As in text: for cosine they are bad rows, and for other metrics rows like all others."""
    line = pack_rows(rows, columns, texts={"id": ["p", "q", "r"]})
    layout = packed_layout(line, InputOptions(), "in")
    for nonzero, ids in ((False, ["p", "q", "r"]), (True, ["p", "r"])):
        parser = Parser(layout, nonzero=nonzero, keep_refused=True)
        pieces = list(parser.parse(Block(b"\n" + line + b"\n", "part-00000", 0, 100)))
        assert [name for piece in pieces for name in piece.texts["id"]] == ids
        assert sum(map(len, pieces)) == parser.row_counts.used == len(ids)
        assert parser.row_counts.bad == 3 - len(ids)
    X = pieces[0].X
    assert (X[0].tolist() if isinstance(X, tuple) else X.tolist()) in (
        [1.0, 2.0], [[0.0, 1.0], [2.0, 0.0]])
    assert parser.take_refused() == [{
        "file": "part-00000", "start": 0, "offset": 101, "text": "row 2 of the block",
        "reason": "all values are zero, which has no direction for cosine"}]
