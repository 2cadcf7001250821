"""All readers by name."""

from __future__ import annotations

from fuzz.arrays import ARRAYS
from fuzz.blocks import BLOCKS
from fuzz.files import FILES
from fuzz.network import NETWORK
from fuzz.reader import Reader
from fuzz.texts import TEXTS

READERS: dict[str, Reader] = {
    reader.name: reader for reader in [*TEXTS, *BLOCKS, *FILES, *ARRAYS, *NETWORK]}
