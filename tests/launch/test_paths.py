"""Paths and URIs as text."""

from __future__ import annotations

import pytest
from howdah.launch.console import say
from howdah.launch.files.paths import without_secrets


@pytest.mark.parametrize("text, shown", [
    ("The input s3a://KEY:SE+C=RET@bucket/x@y does not exist.",
     "The input s3a://bucket/x@y does not exist."),
    ("hdfs://me:pw@node:8020/a, hdfs://node/b", "hdfs://node:8020/a, hdfs://node/b"),
    ("hdfs:///a@b mail@host", "hdfs:///a@b mail@host")])
def test_uris_lose_user_and_password(text, shown, capsys):
    assert without_secrets(text) == shown
    say(text)
    assert capsys.readouterr().err == shown + "\n"
