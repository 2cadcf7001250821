"""Paths and URIs."""

from __future__ import annotations

import os
import posixpath
import re


def is_uri(path: str) -> bool:
    return "://" in path and not path.startswith("file://")


def is_s3(uri: str) -> bool:
    return uri.split("://", 1)[0] in ("s3", "s3a", "s3n")


def without_secrets(text: str) -> str:
    """A text whose URIs have lost user and password, s3a://KEY:SECRET@bucket for example."""
    return re.sub(r"(\w://)[^/\s@]*@", r"\1", text)


def local_path(path: str) -> str:
    """A path without the scheme of local files, as file:///x or as Hadoop writes it, file:/x."""
    return re.sub(r"\Afile:(//)?(?=/)", "", path)


def absolute(path: str, folder: str = "") -> str:
    """A local path from the root, seen from a folder or the current one; a URI as it is."""
    return path if is_uri(path) else os.path.abspath(os.path.join(folder, local_path(path)))


def identity(path: str) -> tuple:
    """The same for all names of a file: by links, other spellings, hosts, Amazon's schemes."""
    if is_uri(path):
        scheme, _, rest = path.partition("://")
        host, _, inner = rest.partition("/")
        return (host if scheme.startswith("s3") else "",
                posixpath.normpath("/" + inner.lstrip("/")))
    try:
        status = os.stat(local_path(path))
    except OSError:
        return (os.path.abspath(local_path(path)),)
    return status.st_dev, status.st_ino


def join(folder: str, name: str) -> str:
    return folder.rstrip("/") + "/" + name


def is_visible(file: str, asked: str) -> bool:
    """Hadoop's rule: names that begin with _ or . are not data, unless they were asked for."""
    return file == asked or not file.rstrip("/").rsplit("/", 1)[-1].startswith(("_", "."))
