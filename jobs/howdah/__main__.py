"""The howdah command: one subcommand for each script.

    howdah kmeans points.csv -k 10 -o out
    howdah COMMAND --help
"""

from __future__ import annotations

import os
import sys
from importlib import import_module

from howdah import __version__, entry
from howdah.commands import BY_NAME, COMMANDS
from howdah.errors import OK, WRONG_USE


def main() -> int:
    """Run the script that the first argument names; its exit code."""
    name = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if name in ("-h", "--help"):
        print(usage())
        return OK
    if name == "--version":
        print("howdah %s" % __version__)
        return OK
    if name not in COMMANDS:
        print("error: howdah has no command %r; it has %s." % (name, ", ".join(COMMANDS)),
              file=sys.stderr)
        return WRONG_USE
    os.environ[BY_NAME] = "1"
    command = COMMANDS[name]
    script = import_module("howdah.scripts." + command.module)
    sys.argv[:2] = ["howdah " + name]
    if command.job:
        entry.run(getattr(script, command.job))
    return script.main()


def usage() -> str:
    width = max(map(len, COMMANDS))
    lines = ["  %s  %s" % (name.ljust(width), command.purpose)
             for name, command in COMMANDS.items()]
    return "\n".join(["usage: howdah COMMAND ...", "", *lines, "",
                      "howdah COMMAND --help tells its options."])


if __name__ == "__main__":
    sys.exit(main())
