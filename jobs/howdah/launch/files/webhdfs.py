"""HDFS over HTTP (WebHDFS), which answers in milliseconds where `hadoop fs` first starts a JVM.

Used where the configuration says that it can be: the default file system, one NameNode, no
Kerberos, no TLS. Whatever does not go smoothly here is left to `hadoop fs`, which also knows how
to say why not.
"""

from __future__ import annotations

import bz2
import getpass
import gzip
import http.client
import io
import json
import os
import re
import uuid
import zlib
from contextlib import suppress
from itertools import chain
from typing import Any, Iterator, Optional
from urllib.parse import quote, urlencode, urlsplit
from xml.etree import ElementTree

from howdah.errors import UserError
from howdah.launch.files.filesystem import FileSystem, time_stamp
from howdah.launch.files.paths import join

CHUNK = 1 << 18
# What reading an answer may raise, the sizes and places that it tells included.
UNREADABLE = (OSError, EOFError, ValueError, OverflowError, zlib.error, http.client.HTTPException)
#: What the NameNode leaves to a DataNode.
WITH_DATA = ("OPEN", "CREATE")
DEFAULT_PORT = 9870
# What only Hadoop's own classes can read: other codecs, sequence files, Avro.
OTHER_CODECS = (".deflate", ".snappy", ".lz4", ".zst", ".lzo", ".xz", ".avro")
OTHER_MAGIC = (b"SEQ", b"Obj")


class Unanswered(UserError):
    """WebHDFS did not do what was asked; `hadoop fs` may."""


class WebHdfs(FileSystem):
    """Files on the default file system; every method raises Unanswered for `hadoop fs` to try.

    A file that is not there is a FileNotFoundError where its bytes are asked for. After a first
    failure to connect it is not tried again.
    """

    def __init__(self, conf: Optional[dict] = None):
        conf = settings() if conf is None else conf
        self.authority, self.address = _place(conf)
        self.user = user_name()
        self._data_nodes: set = set()

    def exists(self, uri: str) -> bool:
        return self._status(uri) is not None

    def stamped(self, uri: str) -> list:
        """(uri, bytes, stamp) of all files below a folder, or of a file; [] if there is none."""
        status = self._status(uri)
        if status is None:
            return []
        if status["type"] == "FILE":
            return [_stamped(uri, status)]
        found: list = []
        listed = self._json("GET", uri, "LISTSTATUS", "FileStatuses")
        if not isinstance(listed, dict) or not isinstance(listed.get("FileStatus"), list):
            raise Unanswered("What answers at %s is no NameNode." % self.address)
        for entry in map(_checked, listed["FileStatus"]):
            below = uri.rstrip("/") + "/" + entry["pathSuffix"]
            found += (self.stamped(below) if entry["type"] == "DIRECTORY"
                      else [_stamped(below, entry)])
        return found

    def cat(self, uri: str) -> Iterator[bytes]:
        return self._cat_all([uri])

    def cat_parts(self, folder: str) -> Iterator[bytes]:
        """The bytes of a job's output."""
        folder = folder.rstrip("/")
        return self._cat_all(sorted(uri for uri, _ in self.ls(folder)
                                    if uri[len(folder):].startswith("/part-")))

    def tail(self, uri: str, size: int) -> bytes:
        length = self._status_of(uri)["length"]
        if not length:
            return b""
        with self._do("GET", uri, "OPEN", offset=max(0, length - size), length=size) as response:
            try:
                return response.read()
            except UNREADABLE as error:
                raise Unanswered("The file %s cannot be read (%s)." % (uri, error)) from error

    def replace_all(self, folder: str, files: dict) -> None:
        for name, data in files.items():
            self._write(join(folder, name), data, "OVERWRITE")

    def create(self, uri: str, data: bytes) -> None:
        self._write(uri, data, "NONE")

    def put(self, paths: list, folder: str) -> None:
        for path in paths:
            with open(path, "rb") as file:
                self._write(join(folder, os.path.basename(path)), file, "OVERWRITE")

    def rm(self, uri: str) -> None:
        self._json("DELETE", uri, "DELETE", "boolean", recursive="true")

    def make_private(self, folder: str) -> None:
        self._json("PUT", folder, "MKDIRS", "boolean", permission="700")

    def _write(self, uri: str, data, renameoptions: str) -> None:
        """A file beside the one that is meant, which then takes its name, in one step."""
        partial = "%s.%s._COPYING_" % (uri, uuid.uuid4().hex[:12])
        try:
            self._do("PUT", partial, "CREATE", data, overwrite="true").close()
            self._do("PUT", partial, "RENAME", destination=self._path(uri),
                     renameoptions=renameoptions).close()
        except (Unanswered, FileExistsError):
            with suppress(Unanswered):
                self.rm(partial)
            raise

    def _cat_all(self, uris: list) -> Iterator[bytes]:
        """The bytes of files one after the other; the first are asked for at once."""
        if any(uri.endswith(OTHER_CODECS) for uri in uris):
            raise Unanswered("WebHDFS does not decompress %s." % ", ".join(uris))
        chunks = chain.from_iterable(map(self._cat, uris))
        return chain([next(chunks, b"")], chunks)

    def _cat(self, uri: str) -> Iterator[bytes]:
        with self._do("GET", uri, "OPEN") as response:
            data = io.BufferedReader(response, CHUNK)
            begin = data.peek(3)[:3]
            if begin in OTHER_MAGIC:
                raise Unanswered("WebHDFS does not read %s, which is no text." % uri)
            text = (gzip.GzipFile(fileobj=data) if begin[:2] == b"\x1f\x8b" else
                    bz2.BZ2File(data) if uri.endswith(".bz2") else data)
            try:
                yield from iter(lambda: text.read(CHUNK), b"")
            except UNREADABLE as error:
                raise Unanswered("The file %s cannot be read (%s)." % (uri, error)) from error

    def _status(self, uri: str) -> Optional[dict]:
        if re.search(r"[*?\[{]", uri):
            raise Unanswered("WebHDFS knows no globs: %s." % uri)
        try:
            return self._status_of(uri)
        except FileNotFoundError:
            return None

    def _status_of(self, uri: str) -> dict:
        return _checked(self._json("GET", uri, "GETFILESTATUS", "FileStatus"))

    def _json(self, method: str, uri: str, op: str, key: str, **params) -> Any:
        """What stands by a key of the answer; Unanswered where it is not WebHDFS's."""
        with self._do(method, uri, op, **params) as response:
            try:
                return json.loads(response.read())[key]
            except (*UNREADABLE, KeyError, TypeError, RecursionError) as error:
                raise Unanswered("What answers at %s is no NameNode." % self.address) from error

    def _path(self, uri: str) -> str:
        match = re.match(r"(?:(\w+)://([^/]*))?(/.*)?\Z", uri)
        if (not match or match.group(1) not in (None, "hdfs")
                or match.group(2) not in (None, "", self.authority)):
            raise Unanswered("%s is not on the default file system." % uri)
        return match.group(3) or "/"

    def _do(self, method: str, uri: str, op: str, body=None, **params):
        """The response to an operation; data goes to and comes from a DataNode."""
        path = self._path(uri)
        if self.address is None:
            raise Unanswered("WebHDFS cannot be used here.")
        query = urlencode({"op": op, "user.name": self.user, **params})
        try:
            response = _ask(self.address, method, "/webhdfs/v1%s?%s" % (quote(path), query))
            if op in WITH_DATA:
                there = self._data_node_of(response)
                if there is not None:
                    response.close()
                    response = _ask(there.netloc, method, there.path + "?" + there.query, body)
                elif response.status < 300:
                    response.close()
                    raise Unanswered("What answers at %s is no NameNode: it named no DataNode for"
                                     " %s." % (self.address, uri))
            if response.status in (200, 201):
                return response
            with response:
                raised = _exception(response.read(1 << 20))
        except UNREADABLE as error:
            self.address = None
            raise Unanswered("WebHDFS does not answer (%s)." % error) from error
        if raised == "FileNotFoundException":
            raise FileNotFoundError(uri)
        if raised == "FileAlreadyExistsException":
            raise FileExistsError(uri)
        raise Unanswered("WebHDFS answered %d to %s of %s." % (response.status, op, uri))

    def _data_node_of(self, response):
        """Where the NameNode sends us, None if it does not; Unanswered for any other place.

        A login page in front of it, say, gets neither data nor the user's name.
        """
        if response.status != 307:
            return None
        there = urlsplit(response.headers.get("Location") or "")
        if there.scheme != "http" or not there.path.startswith("/webhdfs/v1/"):
            response.close()
            raise Unanswered("%s sends us to %s, which is no DataNode." % (
                self.address, there.netloc))
        if there.netloc not in self._data_nodes:
            self._data_nodes = self._live_data_nodes()
        if there.netloc not in self._data_nodes:
            response.close()
            raise Unanswered("%s sends us to %s, which is no DataNode of its cluster."
                             % (self.address, there.netloc))
        return there

    def _live_data_nodes(self) -> set:
        """host:port of the web servers of all DataNodes, by name and by number."""
        with _ask(str(self.address), "GET", "/jmx?qry=Hadoop:service=NameNode,name=NameNodeInfo"
                  ) as response:
            try:
                [bean] = json.loads(response.read())["beans"]
                live = json.loads(bean["LiveNodes"])
                addresses = {node["infoAddr"]: name for name, node in live.items()}
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise Unanswered("%s does not tell its DataNodes." % self.address) from error
        return set(addresses) | {"%s:%s" % (name.rpartition(":")[0] or name,
                                            address.rpartition(":")[2])
                                 for address, name in addresses.items()}


def _checked(status) -> dict:
    """A file's status; Unanswered where it lacks what HDFS gives."""
    if isinstance(status, dict) and all(
            isinstance(status.get(name), str) for name in ("type", "pathSuffix")) and all(
            type(number) is int and 0 <= number < 1 << 53
            for number in (status.get("length"), status.get("modificationTime"))):
        return status
    raise Unanswered("What answers is no NameNode.")


def _exception(body: bytes) -> Optional[str]:
    """The exception that WebHDFS tells, None where the answer is somebody else's."""
    try:
        return json.loads(body)["RemoteException"]["exception"]
    except (ValueError, KeyError, TypeError):
        return None


def _stamped(uri: str, status: dict) -> tuple:
    return uri, status["length"], time_stamp(status["modificationTime"], 1000)


def _ask(netloc: str, method: str, target: str, body=None) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(netloc, timeout=2)
    connection.connect()
    connection.sock.settimeout(60)
    # Closed with its response.
    connection.request(method, target, body, {"Content-Type": "application/octet-stream",
                                              "Connection": "close"})
    return connection.getresponse()


def user_name() -> str:
    """Who we are for a Hadoop without Kerberos."""
    return os.environ.get("HADOOP_USER_NAME") or getpass.getuser()


def settings() -> dict:
    """Hadoop's settings on this machine, as far as its files give them."""
    home = os.environ.get("HADOOP_HOME")
    folder = os.environ.get("HADOOP_CONF_DIR") or (os.path.join(home, "etc", "hadoop") if home
                                                   else "/etc/hadoop/conf")
    found = {}
    for name in ("core-site.xml", "hdfs-site.xml", "mapred-site.xml", "yarn-site.xml"):
        try:
            root = ElementTree.parse(os.path.join(folder, name)).getroot()
        except (OSError, ElementTree.ParseError):
            continue
        for each in root.iter("property"):
            found[(each.findtext("name") or "").strip()] = (each.findtext("value") or "").strip()
    return found


def _place(conf: dict) -> tuple[Optional[str], Optional[str]]:
    """Authority of the default file system and host:port of its web server, None if unusable."""
    default = urlsplit(conf.get("fs.defaultFS", ""))
    usable = (default.scheme == "hdfs" and default.hostname
              and not conf.get("dfs.nameservices")
              and conf.get("hadoop.security.authentication", "simple") == "simple"
              and conf.get("dfs.webhdfs.enabled", "true") == "true"
              and conf.get("dfs.http.policy", "HTTP_ONLY") != "HTTPS_ONLY")
    if not usable:
        return None, None
    host, _, port = conf.get("dfs.namenode.http-address", "").rpartition(":")
    if host in ("", "0.0.0.0"):
        host = str(default.hostname)
    port = port or str(DEFAULT_PORT)
    return default.netloc, "%s:%s" % (host, port) if port.isdecimal() and "$" not in host else None
