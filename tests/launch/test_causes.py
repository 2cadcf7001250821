"""Why a job failed: the first cause in the order in which one would look, and what it leads to."""

from __future__ import annotations

import pytest
from howdah.launch.files.hdfs import CAUSES, LASTING, explain
from howdah.launch.runners.causes import CONTAINER, first_cause, first_error, is_retried
from howdah.launch.runners.yarn import ResourceManager, Unanswered, addresses

STACK = """java.lang.RuntimeException: Error in configuring object
\tat org.apache.hadoop.util.ReflectionUtils.setJobConf(ReflectionUtils.java:112)
Caused by: java.lang.reflect.InvocationTargetException
Caused by: java.lang.RuntimeException: configuration exception
Caused by: java.io.IOException: Cannot run program "python9": error=2, No such file or directory
Caused by: java.io.IOException: error=2, No such file or directory
"""
MEMORY = ("[2026-01-01 00:00:00.000]Container [pid=1,containerID=container_1_0001_01_000001] is"
          " running 78368768B beyond the 'PHYSICAL' memory limit. Current usage: 1.1 GB of 1 GB")


def test_java_s_first_cause_is_told_without_its_wrappings():
    assert first_cause(STACK) == first_error(STACK) == (
        'java.io.IOException: Cannot run program "python9": error=2, No such file or directory')
    assert first_error("no error") is None
    assert first_error("x: org.apache.hadoop.Some$Exception\njava.io.IOException: why\n\tat a.b"
                       ) == "java.io.IOException: why"


@pytest.mark.parametrize("last, retried", [
    ("OSError: [Errno 28] No space left on device", True), ("MemoryError", True),
    ("FileNotFoundError: x", True), ("ValueError: x", False), ("numpy.x.Error: y", False),
    ("print: x", False)])
def test_which_errors_another_attempt_may_get_past(last, retried):
    assert is_retried("Traceback (most recent call last):\n  File x\n%s\n" % last) is retried


def test_memory_is_asked_for_and_a_lost_connection_is_no_lasting_fault():
    assert CONTAINER.search("x\n%s\ny" % MEMORY).group() == MEMORY
    assert "mapreduce.map.memory.mb" in str(explain(MEMORY, LASTING))
    refused = "java.net.ConnectException: Connection refused"
    assert explain(refused, LASTING) is None and explain(refused, CAUSES)


@pytest.mark.parametrize("conf, found", [
    ({}, []),
    ({"yarn.resourcemanager.hostname": "rm"}, ["rm:8088"]),
    ({"yarn.resourcemanager.webapp.address": "rm:1234"}, ["rm:1234"]),
    ({"yarn.resourcemanager.webapp.address": "${yarn.resourcemanager.hostname}:1234",
      "yarn.resourcemanager.hostname": "rm"}, ["rm:1234"]),
    ({"yarn.resourcemanager.ha.rm-ids": "a, b", "yarn.resourcemanager.hostname.a": "one",
      "yarn.resourcemanager.webapp.address.b": "two:1"}, ["one:8088", "two:1"]),
    ({"yarn.resourcemanager.hostname": "rm", "yarn.http.policy": "HTTPS_ONLY"}, []),
    ({"yarn.resourcemanager.hostname": "rm", "hadoop.security.authentication": "kerberos"}, []),
])
def test_where_the_resource_manager_is_asked(conf, found):
    assert addresses(conf) == found


def test_without_rest_the_yarn_command_is_asked_and_what_is_beside_its_answer_is_no_data(
        tmp_path, capsys):
    yarn = tmp_path / "yarn"
    yarn.write_text("#!/bin/sh\necho 'OpenJDK warning: a\tb'\necho Application-Id\tName\n"
                    "printf 'application_1_0002\\tn\\tMAPREDUCE\\tme\\tdefault\\tRUNNING\\t"
                    "UNDEFINED\\t5%%\\tN/A\\n'\n")
    yarn.chmod(0o755)
    manager = ResourceManager(str(tmp_path / "hadoop"), {})
    for _ in range(2):
        [app] = manager.tagged("0a1b-round")
        assert (app.id, app.state, app.ended) == ("application_1_0002", "RUNNING", False)
    assert capsys.readouterr().err.count("`yarn application` is asked") <= 1
    yarn.write_text("#!/bin/sh\nexit 1\n")
    with pytest.raises(Unanswered):
        manager.tagged("0a1b-round")
