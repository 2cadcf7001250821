"""S3 as Hadoop sees it: files, folders and globs by URI."""
from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from botocore.exceptions import ClientError  # type: ignore[import-untyped]
from emr.arguments import StepError

S3_URI = re.compile(r"s3[an]?://([^/]+)/?(.*)", re.DOTALL)
GLOB = re.compile(r"[*?\[{]")


class InputFile(NamedTuple):
    """A file to read, with its size in bytes as stored."""

    uri: str
    size: int


class Storage:
    """S3 through a boto3 client; ``hdfs:///`` stands in a bucket of its own."""

    def __init__(self, client, hdfs_bucket: str) -> None:
        self.client = client
        self.hdfs_bucket = hdfs_bucket

    def locate(self, uri: str) -> tuple[str, str]:
        """(bucket, key) of a URI."""
        if uri.startswith("hdfs:///"):
            self.client.create_bucket(Bucket=self.hdfs_bucket)
            return self.hdfs_bucket, uri[len("hdfs:///"):]
        match = S3_URI.fullmatch(uri)
        if not match:
            raise StepError(f"FileNotFoundException: File {uri} does not exist on the master node"
                            " (neither s3:// nor hdfs:///)")
        return match.group(1), match.group(2)

    def read(self, uri: str) -> bytes:
        bucket, key = self.locate(uri)
        try:
            return self.client.get_object(Bucket=bucket, Key=key)["Body"].read()
        except ClientError as error:
            raise StepError(f"FileNotFoundException: {uri}: {error}") from error

    def write(self, uri: str, content: bytes) -> None:
        bucket, key = self.locate(uri)
        self.client.put_object(Bucket=bucket, Key=key, Body=content)

    def keys(self, bucket: str, prefix: str) -> list[tuple[str, int]]:
        """(key, size) of all objects whose key begins with ``prefix``, sorted."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        try:
            found = [(item["Key"], item["Size"]) for page in pages
                     for item in page.get("Contents", ())]
        except ClientError as error:
            raise StepError(f"s3://{bucket}/{prefix}: {error}") from error
        return sorted(found)

    def exists(self, uri: str) -> bool:
        """Whether there is an object or a folder of this name."""
        bucket, key = self.locate(uri)
        name = key.rstrip("/")
        return any(found == name or found.startswith(name + "/")
                   for found, _ in self.keys(bucket, name))

    def fetch(self, uri: str, target: Path) -> None:
        """Copy an object, or all objects below a folder, to a path of this machine."""
        bucket, key = self.locate(uri)
        name = key.rstrip("/")
        wanted = [found for found, _ in self.keys(bucket, name)
                  if not found.endswith("/") and (found == name or found.startswith(name + "/"))]
        if not wanted:
            raise StepError(f"FileNotFoundException: File {uri} does not exist.")
        for found in wanted:
            path = target if found == name else target / found[len(name) + 1:]
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                self.client.download_file(bucket, found, str(path))
            except ClientError as error:
                raise StepError(f"FileNotFoundException: {uri}: {error}") from error
            path.chmod(0o555)

    def input_files(self, uris: str, recursive: bool) -> list[InputFile]:
        """The files that one -input argument names: paths, folders or globs, by commas."""
        return [file for uri in re.split(r",(?![^{]*})", uris)
                for file in self._matches(uri, recursive)]

    def _matches(self, uri: str, recursive: bool) -> list[InputFile]:
        bucket, key = self.locate(uri)
        scheme = uri[:uri.index("://") + 3] + ("" if uri.startswith("hdfs") else bucket)
        pattern = key.strip("/")
        match_key = re.compile(f"({_regex(pattern)})(?:/(.*))?" if pattern else "()(.*)",
                               re.DOTALL).fullmatch
        glob = GLOB.search(pattern)
        literal = pattern[:glob.start()] if glob else pattern
        files: list[InputFile] = []
        seen = False
        for found, size in self.keys(bucket, literal):
            match = match_key(found)
            if match is None or _hidden(match.group(1)):
                continue
            seen = True
            below: str | None = match.group(2)
            if below == "" or (below and any(_hidden(part) for part in below.split("/"))):
                continue
            if below and "/" in below and not recursive:
                raise StepError(f"IOException: Not a file: {scheme}/{found.rsplit('/', 1)[0]}")
            files.append(InputFile(f"{scheme}/{found}", size))
        if not seen:
            raise StepError(f"InvalidInputException: Input Pattern {uri} matches 0 files" if glob
                            else f"InvalidInputException: Input path does not exist: {uri}")
        return files


def _hidden(path: str) -> bool:
    return path.rsplit("/", 1)[-1].startswith(("_", "."))


def _regex(pattern: str) -> str:
    """A glob of Hadoop as a regular expression over keys."""
    out, depth = "", 0
    for token in re.findall(r"\[[^]]+\]|.", pattern, re.DOTALL):
        if token == "*":
            out += "[^/]*"
        elif token == "?":
            out += "[^/]"
        elif token == "{":
            out, depth = out + "(?:", depth + 1
        elif token == "}" and depth:
            out, depth = out + ")", depth - 1
        elif token == "," and depth:
            out += "|"
        elif len(token) > 1:
            out += token.replace("[!", "[^", 1)
        else:
            out += re.escape(token)
    return out
