"""What jobs take of mrjob, imported without setuptools.

mrjob wants two functions of distutils. Up to Python 3.11 that is in the standard library, but where
setuptools is installed a hook of its own puts its copy there, and imports all of setuptools for it:
a third of the time in which a task starts.
"""

from __future__ import annotations

import sys

hook = sys.modules.get("_distutils_hack") if sys.version_info < (3, 12) else None
if hook is not None:
    hook.remove_shim()
    import mrjob.compat
    import mrjob.util  # noqa: F401
    hook.add_shim()
    # Else setuptools, when somebody imports it later, warns that it came too late.
    for name in [name for name in sys.modules if name.split(".")[0] == "distutils"]:
        del sys.modules[name]

from mrjob.job import MRJob  # noqa: E402
from mrjob.protocol import BytesValueProtocol  # noqa: E402
from mrjob.step import MRStep  # noqa: E402

__all__ = ["BytesValueProtocol", "MRJob", "MRStep"]
