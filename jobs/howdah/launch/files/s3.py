"""Files on S3, and AWS's errors as sentences.

UserError before a job has run, JobFailed after.
"""

from __future__ import annotations

import bz2
import gzip
import os
import zlib
from contextlib import closing, contextmanager
from fnmatch import fnmatchcase
from typing import Iterator

from mrjob.parse import parse_s3_uri

from howdah.errors import JobFailed, UserError
from howdah.launch.files.filesystem import FileSystem
from howdah.launch.files.paths import join

try:
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError
    AWS_ERRORS: tuple = (Boto3Error, BotoCoreError, ClientError)
except ImportError:
    AWS_ERRORS = ()

CHUNK = 1 << 18

CAUSES = (
    (("404", "NoSuchBucket"), "there is no such bucket"),
    (("NoSuchKey",), "there is no such file"),
    (("InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "ExpiredTokenException",
      "InvalidToken", "InvalidClientTokenId", "UnrecognizedClientException", "AuthFailure",
      "InvalidSignatureException"), "AWS does not accept the credentials; renew them"),
    (("403", "AccessDenied", "AccessDeniedException", "UnauthorizedOperation"),
     "AWS denies the permission"),
)


def explain(error: Exception) -> str:
    """A sentence's end for what AWS said."""
    if isinstance(error, NoCredentialsError):
        return ("there are no AWS credentials; run `aws configure`, or set AWS_ACCESS_KEY_ID and"
                " AWS_SECRET_ACCESS_KEY.")
    said = " ".join(str(error).split())
    code = error.response.get("Error", {}).get("Code") if isinstance(error, ClientError) else None
    for codes, sentence in CAUSES:
        if code in codes:
            return "%s (%s)." % (sentence, said)
    return said


@contextmanager
def aws(what: str, raised=UserError):
    """Errors of AWS within, as `what` and their cause."""
    try:
        yield
    except AWS_ERRORS as error:
        raise raised("%s: %s" % (what, explain(error))) from error


class S3Files(FileSystem):
    """Files on S3, through mrjob's file system of a runner."""

    def __init__(self, runner):
        self.fs = runner.fs
        if not AWS_ERRORS:
            raise UserError("s3:// needs boto3, which is not installed here: pip install boto3.")

    def stamped(self, path: str) -> list:
        """As the contract says; UserError for a bucket that is not there."""
        with aws("%s cannot be listed" % path):
            found = [(uri, key.size, key.e_tag) for uri, key in self.fs.s3._ls(path)]
            if not found:
                # mrjob takes a missing bucket for an empty one.
                self.fs.s3.make_s3_client().head_bucket(Bucket=parse_s3_uri(path)[0])
        return [each for each in found if _stands_for(path, each[0])]

    def exists(self, path: str) -> bool:
        return bool(self.ls(path))

    def cat(self, path: str) -> Iterator[bytes]:
        with aws("%s cannot be read" % path):
            with closing(self.fs.s3._get_s3_key(path).get()["Body"]) as body:
                text = (gzip.open(body) if path.endswith(".gz") else
                        bz2.open(body) if path.endswith(".bz2") else body)
                try:
                    yield from iter(lambda: text.read(CHUNK), b"")
                except (OSError, EOFError, zlib.error) as error:
                    raise UserError("The file %s cannot be read (%s)." % (path, error)) from error

    def tail(self, path: str, size: int) -> bytes:
        with aws("%s cannot be read" % path):
            key = self.fs.s3._get_s3_key(path)
            if not key.content_length:
                return b""
            return key.get(Range="bytes=-%d" % size)["Body"].read()

    def replace_all(self, folder: str, files: dict) -> None:
        for name, data in files.items():
            uri = join(folder, name)
            with aws("%s cannot be written" % uri, JobFailed):
                self.fs.s3._get_s3_key(uri).put(Body=data)

    def create(self, path: str, data: bytes) -> None:
        with aws("%s cannot be written" % path):
            try:
                self.fs.s3._get_s3_key(path).put(Body=data, IfNoneMatch="*")
            except ClientError as error:
                if error.response["Error"]["Code"] != "PreconditionFailed":
                    raise
                raise FileExistsError(path) from error

    def put(self, paths: list, folder: str) -> None:
        for path in paths:
            uri = join(folder, os.path.basename(path))
            with aws("%s cannot be written" % uri):
                self.fs.s3.put(path, uri)

    def rm(self, path: str) -> None:
        with aws("%s cannot be removed" % path):
            self.fs.s3.rm(path.rstrip("/"))


def _stands_for(path: str, uri: str) -> bool:
    """Whether a file is one that a path means: `*` matches no "/", unlike mrjob's."""
    asked, found = path.rstrip("/").split("/"), uri.split("/")
    return not uri.endswith("/") and len(found) >= len(asked) and all(
        fnmatchcase(name, pattern) for name, pattern in zip(found, asked))
