"""Every reader on some hundred broken inputs; and that the fuzzers find what they look for."""

from __future__ import annotations

import sys
from collections import Counter
from random import Random

import pytest
from fuzz import processes
from fuzz.reader import Reader, Wrong
from fuzz.readers import READERS
from fuzz.watch import REFUSED, TAKEN, examined
from howdah.errors import UserError

INPUTS = 300


@pytest.mark.slow
@pytest.mark.parametrize("name", READERS)
def test_a_reader_refuses_broken_input_or_reads_it_right(name):
    reader = READERS[name]
    pytest.importorskip(reader.needs)
    words = Counter(examined(reader, 0, range(INPUTS)))
    assert {*words} <= {TAKEN, REFUSED}
    assert words[TAKEN] and words[REFUSED]


def toy(read) -> Reader:
    return Reader("toy", Random.random, read)


def refuse(given) -> bool:
    raise UserError("no")


def be_wrong(given) -> bool:
    raise Wrong("two is three")


def grow(given) -> bool:
    return len(b"1" * 300_000_000) > 0


@pytest.mark.parametrize("read, word", [
    (lambda given: True, TAKEN), (lambda given: False, REFUSED), (refuse, REFUSED),
    (be_wrong, "wrong: two is three"), (lambda given: given["x"], "TypeError at test_fuzz.py in")])
def test_what_is_said_of_an_input(read, word):
    assert all(said.startswith(word) for said in examined(toy(read), 1, range(3)))


@pytest.mark.slow
def test_what_takes_too_long_is_ended():
    def loop(given) -> bool:
        while True:
            try:
                given += 1
            except Exception:
                pass

    assert list(examined(toy(loop), 1, [0])) == ["over 1 s at test_fuzz.py in loop"]


def test_an_input_is_the_same_whatever_ran_before():
    reader = READERS["csv"]
    assert reader.input(1, 7) == reader.input(1, 7) != reader.input(2, 7)


@pytest.mark.slow
@pytest.mark.parametrize("code, words", [
    ("print('taken'); os.kill(os.getpid(), 11)", [TAKEN, "ends the process (-11)"]),
    ("print('taken', flush=True); time.sleep(60)", [TAKEN, "silent for 2 s"]),
    ("print('refused')", [REFUSED, "ends the process (0)"])])
def test_a_child_that_dies_or_falls_silent_is_a_fault_of_its_input(monkeypatch, code, words):
    begun = []

    def command(reader, seed, start, stop):
        begun.append(start)
        return [sys.executable, "-u", "-c", "import os, time; " + code]

    monkeypatch.setattr(processes, "command", command)
    monkeypatch.setattr(processes, "SILENT_SECONDS", 2)
    assert list(processes.answers(toy(refuse), 1, 4)) == words * 2
    assert begun == [0, 2]
