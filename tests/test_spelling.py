"""Ids and labels as fields of a table, values as JSON."""

from __future__ import annotations

import json
import random
import re

import pytest
from howdah.errors import UserError
from howdah.spelling import field, json_text

BACK = {"\\\\": "\\", "\\t": "\t", "\\n": "\n", "\\r": "\r"}


def read_back(written: str) -> str:
    """As the documentation says how a field is read."""
    return re.sub(r"\\[\\tnr]", lambda found: BACK[found.group()], written)


@pytest.mark.parametrize("name, written", [
    ("a", "a"), (7, "7"), ("u\t0", r"u\t0"), ("a\\b", r"a\\b"), ("\\t", r"\\t"), ("a\nb", r"a\nb"),
    ("a\r\n", r"a\r\n"), ('say "a"', 'say "a"'), ("\u00fcber \u2028 \U0001f600",) * 2, ("", "")])
def test_fields(name, written):
    assert field(name) == written


def test_every_name_is_one_field_of_one_line_and_comes_back():
    rng = random.Random(0)
    for _ in range(2000):
        names = ["".join(rng.choices('\\tnr\t\n\r"\'a,', k=rng.randrange(8))) for _ in range(3)]
        line = "\t".join(map(field, names))
        assert "\n" not in line and "\r" not in line
        assert list(map(read_back, line.split("\t"))) == names


def test_values_are_json():
    value = {"id": "a\tb", "x": [0.1, None, 1e308]}
    assert json.loads(json_text(value)) == value
    assert json_text("\u00fc") == r'"\u00fc"'
    assert json_text("\u00fc", ascii_only=False) == '"\u00fc"'


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_json_cannot_say_is_refused(number):
    with pytest.raises(UserError, match="not finite, which JSON cannot say: .*%s" % (
            {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(number)])):
        json_text({"id": "q", "value": [1.0, number]})
