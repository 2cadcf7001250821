"""The figures in README.md and docs are those of the benchmarks' JSON files."""

from __future__ import annotations

import json
import sys

import pytest
from bench import tables
from bench.report import RESULTS

FOUND = {
    "benchmark": "race", "date": "2026-01-02 03:04", "commit": "c0ffee",
    "command": "python tests/bench/race.py", "repeated": "3 turns",
    "machine": {"model": "Abacus", "cores": 2},
    "versions": {"Python": "3.9.1", "numpy": "2.0.1", "pyspark": "4.0.0", "mrjob": "0.7.4"},
    "tables": [[["", "seconds", "peak MB"], ["hare", 1.23456, 210.04], ["Spark", 12, None]]],
    "limits": [
        {"what": "hare / Spark", "value": 0.5, "limit": 0.25, "at_least": False,
         "verdict": "MISSED"},
        {"what": "queries", "value": 7.0, "limit": 3, "at_least": True, "verdict": "ok"}],
    "notes": ["the hare slept"], "failed": []}

BLOCK = """
|  | seconds | peak MB |
| --- | ---: | ---: |
| hare | 1.235 | 210.0 |
| Spark | 12 |  |

| limit | measured | allowed |  |
| --- | ---: | ---: | ---: |
| hare / Spark | 0.5 | at most 0.25 | **MISSED** |
| queries | 7 | at least 3 | ok |

* the hare slept

2026-01-02 03:04; commit c0ffee; Abacus, 2 cores; Python 3.9.1, numpy 2.0.1, pyspark 4.0.0; \
3 turns; `python tests/bench/race.py`
"""

EMPTY = "before\n<!-- figures: race -->\n<!-- end -->\nafter\n"


@pytest.fixture()
def results(tmp_path):
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / "race.json").write_text(json.dumps(FOUND))
    return folder


def run(monkeypatch, *args) -> int:
    monkeypatch.setattr(sys, "argv", ["tables.py", *map(str, args)])
    return tables.main()


def test_a_block_is_tables_limits_notes_and_how_they_were_measured():
    assert tables.block(FOUND) == BLOCK


def test_what_failed_is_said():
    assert "\n* **FAILED: the tortoise: exit code 1**\n* the hare slept\n" in tables.block(
        {**FOUND, "failed": ["the tortoise: exit code 1"]})


def test_files_are_rewritten_and_checked(tmp_path, results, monkeypatch, capsys):
    page = tmp_path / "page.md"
    page.write_text(EMPTY)
    assert run(monkeypatch, "--check", "--results", results, page) == 1
    assert str(page) in capsys.readouterr().out and page.read_text() == EMPTY
    assert run(monkeypatch, "--results", results, page) == 0
    assert page.read_text() == (
        "before\n<!-- figures: race -->\n" + BLOCK + "\n<!-- end -->\nafter\n")
    assert run(monkeypatch, "--check", "--results", results, page) == 0
    page.write_text(page.read_text().replace("1.235", "1.234"))
    assert run(monkeypatch, "--check", "--results", results, page) == 1


RATIOS = "<!-- ratios: race walk -->\n<!-- end -->"


def test_ratios_of_speed_stand_alone_with_their_commands(results):
    missed, held = FOUND["limits"]
    for name in ("race", "walk"):
        (results / (name + ".json")).write_text(json.dumps({
            **FOUND, "command": "python tests/bench/%s.py" % name,
            "limits": [{**missed, "what": "hare / Spark, time"},
                       {**missed, "what": "hare / Spark, cost"},
                       {**held, "what": "bird / fish, queries a second"}]}))
    rows = "".join("| hare / Spark, time | 0.5 **MISSED** | `python tests/bench/%s.py` |\n"
                   "| bird / fish, queries a second | 7 | `python tests/bench/%s.py` |\n"
                   % (name, name) for name in ("race", "walk"))
    assert tables.filled(RATIOS, results) == RATIOS.replace(
        "<!-- end", "\n|  | ratio | measured by |\n| --- | ---: | ---: |\n%s\n<!-- end" % rows)


def test_without_results_a_block_must_be_empty(tmp_path):
    assert tables.filled(EMPTY, tmp_path) == EMPTY
    with pytest.raises(SystemExit, match="The block race shows figures, but .* is not there"):
        tables.filled(EMPTY.replace("<!-- end", "| 1 |\n<!-- end"), tmp_path)


def test_ratios_need_the_results_of_each_benchmark(results):
    assert tables.filled(RATIOS, results) == RATIOS
    with pytest.raises(SystemExit, match="The block race walk shows figures, but .*walk.json is"):
        tables.filled(RATIOS.replace("<!-- end", "| 1 |\n<!-- end"), results)


@pytest.mark.parametrize("path", tables.documents(), ids=lambda path: path.name)
def test_documents_show_the_figures_of_the_results(path):
    text = path.read_text(encoding="utf-8")
    assert tables.filled(text, RESULTS) == text
