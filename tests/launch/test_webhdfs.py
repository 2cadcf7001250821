"""Where WebHDFS is used, and that all else is left to `hadoop fs`."""

from __future__ import annotations

import json
import socket
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Iterator

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


# what answers is not what it should be

@contextmanager
def server(answers: dict) -> Iterator[tuple]:
    """A web server that answers {part of a path: (status, headers, body)}; address, what it got."""
    got: list = []

    class Handler(BaseHTTPRequestHandler):
        def answer(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            got.append((self.path, body))
            name = next((name for name in answers if name in self.path), None)
            status, headers, body = answers[name] if name else (200, {}, b"<html>log in")
            self.send_response(status)
            for each in headers.items():
                self.send_header(*each)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_PUT = do_DELETE = answer

        def log_message(self, *_):
            pass

    web = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=web.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield "127.0.0.1:%d" % web.server_port, got
    finally:
        web.shutdown()
        thread.join()
        web.server_close()


def live(*addresses: str) -> tuple:
    nodes = {"node%d:9866" % i: {"infoAddr": address} for i, address in enumerate(addresses)}
    return 200, {}, json.dumps({"beans": [{"LiveNodes": json.dumps(nodes)}]}).encode()


def name_node(address: str) -> WebHdfs:
    return WebHdfs({**PLAIN, "dfs.namenode.http-address": address})


def raises(name: str) -> bytes:
    return json.dumps({"RemoteException": {"exception": name}}).encode()


NO_ANSWERS = {
    "a login page": (200, {}, b"<html>log in"),
    "401": (401, {}, b""),
    "standby": (403, {}, raises("StandbyException")),
    "no keys": (200, {}, b"{}"),
    "a list": (200, {}, b"[]"),
    "null": (200, {}, b'{"FileStatus": null, "FileStatuses": null}'),
    "no list": (200, {}, b'{"FileStatus": {"type": "DIRECTORY", "length": 9, "pathSuffix": ""},'
                b' "FileStatuses": []}'),
    "a status without a length": (200, {}, b'{"FileStatus": {"type": "FILE"}}'),
    "a 404 of a web server": (404, {}, b"FileNotFoundException"),
    "a redirect to a login page": (302, {"Location": "https://login/webhdfs/v1/x"}, b""),
}


@pytest.mark.parametrize("kind", NO_ANSWERS)
def test_what_is_no_answer_of_hdfs_is_left_to_hadoop_fs(kind, tmp_path):
    (tmp_path / "x").write_bytes(b"secret")
    with server({"op=": NO_ANSWERS[kind], "jmx": live("other:1")}) as (address, got):
        web = name_node(address)
        for ask in (lambda: web.ls("/x"), lambda: list(web.cat("/x")),
                    lambda: web.tail("/x", 1), lambda: web.put([str(tmp_path / "x")], "/y")):
            with pytest.raises(Unanswered):
                ask()
    assert all(body == b"" for _, body in got)


@pytest.mark.parametrize("place", ["http://%s/webhdfs/v1/x?op=OPEN", "https://%s/webhdfs/v1/x",
                                   "http://%s/login?op=OPEN", "ftp://%s/webhdfs/v1/x", "%s", ""])
def test_only_a_data_node_of_the_cluster_is_gone_to(place, tmp_path):
    """Neither with data nor for data; a place that is none never hears of us."""
    (tmp_path / "x").write_bytes(b"secret")
    with server({}) as (elsewhere, heard):
        location = {"Location": place % elsewhere if place else ""}
        with server({"jmx": live("node:9864"), "op=": (307, location, b"")}) as (address, _):
            web = name_node(address)
            with pytest.raises(Unanswered, match="no DataNode"):
                list(web.cat("/x"))
            with pytest.raises(Unanswered, match="no DataNode"):
                web.put([str(tmp_path / "x")], "/y")
    assert heard == []


def test_a_data_node_of_the_cluster_gives_the_data_and_is_followed_no_further():
    with server({"step=1": (200, {}, b"data"), "step=2": (307, {"Location": "http://a/"}, b"")}
                ) as (node, _):
        for step, data in ((1, [b"data"]), (2, None)):
            location = {"Location": "http://%s/webhdfs/v1/x?step=%d" % (node, step)}
            with server({"jmx": live(node), "op=": (307, location, b"")}) as (address, _):
                if data:
                    assert list(name_node(address).cat("/x")) == data
                    continue
                with pytest.raises(Unanswered, match="answered 307"):
                    list(name_node(address).cat("/x"))
