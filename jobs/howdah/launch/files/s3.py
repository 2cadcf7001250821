"""Files on S3, and AWS's errors as sentences.

UserError before a job has run, JobFailed after.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from fnmatch import fnmatchcase
from typing import Iterator

from mrjob.parse import parse_s3_uri

from howdah.errors import JobFailed, UserError

try:
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError
    AWS_ERRORS: tuple = (Boto3Error, BotoCoreError, ClientError)
except ImportError:
    AWS_ERRORS = ()

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


class S3Files:
    """Files on S3, through mrjob's file system of a runner."""

    def __init__(self, runner):
        self.fs = runner.fs
        if not AWS_ERRORS:
            raise UserError("s3:// needs boto3, which is not installed here: pip install boto3.")

    def ls(self, path: str) -> list:
        """(uri, bytes) of all files that a path, glob or folder stands for; [] if there is none.

        UserError for a bucket that is not there.
        """
        with aws("%s cannot be listed" % path):
            found = [(uri, key.size) for uri, key in self.fs.s3._ls(path)]
            if not found:
                # mrjob takes a missing bucket for an empty one.
                self.fs.s3.make_s3_client().head_bucket(Bucket=parse_s3_uri(path)[0])
        return [(uri, size) for uri, size in found if _stands_for(path, uri)]

    def exists(self, path: str) -> bool:
        return bool(self.ls(path))

    def cat(self, path: str) -> Iterator[bytes]:
        """A file's bytes, decompressed by its name's ending; may be closed before the end."""
        with aws("%s cannot be read" % path):
            yield from self.fs.s3._cat_file(path)

    def write_all(self, folder: str, files: dict) -> None:
        """Write local files {name: bytes} into a folder, replacing older ones."""
        with tempfile.TemporaryDirectory(prefix="howdah-") as local:
            for name, data in files.items():
                with open(os.path.join(local, name), "wb") as file:
                    file.write(data)
            self._put([os.path.join(local, name) for name in files], folder, JobFailed)

    def put(self, paths: list, folder: str) -> None:
        """Copy local files into a folder."""
        self._put(paths, folder, UserError)

    def _put(self, paths: list, folder: str, raised) -> None:
        for path in paths:
            uri = folder.rstrip("/") + "/" + os.path.basename(path)
            with aws("%s cannot be written" % uri, raised):
                self.fs.s3.put(path, uri)

    def rm(self, path: str) -> None:
        with aws("%s cannot be removed" % path):
            self.fs.s3.rm(path.rstrip("/"))


def _stands_for(path: str, uri: str) -> bool:
    """Whether a file is one that a path means: `*` matches no "/", unlike mrjob's."""
    asked, found = path.rstrip("/").split("/"), uri.split("/")
    return not uri.endswith("/") and len(found) >= len(asked) and all(
        fnmatchcase(name, pattern) for name, pattern in zip(found, asked))
