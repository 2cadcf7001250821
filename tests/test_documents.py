"""What the documents name is there: files, modules, the places that links lead to."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from scripts import REPOSITORY

DOCUMENTS = [path for pattern in ("*.md", "docs/*.md", "data/*.md", "tests/*/*.md")
             for path in sorted(REPOSITORY.glob(pattern))]
JOBS = REPOSITORY / "jobs"
HOWDAH = JOBS / "howdah"
NAMES = {path.name for top in ("jobs", "data", "docs", "tests")
         for path in (REPOSITORY / top).rglob("*")} | {path.name for path in REPOSITORY.iterdir()}
FILE = re.compile(r"(?<![\w./*:-])[\w.-][\w./-]*\.(?:py|md|sh|cfg)\b")
MODULE = re.compile(r"(?<![\w./])(?:%s)/[a-z_]+\b(?![/.])" % "|".join(
    path.name for path in HOWDAH.iterdir() if path.is_dir()))
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)#?([^)\s]*)\)")
HEADING = re.compile(r"^#+ (.*)", re.MULTILINE)

each_document = pytest.mark.parametrize(
    "document", DOCUMENTS, ids=lambda path: str(path.relative_to(REPOSITORY)))


@each_document
def test_every_file_that_is_named_is_there(document):
    """By its name alone, or by a path that begins here, beside it, in jobs or in the package."""
    text = document.read_text(encoding="utf-8")
    named = {*FILE.findall(text), *(name + ".py" for name in MODULE.findall(text))}
    tops = (REPOSITORY, document.parent, JOBS, HOWDAH)
    assert [name for name in sorted(named) if not any((top / name).exists() for top in tops)
            and ("/" in name or name not in NAMES)] == []


@each_document
def test_every_link_leads_somewhere(document):
    for path, anchor in LINK.findall(document.read_text(encoding="utf-8")):
        there = document.parent / path if path else document
        assert there.exists(), path
        assert not anchor or anchor in anchors(there), "%s#%s" % (path, anchor)


def anchors(document: Path) -> set:
    """As GitHub makes them of headings."""
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
            for heading in HEADING.findall(document.read_text(encoding="utf-8"))}
