"""WebHDFS: a NameNode over HTTP whose answers are odd, damaged or made to harm."""

from __future__ import annotations

import json
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from threading import Thread
from typing import Any

from howdah.launch.files.webhdfs import WebHdfs

from fuzz.mutation import damaged, damaged_value
from fuzz.reader import Reader, Wrong

STATUS = {"FileStatus": {"type": "FILE", "length": 8, "pathSuffix": "", "modificationTime": 1}}
LISTING = {"FileStatuses": {"FileStatus": [
    {"type": "FILE", "length": 4, "pathSuffix": "part-00000", "modificationTime": 1},
    {"type": "FILE", "length": 3, "pathSuffix": "part 1", "modificationTime": 1}]}}
FOLDER = json.dumps({"FileStatus": {**STATUS["FileStatus"], "type": "DIRECTORY"}}).encode()
ERROR = {"RemoteException": {"exception": "FileNotFoundException", "message": "none"}}
CALLS = ("exists", "ls", "head", "tail")


class NameNode(ThreadingHTTPServer):
    """Gives each request the same answer (status, body, headers); where it lists, a folder is."""

    daemon_threads = True
    answer: tuple = (200, b"{}", {})
    lists = False


class Handler(BaseHTTPRequestHandler):
    server: NameNode

    def do_GET(self) -> None:
        status, body, headers = self.server.answer
        if self.server.lists and "GETFILESTATUS" in self.path:
            status, body, headers = 200, FOLDER, {}
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_) -> None:
        pass


@lru_cache(maxsize=None)
def name_node() -> NameNode:
    server = NameNode(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    return server


def make(rng: Random) -> tuple:
    call = rng.choice(CALLS)
    value: Any = rng.choice((STATUS, LISTING, ERROR))
    if rng.random() < .6:
        value = damaged_value(rng, value)
    body = json.dumps(value).encode()
    if call == "head" and rng.random() < .5:
        body = b"1,2\n3,4\n"
    if rng.random() < .3:
        body = damaged(rng, body)
    headers = {"Content-Length": rng.choice(("5", "-1", "x", "9" * 20))} \
        if rng.random() < .2 else {"Content-Length": str(len(body))}
    if rng.random() < .1:
        headers["Location"] = rng.choice(("", "http://", "file:///etc/passwd", "http://[", "x",
                                          "http://127.0.0.1:x/"))
    return call, (rng.choice((200, 200, 200, 200, 201, 307, 404, 403, 500)), body, headers)


def read(given: tuple) -> bool:
    call, answer = given
    server = name_node()
    server.answer, server.lists = answer, call == "ls"
    files = WebHdfs({"fs.defaultFS": "hdfs://namenode:8020",
                     "dfs.namenode.http-address": "127.0.0.1:%d" % server.server_port})
    try:
        told: Any = getattr(files, call)(
            "/data", *([1024] if call in ("head", "tail") else []))
    except FileNotFoundError:
        return False
    kinds: Any = {"exists": bool, "ls": list, "head": bytes, "tail": bytes}
    if not isinstance(told, kinds[call]):
        raise Wrong("%s is answered by %r" % (call, told))
    if call == "ls" and not all(isinstance(path, str) and type(size) is int and size >= 0
                                for path, size in told):
        raise Wrong("a listing of no paths and sizes")
    return bool(told)


NETWORK = [Reader("webhdfs", make, read)]
