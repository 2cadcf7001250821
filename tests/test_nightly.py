"""tests/nightly: steps run on their own, what they say is kept, and no benchmark is left out."""

from __future__ import annotations

import json
import re
from argparse import Namespace

import pytest
from bench import tables
from nightly import drawn
from nightly.__main__ import STEPS, Step, run_steps
from scripts import REPOSITORY

PASS = Step("pass", "python -c \"print('a line'); print('=== 3 passed in 1 s ===')\"")
SIZE = Step("size", "python -c \"import os; print(os.environ['HOWDAH_NIGHTLY'])\"")
FAIL = Step("fail", "python -c \"print('the last words'); raise SystemExit(3)\"")
LACK = Step("lack", "python -c \"raise SystemExit(3)\"", needs="json no-such-program")
NONE = Step("none", "echo 5 skipped in 0.1 s")
KNOWN = [PASS, SIZE, FAIL, LACK, NONE]


def nightly(tmp_path, *steps: Step) -> int:
    return run_steps(steps, KNOWN, Namespace(small=False, json=tmp_path / "nightly.json",
                                             logs=tmp_path))


def told(tmp_path) -> list:
    rows = json.loads((tmp_path / "nightly.json").read_text())["rows"]
    return [(row["step"], row["verdict"], row["said"]) for row in rows]


def test_steps_pass_fail_or_are_skipped_aloud(tmp_path, capsys):
    assert nightly(tmp_path, *KNOWN) == 1
    expected = [("pass", "passed", "3 passed in 1 s"), ("size", "passed", "1"),
                ("fail", "FAILED", "the last words"),
                ("lack", "SKIPPED", "needs no-such-program"),
                ("none", "SKIPPED", "5 skipped in 0.1 s")]
    assert told(tmp_path) == expected
    assert (tmp_path / "pass.log").read_text() == "a line\n=== 3 passed in 1 s ===\n"
    table = capsys.readouterr().out.splitlines()[-5:]
    assert [row.split()[:2] for row in table] == [list(row[:2]) for row in expected]


def test_what_other_steps_said_is_kept(tmp_path):
    assert nightly(tmp_path, PASS, FAIL) == 1
    assert nightly(tmp_path, SIZE) == 0
    assert [step for step, *_ in told(tmp_path)] == ["pass", "size", "fail"]


def test_what_was_said_stands_in_a_document(tmp_path):
    nightly(tmp_path, PASS)
    found = json.loads((tmp_path / "nightly.json").read_text())
    assert "| pass | passed | " in tables.block(found) and found["date"] in tables.block(found)


def test_a_test_takes_its_full_size_as_a_step(monkeypatch):
    monkeypatch.delenv("HOWDAH_NIGHTLY", raising=False)
    assert drawn(200, 2000) == 200
    monkeypatch.setenv("HOWDAH_NIGHTLY", "1")
    assert drawn(200, 2000) == 2000


def test_every_benchmark_that_needs_no_word_from_outside_is_a_step():
    listed = (REPOSITORY / "tests/bench/README.md").read_text(encoding="utf-8")
    commands = re.findall(r"^\| `(python tests/bench/[^`]+)`", listed, re.MULTILINE)
    assert len(commands) > 10
    steps = {step.command.strip() for step in STEPS}
    assert {each for each in commands if not each.endswith(" REVISION")} <= steps


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_what_a_step_runs_is_there(step):
    file = re.search(r"tests/\S+", step.command)
    assert file and (REPOSITORY / file.group()).exists()
