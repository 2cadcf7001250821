"""Damage: bytes that are changed, lost, doubled or put in; JSON values that are others."""

from __future__ import annotations

import json
from random import Random
from typing import Any

PIECES = [
    b"\0", b"\n", b"\r", b"\r\n", b"\t", b" ", b",", b";", b'"', b'""', b"'", b"{", b"}", b"[",
    b"]", b":", b"#", b"-", b"+", b".", b"e", b"\\", b"_", b"nan", b"inf", b"-0", b"null", b"true",
    b"NA", b"1e300", b"1e301", b"1e400", b"5e-324", b"0x1", b"1_0", b"007", b".5", b"5.", b"9" * 20,
    b"9" * 400, b"\xef\xbb\xbf", b"\xff", b"\xc3\xa9", b"\xc2\xa0", b"\xe2\x80\xa8", b"\x0b",
    b"\x0c", b"\x1c", b"\x7f", b"{}", b"[]", b"bad\t"]
VALUES: list = [
    None, True, False, 0, 1, -1, 2, 3, 10 ** 12, 2 ** 31, 2 ** 53 + 1, 2 ** 63, 2 ** 64, 10 ** 30,
    1.5, -0.0, 1e300, 1e301, float("nan"), float("inf"), "", "x", "1", "nan", "\u00e9", "\ud800",
    "a\nb", [], {}, [[]], [1], [-1], ["x"], [0.5, "x"], [10 ** 12], [2, 10 ** 12], [10 ** 12] * 3,
    {"x": 1}, [[[1]]], "<f8", ">f8", "<f4", "<i4", "<i8", "O", "V8", "|V0", "S0", "U2", "M8[s]",
    "c16", "b1", "(3,)f8", "(1000000000,)f8", "f8,f4", "f8,(", "<f8:4:AAAA", "<f8:-1:", "::",
    "euclidean", "cosine"]


def damaged(rng: Random, data: bytes, most: int = 4) -> bytes:
    """`data` after up to `most` changes."""
    held = bytearray(data)
    for _ in range(rng.randint(1, most)):
        change(rng, held)
    return bytes(held)


def change(rng: Random, held: bytearray) -> None:
    at = rng.randrange(len(held) + 1)
    kind = rng.randrange(7)
    if kind == 0:
        held[at:at + 1] = bytes([rng.randrange(256)])
    elif kind == 1 and at < len(held):
        held[at] ^= 1 << rng.randrange(8)
    elif kind == 2:
        held[at:at] = rng.choice(PIECES)
    elif kind == 3:
        held[at:at + 1] = rng.choice(PIECES)
    elif kind == 4:
        del held[at:at + rng.choice((1, 1, 2, 4, 16, 100))]
    elif kind == 5:
        begin = rng.randrange(len(held) + 1)
        held[at:at] = held[begin:begin + rng.choice((1, 4, 16, 64))]
    else:
        held[at:at + 1] = rng.choice(b"0123456789,.eE+-\"{}[]: \t\r\n#").to_bytes(1, "little")


def damaged_value(rng: Random, value: Any) -> Any:
    """A JSON value with one other inside it, or another altogether."""
    if rng.random() < .2:
        return rng.choice(VALUES)
    if isinstance(value, dict) and value:
        return _damaged_dict(rng, value)
    if isinstance(value, list) and value:
        return _damaged_list(rng, value)
    if type(value) is int and rng.random() < .5:
        return value + rng.choice((-1, 1, 10, 10 ** 12))
    return rng.choice(VALUES)


def _damaged_dict(rng: Random, value: dict) -> dict:
    key, kind = rng.choice(sorted(value)), rng.random()
    changed = dict(value)
    if kind < .1:
        del changed[key]
    elif kind < .15:
        changed[key + "x"] = changed[key]
    else:
        changed[key] = damaged_value(rng, changed[key])
    return changed


def _damaged_list(rng: Random, value: list) -> list:
    at, kind = rng.randrange(len(value)), rng.random()
    changed = list(value)
    if kind < .1:
        del changed[at]
    elif kind < .2:
        changed.insert(at, changed[at])
    elif kind < .25:
        changed.insert(at, rng.choice(VALUES))
    else:
        changed[at] = damaged_value(rng, changed[at])
    return changed


def damaged_json(rng: Random, text: bytes) -> bytes:
    """Valid JSON with other values, or its text with other bytes."""
    if rng.random() < .3:
        return damaged(rng, text)
    value = json.loads(text)
    for _ in range(rng.choice((1, 1, 2, 3))):
        value = damaged_value(rng, value)
    return json.dumps(value).encode()
