"""Random rows of every format that the parser reads, clean ones and odd ones, for its tests."""

from __future__ import annotations

import random
from typing import Callable, List

from howdah.input.layout import Layout

ODD_FIELDS = [
    b"", b" ", b"NA", b"nan", b"NaN", b"-inf", b"Infinity", b"1e400", b"-1e400", b"1e301", b"1e300",
    b"+1", b"+-1", b"-+1", b"--1", b"+", b"-", b".", b"-.", b".5", b"-.5", b"5.", b"5.e3", b"1.e",
    b"007", b"-00.5", b"0x10", b"1_000", b"1e5", b"1E-5", b"1e", b"e5", b"-0", b"-0.0", b"0e0",
    b"18446744073709551615", b"18446744073709551616", b"9007199254740993", b"-9223372036854775809",
    b"1" * 400, b"0." + b"1" * 900, b"0." + b"0" * 400 + b"1", b"1" * 5000, b"5e-324", b"2e-324",
    b"0.1000000000000000055511151231257827", b"1.7976931348623159e308", b"123456789012345678e-5",
    b"[1", b"1]", b"[1]", b"[", b"]", b"{1}", b"{", b"1,2", b"1\t2", b"1 2", b"1;2", b" 7 ", b"\t7",
    b'"1"', b'"1', b'1"', b'1"2', b'""', b'"a ""b"""', b'"1,2"', b"'1'", b"true", b"null", b"#",
    b":", b"1:2", b"3:", b"\xff", b"1\x00", b"\x00", "\u0661".encode(), "1\u00a0".encode(),
    b"1\x0b", b"\x0c1", b"1\x1c2", b"\r1", b"1\r", b"\xef\xbb\xbf1", b"\\", b"\\u0031",
    b"1e301,1e301", b"//1"]
ODD_TEXTS = [
    b"", b"a b", b"x,y", b'"x,y"', b'"q"', b'say "hi"', b'"say ""hi"""', b"\xff", b"a\x00b",
    "\u00e9t\u00e9".encode(), "a\u00a0b".encode(), b"a\x1cb", b"[x]", b"{", b"a\\b", b"a\tb",
    b"a\rb", b"1e301", b"12", b"\xef\xbb\xbfz", b":", b"#1", "\u2028".encode()]
ODD_LINES = [
    b"", b"   ", b"\t", b"\r", b"# a comment", b"garbage", b"1", b",", b"\xff\xfe", b"\x00" * 9,
    b"[", b"]", b"[[1]]", b"{}", b"[]", b"[" * 3000, b'{"a": [', b"1 2:3 1:4", b"1 qid:1 2:3",
    b"\xef\xbb\xbf", b'"', b'""', b"1e301"]


def number(rng: random.Random) -> bytes:
    kind = rng.randrange(5)
    if kind == 0:
        return b"%d" % rng.randint(-999, 999)
    if kind == 1:
        return repr(rng.gauss(0, 1) * 10.0 ** rng.randint(-30, 30)).encode()
    return b"%.6f" % rng.gauss(0, 10)


def delimited(delimiter: bytes, text_at: List[int], weight: int = -1) -> Callable:
    """Makes rows of five fields, texts at some places, mutated with the probability `odd`."""
    def row(rng: random.Random, odd: float) -> bytes:
        fields = [b"id%d" % rng.randrange(99) if i in text_at else number(rng) for i in range(5)]
        if weight >= 0:
            fields[weight] = b"%d" % rng.randint(0, 5) if rng.random() > odd else b"-2"
        if rng.random() < odd:
            i = rng.randrange(5)
            fields[i] = rng.choice(ODD_TEXTS if i in text_at else ODD_FIELDS)
        if rng.random() < odd / 4:
            fields = rng.choice([fields[:-1], fields + [b"1"], [b'"%s"' % f for f in fields]])
        return delimiter.join(fields)
    return row


def array(rng: random.Random, odd: float) -> bytes:
    fields = [number(rng), number(rng).strip(b"-"), number(rng)]
    if rng.random() < odd:
        fields[rng.randrange(3)] = rng.choice(ODD_FIELDS)
    row = b"[" + rng.choice([b",", b", "]).join(fields) + b"]"
    if rng.random() < odd / 2:
        row = rng.choice([b"5%s", b"%s5", b"%s,[1]", b" %s ", b"%s]", b"[%s", b"[%s]"]) % row
    return row


def array_with_text(rng: random.Random, odd: float) -> bytes:
    fields = [b'"id %d"' % rng.randrange(99), number(rng), number(rng)]
    if rng.random() < odd:
        i = rng.randrange(3)
        quoted = [b'"%s"' % text for text in ODD_TEXTS]
        fields[i] = rng.choice(rng.choice([quoted, ODD_FIELDS]))
    if rng.random() < odd:
        rng.shuffle(fields)
    return b"[" + b", ".join(fields) + b"]"


def keyed(rng: random.Random, odd: float) -> bytes:
    pairs = [b'"id":"n%d"' % rng.randrange(9), b'"a":' + number(rng).strip(b"-"),
             b'"b": ' + number(rng)]
    if rng.random() < odd:
        i = rng.randrange(3)
        pairs[i] = rng.choice([b'"a"', b'"c"', b'"id"', b'"b"', b'a']) + b": " + rng.choice(
            ODD_FIELDS + [b'"x"', b'"x\\ny"', b'"\\ud800"'])
    if rng.random() < odd / 2:
        rng.shuffle(pairs)
    return b"{" + rng.choice([b", ", b","]).join(pairs) + b"}"


def sparse(rng: random.Random, odd: float) -> bytes:
    indices = sorted(rng.sample(range(1, 40), rng.randrange(6)))
    entries = [b"%d:%s" % (i, number(rng)) for i in indices]
    if rng.random() < odd:
        entries.insert(rng.randrange(len(entries) + 1), rng.choice([
            b"%s:1" % rng.choice(ODD_FIELDS), b"3:%s" % rng.choice(ODD_FIELDS), b"qid:4", b"1.0:2",
            b"1e1:2", b"0:1", b"4294967296:1", b"9:", b":9", b"9", b"01:5", b"1::5",
            b"39:1 # end"]))
    target = rng.choice([b"1", b"-1", b"+1", b"spam"])
    if rng.random() < odd / 2:
        target = rng.choice([b"", b"1,2", b"1:2", b" 1", b"\xff", b"a\tb", b"[", b"#"])
    return b" ".join([target, *entries]) + rng.choice([b"", b" "])


def number_layout(**changes) -> Layout:
    values: dict = dict(format="csv", fields=5, columns=tuple("abcde"), numeric=(0, 1, 2, 3, 4),
                        header="a,b,c,d,e")
    return Layout(**{**values, **changes})


CASES = {
    "csv": (delimited(b",", []), number_layout()),
    "csv with a header of numbers": (delimited(b",", []), number_layout(header="1,2,3,4,5")),
    "csv with ignored numbers": (delimited(b",", []), number_layout(
        columns=("a", "c"), numeric=(0, 2), header=None)),
    "csv with weights": (delimited(b",", [], 2), number_layout(
        columns=("a", "b", "d", "e"), numeric=(0, 1, 3, 4), weight=2)),
    "csv with an id": (delimited(b",", [0]), number_layout(
        columns=tuple("bcde"), numeric=(1, 2, 3, 4), texts={"id": 0})),
    "csv with texts at both ends": (delimited(b",", [0, 4]), number_layout(
        columns=tuple("bcd"), numeric=(1, 2, 3), texts={"id": 4}, unread_texts=(0,))),
    "csv with a text inside": (delimited(b",", [2]), number_layout(
        columns=tuple("abe"), numeric=(0, 1, 4), texts={"label": 2})),
    "semicolons": (delimited(b";", []), number_layout(delimiter=";", header="a;b;c;d;e")),
    "tsv": (delimited(b"\t", []), number_layout(format="tsv", delimiter="\t", header=None)),
    "tsv with an id": (delimited(b"\t", [4]), number_layout(
        format="tsv", delimiter="\t", columns=tuple("abcd"), numeric=(0, 1, 2, 3),
        texts={"id": 4})),
    "csv with an id that is not asked for": (delimited(b",", [0]), number_layout(
        columns=tuple("bcde"), numeric=(1, 2, 3, 4), unread_texts=(0,))),
    "blank": (delimited(b" ", []), number_layout(format="blank", delimiter=" ", header=None)),
    "wide blanks": (delimited(b" \t ", []), number_layout(
        format="blank", delimiter=" ", header="a b c d e")),
    "blank with an id": (delimited(b" ", [0]), number_layout(
        format="blank", delimiter=" ", columns=tuple("bcde"), numeric=(1, 2, 3, 4),
        texts={"id": 0})),
    "arrays": (array, Layout("jsonl", fields=3, columns=tuple("abc"), numeric=(0, 1, 2))),
    "arrays with weights": (array, Layout("jsonl", fields=3, columns=("a", "c"), numeric=(0, 2),
                                          weight=1)),
    "arrays with text": (array_with_text, Layout("jsonl", fields=3, columns=tuple("bc"),
                                                 numeric=(1, 2), texts={"id": 0})),
    "objects": (keyed, Layout("jsonl", fields=3, keys=("id", "a", "b"), columns=tuple("ab"),
                              numeric=(1, 2), texts={"id": 0})),
    "arrays with text that is not asked for": (array_with_text, Layout(
        "jsonl", fields=3, columns=tuple("bc"), numeric=(1, 2))),
    "objects without texts": (keyed, Layout("jsonl", fields=3, keys=("id", "a", "b"),
                                            columns=("b",), numeric=(2,), weight=1)),
    "svmlight": (sparse, Layout("svmlight", delimiter=" ")),
    "svmlight with an id": (sparse, Layout("svmlight", delimiter=" ", texts={"id": 0}, width=39)),
    "svmlight from zero": (sparse, Layout("svmlight", delimiter=" ", zero_based=True, width=41)),
}


def random_text(case: str, seed: int) -> bytes:
    """Clean stretches and odd ones, headers and empty lines between, LF or CRLF."""
    rng = random.Random("%s %d" % (case, seed))
    row, layout = CASES[case]
    ending = rng.choice([b"\n", b"\n", b"\r\n"])
    lines = []
    for _ in range(rng.choice([1, 3, 30])):
        odd = rng.choice([0.0, 0.0, 0.02, 0.3, 1.0])
        lines += [row(rng, odd) for _ in range(rng.choice([1, 5, 60]))]
        if rng.random() < .1:
            lines += [rng.choice(ODD_LINES)]
        if layout.header is not None and rng.random() < .1:
            lines += [rng.choice([b"", b"\xef\xbb\xbf", b"x"]) + layout.header.encode()]
    if rng.random() < .2:
        lines[0] = b"\xef\xbb\xbf" + lines[0]
    return ending.join(lines) + rng.choice([b"", ending])
