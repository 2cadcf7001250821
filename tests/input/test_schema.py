"""The schema: its digest is that of what decides which column is which, and of nothing else."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from howdah.input.detect import detect
from howdah.input.layout import InputOptions, Layout
from howdah.input.schema import Schema

DENSE = detect(b"id,a,b\nx,1,2\n", InputOptions(id_column="id")).schema("cosine", False)
SPARSE = Layout("svmlight", width=3).schema()


def test_a_layout_tells_its_schema() -> None:
    assert DENSE == Schema(("a", "b"), "csv", True, False, 2, "cosine", False)
    assert SPARSE == Schema(None, "svmlight", width=3)
    assert detect(b"1,2\n").schema() == Schema(("0", "1"), "csv", width=2)
    assert SPARSE.sparse and not DENSE.sparse


@pytest.mark.parametrize("schema", [DENSE, SPARSE])
def test_a_schema_comes_back_from_json(schema: Schema) -> None:
    assert Schema.from_dict(json.loads(json.dumps(schema.to_dict()))) == schema


@pytest.mark.parametrize("schema", [
    replace(DENSE, columns=("b", "a")), replace(DENSE, columns=("a", "c")),
    replace(DENSE, columns=("a,b",)), SPARSE,
    replace(DENSE, columns=None)])
def test_other_columns_have_another_digest(schema: Schema) -> None:
    assert schema.digest() != DENSE.digest()


@pytest.mark.parametrize("schema", [
    replace(DENSE, format="packed"), replace(DENSE, metric="euclidean"),
    replace(DENSE, columns=(" a", "b ")), replace(DENSE, zero_based=True),
    replace(DENSE, named=False)])
def test_what_does_not_tell_columns_apart_is_no_part_of_it(schema: Schema) -> None:
    assert schema.digest() == DENSE.digest()
    assert len(DENSE.digest()) == 16


@pytest.mark.parametrize("schema", [replace(SPARSE, zero_based=True), replace(SPARSE, width=4),
                                    replace(SPARSE, width=None)])
def test_sparse_columns_are_told_by_base_and_width(schema: Schema) -> None:
    assert schema.digest() != SPARSE.digest()
