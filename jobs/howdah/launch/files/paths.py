"""Paths and URIs."""

from __future__ import annotations

import re


def is_uri(path: str) -> bool:
    return "://" in path and not path.startswith("file://")


def is_s3(uri: str) -> bool:
    return uri.split("://", 1)[0] in ("s3", "s3a", "s3n")


def local_path(path: str) -> str:
    """A path without the scheme of local files, as file:///x or as Hadoop writes it, file:/x."""
    return re.sub(r"\Afile:(//)?(?=/)", "", path)


def join(folder: str, name: str) -> str:
    return folder.rstrip("/") + "/" + name
