"""Counts of rows, and the bad rows that are shown."""

from __future__ import annotations

import json
import random

from howdah.input.lines import Block
from howdah.input.row_counts import FIRST_BYTES, SHOWN, RowCounts, describe, example_of, merged


def example(file, offset: int, start: int = 0, text: bytes = b"NA,1") -> dict:
    return example_of(Block(b"", file, start, 100), offset, text, "a reason")


def test_the_first_bad_rows_by_place_are_kept() -> None:
    row_counts = RowCounts()
    for offset in random.Random(1).sample(range(50), 50):
        row_counts.refuse(example("f", offset))
    assert row_counts.bad == 50
    assert [e["offset"] for e in row_counts.examples] == [100 + i for i in range(SHOWN)]


def test_merging_is_the_same_in_any_order() -> None:
    rng = random.Random(2)
    parts = []
    for part in range(6):
        row_counts = RowCounts(used=part, empty=1, headers=part % 2)
        for _ in range(part * 3):
            row_counts.refuse(example(rng.choice(["a", "b", None]), rng.randrange(40)))
        parts.append(row_counts)
    expected = merged(parts).to_dict()
    assert (expected["used"], expected["bad"], expected["empty"], expected["headers"]) == (
        15, 45, 6, 3)
    for _ in range(10):
        rng.shuffle(parts)
        left, right = merged(parts[:3]), merged(parts[3:])
        assert merged([left.to_dict(), right]).to_dict() == expected


def test_a_tally_travels_as_json() -> None:
    row_counts = RowCounts(used=3, empty=1)
    row_counts.refuse(example("f", 3, text=b"\xff\x00" + b"x" * 500))
    assert RowCounts.from_dict(json.loads(json.dumps(row_counts.to_dict()))) == row_counts
    assert row_counts.examples[0]["text"] == "\\xff\x00" + "x" * (FIRST_BYTES - 2)


def test_the_parts_of_the_summary_add_up() -> None:
    assert RowCounts(used=10, bad=2, empty=3, headers=1).summary() == (
        "16 lines read: 10 rows used, 2 bad rows skipped, 3 empty lines, 1 header lines")


def test_descriptions_name_the_place_as_well_as_it_is_known() -> None:
    assert describe(example("f", 3), 7) == "f, line 7: a reason: 'NA,1'"
    assert describe(example("f", 3)) == "f, byte 103: a reason: 'NA,1'"
    assert describe(example("f", 3, start=1000)) == (
        "f, byte 1103 or the line after: a reason: 'NA,1'")
    assert describe(example(None, 3)) == (
        "a row whose place this runner does not tell: a reason: 'NA,1'")
