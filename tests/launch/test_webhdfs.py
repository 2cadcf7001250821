"""Where WebHDFS is used, and that all else is left to `hadoop fs`."""

from __future__ import annotations

import socket

import pytest
from howdah.launch.files.webhdfs import Unanswered, WebHdfs, settings

PLAIN = {"fs.defaultFS": "hdfs://node:8020"}
SITE = """<?xml version="1.0"?>
<configuration><property>
  <name>%s</name> <value> %s </value>
</property></configuration>
"""


@pytest.mark.parametrize("conf, address", [
    ({}, "node:9870"),
    ({"dfs.namenode.http-address": "0.0.0.0:50070"}, "node:50070"),
    ({"dfs.namenode.http-address": "web:9870"}, "web:9870"),
    ({"dfs.namenode.http-address": "web:${port}"}, None),
    ({"dfs.namenode.http-address": "web:\u00b2"}, None),
    ({"dfs.nameservices": "one"}, None),
    ({"hadoop.security.authentication": "kerberos"}, None),
    ({"dfs.webhdfs.enabled": "false"}, None),
    ({"dfs.http.policy": "HTTPS_ONLY"}, None),
    ({"fs.defaultFS": "s3a://bucket"}, None),
])
def test_the_address_follows_from_the_settings(conf, address):
    assert WebHdfs({**PLAIN, **conf}).address == address


def test_no_settings_no_address():
    assert WebHdfs({}).address is None


def test_settings_are_read_from_hadoops_files(tmp_path, monkeypatch):
    monkeypatch.delenv("HADOOP_HOME", raising=False)
    monkeypatch.setenv("HADOOP_CONF_DIR", str(tmp_path))
    assert settings() == {}
    (tmp_path / "core-site.xml").write_text(SITE % ("fs.defaultFS", "hdfs://node:8020"))
    (tmp_path / "hdfs-site.xml").write_text("<configuration>")
    assert settings() == PLAIN


@pytest.mark.parametrize("uri", ["hdfs://other:8020/x", "s3://bucket/x", "relative", "hdfs:/x",
                                 "hdfs:///x/part-*", "hdfs:///x/[ab]", "hdfs:///{x,y}"])
def test_what_only_hadoop_knows(uri):
    web = WebHdfs(PLAIN)
    with pytest.raises(Unanswered):
        web.exists(uri)
    assert web.address == "node:9870"


@pytest.mark.parametrize("name", ["x.deflate", "x.snappy", "x.zst"])
def test_other_codecs_are_left_to_hadoop(name):
    with pytest.raises(Unanswered, match="decompress"):
        next(WebHdfs(PLAIN).cat("hdfs:///" + name))


def test_after_a_refused_connection_it_is_not_tried_again():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    web = WebHdfs({**PLAIN, "dfs.namenode.http-address": "127.0.0.1:%d" % port})
    with pytest.raises(Unanswered, match="refused"):
        web.exists("hdfs:///x")
    assert web.address is None
    with pytest.raises(Unanswered, match="cannot be used here"):
        web.exists("hdfs:///x")
