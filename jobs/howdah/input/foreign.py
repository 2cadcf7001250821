"""Files that are no text of rows, known by their first bytes or their name."""

from __future__ import annotations

import re

from howdah.commands import called
from howdah.errors import UserError

#: Endings of files of arrays.
ARRAYS = (".npy", ".fvecs", ".bvecs", ".parquet")
UNPACK = "unpack it, or let its name end in %s"
EXPORT = "export its rows as CSV"
KINDS = (
    (rb"\x93NUMPY|PAR1", "a file of arrays", None),
    (rb"PK\x03\x04", "a zip archive, as .npz and .xlsx are", "take the table out as CSV or .npy"),
    (rb"\x1f\x8b", "compressed by gzip", UNPACK % ".gz"),
    (rb"BZh[1-9]1AY&SY", "compressed by bzip2", UNPACK % ".bz2"),
    (rb"\x28\xb5\x2f\xfd", "compressed by zstd", "unpack it, or compress it by gzip"),
    (rb"\xfd7zXZ\0", "compressed by xz", "unpack it, or compress it by gzip"),
    (rb"\x89HDF\r\n", "an HDF5 file", EXPORT), (rb"Obj\x01", "an Avro file", EXPORT),
    (rb"SEQ[\x04-\x06]", "a SequenceFile", EXPORT), (rb"SQLite format 3", "a database", EXPORT),
    (rb"\x80[\x02-\x05]", "a pickle", EXPORT),
    (rb"\xff\xfe\0\0|\0\0\xfe\xff", "written in UTF-32",
     "convert it with iconv -f UTF-32 -t UTF-8"),
    (rb"\xff\xfe|\xfe\xff|([^\0]\0){4}|(\0[^\0]){4}", "written in UTF-16",
     "convert it with iconv -f UTF-16 -t UTF-8"))


def refuse_foreign(head: bytes, place: str) -> None:
    """UserError for a file whose first bytes or name say that it holds no text of rows."""
    if place.endswith(ARRAYS):
        raise _foreign(place, "a file of arrays", None)
    for beginning, kind, remedy in KINDS:
        if re.match(beginning, head):
            raise _foreign(place, kind, remedy)


def _foreign(place: str, kind: str, remedy) -> UserError:
    remedy = remedy or "pack it first with %s %s -o FOLDER" % (called("pack"), place)
    return UserError("%s is %s, which cannot be read as rows of text; %s." % (place, kind, remedy))
