"""Text: each format's rows, clean and odd, whole and damaged; what detection makes of them."""

from __future__ import annotations

import json
from dataclasses import replace
from random import Random
from typing import Any, Callable

from howdah.clustering.head import read_head
from howdah.input.detect import detect
from howdah.input.layout import FORMATS, InputOptions, Layout
from howdah.input.lines import Block
from howdah.input.parse import Parser
from howdah.launch.inputs import Inputs
from howdah.task.records import dump_json, load_json
from odd_rows import ODD_FIELDS, ODD_LINES, ODD_TEXTS, number
from parsing import check_counts, parsed, read_row_by_row

from fuzz.mutation import damaged
from fuzz.reader import Reader, Wrong

DELIMITERS = {"csv": ",", "tsv": "\t", "semicolons": ";", "pipes": "|", "quotes": "'",
              "sections": "\u00a7", "blank": " "}
NUMBERS = [b"0", b"-0", b"1", b"-1", b"2.5", b"1e5", b"1E-3", b"0.1", b"1e300", b"-1e300",
           b"5e-324", b"9007199254740993", b"18446744073709551615", b"0.30000000000000004",
           b"1e22", b"4.35",
           b"2.2250738585072011e-308", b"+1", b".5", b"5.", b"007", b"1e+05"]
WHAT = ("values", "weights", "lines", "texts", "counts", "refused rows")
COLUMNS = [None] * 8 + ["0", "1", "-1", "9", "c0", "c1", "k0", "", "target", "x"]


def value(rng: Random, odd: float) -> bytes:
    if rng.random() < odd:
        return rng.choice(ODD_FIELDS)
    return number(rng) if rng.random() < .5 else rng.choice(NUMBERS)


def text(rng: Random, odd: float) -> bytes:
    return rng.choice(ODD_TEXTS) if rng.random() < odd else b"id%d" % rng.randrange(99)


def parts(rng: Random, fields: int) -> dict:
    """Which field of a row is what."""
    free = rng.sample(range(fields), fields)
    texts = {role: free.pop() for role in ("id", "label") if len(free) > 1 and rng.random() < .3}
    weight = free.pop() if len(free) > 1 and rng.random() < .2 else None
    ignored = [free.pop()] if len(free) > 1 and rng.random() < .2 else []
    numeric = tuple(free if rng.random() < .1 else sorted(free))
    return {"fields": fields, "numeric": numeric, "weight": weight, "texts": texts,
            "columns": tuple("c%d" % i for i in numeric),
            "unread_texts": tuple(sorted({*ignored, *texts.values()}))}


def delimited(rng: Random, kind: str, odd: float) -> tuple[Layout, Callable]:
    delimiter = DELIMITERS[kind]
    layout = Layout(kind if kind in FORMATS else "csv", delimiter, **parts(rng, rng.randint(1, 6)))
    if rng.random() < .3:
        names = ["%s%d" % (rng.choice(("c", "")), i) for i in range(layout.fields)]
        layout = replace(layout, header=delimiter.join(names))

    def row() -> bytes:
        held = [text(rng, odd) if i in layout.unread_texts else value(rng, odd)
                for i in range(layout.fields)]
        if rng.random() < odd / 4:
            held = rng.choice([held[:-1], held + [b"1"], [b'"%s"' % field for field in held]])
        between = delimiter.encode()
        return (between if kind != "blank" else rng.choice((b" ", b" ", b"\t ", b"  "))).join(held)

    return layout, row


def json_lines(rng: Random, kind: str, odd: float) -> tuple[Layout, Callable]:
    layout = Layout("jsonl", **parts(rng, rng.randint(1, 5)))
    words = {*layout.texts.values()} | {i for i in layout.unread_texts if rng.random() < .7}
    layout = replace(layout, unread_texts=())
    keys = [rng.choice(("k%d", "k %d", "\u00e9%d")) % i for i in range(layout.fields)]
    comma, colon = rng.choice((b",", b", ")), rng.choice((b":", b": "))

    def one(i: int) -> bytes:
        if (i in words) == (rng.random() < odd / 4):
            return value(rng, odd)
        return json.dumps(text(rng, odd).decode("utf-8", "replace"),
                          ensure_ascii=rng.random() < .5).encode()

    def array() -> bytes:
        held = [one(i) for i in range(layout.fields)] + [b"1"] * (rng.random() < odd / 8)
        return b"[" + comma.join(held) + b"]"

    def keyed() -> bytes:
        held = [json.dumps(key).encode() + colon + one(i) for i, key in enumerate(keys)]
        if rng.random() < odd / 2:
            held = rng.choice([held[:-1], held + held[:1], held[::-1]])
        return b"{" + comma.join(held) + b"}"

    if kind == "arrays":
        return layout, array
    return replace(layout, keys=tuple(keys)), keyed


def svmlight(rng: Random, kind: str, odd: float) -> tuple[Layout, Callable]:
    layout = Layout("svmlight", " ", zero_based=rng.random() < .3,
                    width=rng.choice((None, None, 5, 50)),
                    texts=rng.choice(({}, {"id": 0}, {"label": 0})))
    first = 0 if layout.zero_based else 1
    places = range(first, first + (layout.width or 60))

    def row() -> bytes:
        indices = sorted(rng.sample(places, rng.randrange(5)))
        if rng.random() < odd / 4:
            rng.shuffle(indices)
        held = [b"%s:%s" % (b"%d" % i if rng.random() > odd / 8 else rng.choice(ODD_FIELDS),
                            value(rng, odd)) for i in indices]
        if rng.random() < odd / 4:
            held.insert(rng.randrange(len(held) + 1), rng.choice(
                (b"qid:3", b"5", b"5:", b":5", b"5::1", b"# 1:2", b"4294967297:1", b"-1:2")))
        target = text(rng, odd) if rng.random() < odd else rng.choice((b"1", b"-1", b"u1"))
        return b" ".join([target, *held]) + rng.choice((b"", b"", b" ", b" # c"))

    return layout, row


WRITERS: dict = {**{kind: delimited for kind in DELIMITERS}, "objects": json_lines,
                 "arrays": json_lines, "svmlight": svmlight}


def written(rng: Random, kind: str) -> tuple[Layout, bytes]:
    """A layout and a text of it, a few rows mostly."""
    odd = rng.choice((0, 0, .02, .1, .3, .6))
    layout, row = WRITERS[kind](rng, kind, odd)
    lines = [row() for _ in range(rng.choice((1, 2, 3, 5, 5, 5, 26, 60)))]
    if layout.header is not None and rng.random() < .7:
        lines.insert(rng.choice((0, 0, 0, len(lines) // 2)), layout.header.encode())
    for _ in range(rng.choice((0, 0, 1, 2)) if odd else 0):
        lines.insert(rng.randrange(len(lines) + 1), rng.choice(ODD_LINES))
    ending = rng.choice((b"\n", b"\n", b"\r\n"))
    data = ending.join(lines) + rng.choice((b"", ending, ending))
    if rng.random() < odd:
        data = damaged(rng, data)
    return layout, (b"\xef\xbb\xbf" if rng.random() < .02 else b"") + data or b"1"


def make_text(kind: str) -> Callable[[Random], tuple]:
    def make(rng: Random) -> tuple:
        return (*written(rng, kind), {"keep_lines": rng.random() < .3, "nonzero": rng.random() < .2,
                                      "keep_refused": True})
    return make


def read_text(given: tuple) -> bool:
    """Whole blocks, in both readings, say what single rows say; every line counts once."""
    layout, data, options = given
    expected = read_row_by_row(data, layout, **options)
    for reading in (0, 1):
        parser = Parser(layout, **options)
        parser._reading = reading
        found = parsed(parser, [Block(data)])
        if found != expected:
            raise Wrong("reading %d says others than single rows: %s" % (reading, ", ".join(
                what for what, mine, theirs in zip(WHAT, found, expected) if mine != theirs)))
    check_counts(data, *expected[-2:])
    return expected[-2]["used"] > 0


def make_head(rng: Random) -> tuple:
    layout, data = written(rng, rng.choice(sorted(WRITERS)))
    if rng.random() < .3:
        data = damaged(rng, data, 12)
    if rng.random() < .05:
        data = rng.getrandbits(400).to_bytes(50, "little")
    return data, rng.choice((InputOptions(), options_for(layout), any_options(rng)))


def options_for(layout: Layout) -> InputOptions:
    """What its user would say of a text."""
    texts = {role: str(i) for role, i in layout.texts.items()}
    ignored = {*layout.unread_texts} - {*layout.texts.values()}
    return InputOptions(
        delimiter=layout.delimiter if layout.delimiter in "|'\u00a7" else None,
        id_column=texts.get("id"), label_column=texts.get("label"),
        weight_column=None if layout.weight is None else str(layout.weight),
        ignore_columns=tuple(map(str, ignored)), zero_based=layout.zero_based)


def any_options(rng: Random) -> InputOptions:
    return InputOptions(
        format=rng.choice([None] * 20 + [*FORMATS]),
        delimiter=rng.choice([None] * 20 + [*DELIMITERS.values(), "#", "ab", "\0"]),
        header=rng.choice((None, None, True, False)), id_column=rng.choice(COLUMNS),
        weight_column=rng.choice(COLUMNS), label_column=rng.choice(COLUMNS),
        target_column=rng.choice(COLUMNS), zero_based=rng.random() < .2,
        ignore_columns=rng.choice(((), (), (), ("c1",), ("0",), ("-1", "0"))))


class OneFile:
    """A file system that has one file."""

    def __init__(self, data: bytes):
        self.data = data

    def head(self, path: str, size: int) -> bytes:
        return self.data[:size]


def read_head_of(given: tuple) -> bool:
    """The layout keeps what the user asked for, survives its JSON, and reads the text it is of."""
    data, asked = given
    layout = detect(data, asked, "the input")
    if asked.format not in (None, layout.format):
        raise Wrong("another format than the user's")
    if asked.delimiter not in (None, layout.delimiter) and layout.format in ("csv", "tsv", "blank"):
        raise Wrong("another delimiter than the user's")
    if asked.header is not None and layout.format in ("csv", "tsv", "blank") and (
            asked.header != (layout.header is not None)):
        raise Wrong("another answer than the user's to whether there is a header")
    if Layout.from_dict(load_json(dump_json(layout.to_dict()))) != layout:
        raise Wrong("the layout does not survive its JSON")
    inputs: Any = Inputs([("the input", len(data))], layout)
    if read_head(inputs, OneFile(data)).rows < 0:
        raise Wrong("less than no rows")
    parser = Parser(layout, keep_refused=True)
    found = parsed(parser, [Block(data)])
    if layout.format != "packed":
        check_counts(data, *found[-2:])
    return found[-2]["used"] > 0


TEXTS = [*(Reader(kind, make_text(kind), read_text) for kind in WRITERS),
         Reader("detection", make_head, read_head_of)]
