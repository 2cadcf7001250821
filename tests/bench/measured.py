"""Run a command; note its exit code, wall time, peak memory of its largest process, processor time.

    python -S -E tests/bench/measured.py NOTE command ...

Linux counts the memory of the process that starts a command as the command's own (ru_maxrss
outlives exec), so commands are started from here, which is as small as Python gets.
"""

import os
import sys
import time


def main() -> None:
    note, command = sys.argv[1], sys.argv[2:]
    started = time.perf_counter()
    pid = os.fork()
    if not pid:
        try:
            os.execvp(command[0], command)
        except OSError as error:
            sys.stderr.write("%s: %s\n" % (command[0], error))
        os._exit(127)
    _, status, usage = os.wait4(pid, 0)
    seconds = time.perf_counter() - started
    code = os.waitstatus_to_exitcode(status)
    cpu = usage.ru_utime + usage.ru_stime
    with open(note, "w") as file:
        file.write("%d %r %d %r\n" % (code, seconds, usage.ru_maxrss, cpu))


if __name__ == "__main__":
    main()
