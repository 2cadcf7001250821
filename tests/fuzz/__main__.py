"""Give every reader broken input: it refuses it in its own words, or its answer is right.

    python tests/fuzz                                 # 1,000 inputs for each reader
    python tests/fuzz csv svmlight --inputs 100000 --seed 7
    python tests/fuzz csv --seed 7 --show 4711        # one input, and what comes of it

Faults are any error but the project's own, a wrong answer, a second of processor time, 200 MB more
memory, and a process that ends or falls silent. The first input of each is kept, as Python
writes it, in ~/.cache/howdah/fuzz (--faults DIR). Exit code 1 if there are any.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import time
import warnings
from collections import Counter
from pathlib import Path
from pprint import pformat

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

from bench.report import Report  # noqa: E402
from fuzz.processes import answers, child  # noqa: E402
from fuzz.reader import Reader  # noqa: E402
from fuzz.readers import READERS  # noqa: E402
from fuzz.watch import REFUSED, TAKEN, examined  # noqa: E402

HEAD = ["reader", "inputs", "refused", "taken", "faults", "seconds"]


def fuzz(reader: Reader, options, report: Report) -> list:
    """The reader's row of the table; its faults are reported and their first inputs kept."""
    started = time.perf_counter()
    words: Counter = Counter()
    for number, word in enumerate(answers(reader, options.seed, options.inputs)):
        words[word] += 1
        if words[word] == 1 and word not in (TAKEN, REFUSED):
            print("  %s %d: %s" % (reader.name, number, word), flush=True)
            keep(reader, options, number, word)
    faults = {word: count for word, count in words.items() if word not in (TAKEN, REFUSED)}
    for word, count in faults.items():
        report.fail("%s: %s (%d inputs)" % (reader.name, word, count))
    row = [reader.name, sum(words.values()), words[REFUSED], words[TAKEN], sum(faults.values()),
           round(time.perf_counter() - started)]
    report.add(dict(zip(HEAD, row)))
    return row


def keep(reader: Reader, options, number: int, word: str) -> None:
    options.faults.mkdir(parents=True, exist_ok=True)
    path = options.faults / ("%s-%d-%d.txt" % (reader.name, options.seed, number))
    path.write_text("%s\n%s\n" % (word, pformat(reader.input(options.seed, number))))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False, prog="tests/fuzz",
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("readers", nargs="*", metavar="READER",
                        help="default: all of " + ", ".join(READERS))
    parser.add_argument("--inputs", type=int, default=1000, help="for each reader; default: 1000")
    parser.add_argument("--seed", type=int, default=1, help="default: 1")
    parser.add_argument("--show", type=int, metavar="NUMBER", help="only this input, shown")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the table is kept")
    parser.add_argument("--faults", type=Path, default=Path.home() / ".cache/howdah/fuzz",
                        metavar="DIR", help="default: ~/.cache/howdah/fuzz")
    parser.add_argument("--child", nargs=2, type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    unknown = sorted({*options.readers} - {*READERS})
    if unknown:
        parser.error("there is no reader %s; the readers are %s." % (
            ", ".join(unknown), ", ".join(READERS)))
    warnings.simplefilter("error")
    chosen = [READERS[name] for name in options.readers or READERS]
    if options.child:
        child(chosen[0], options.seed, *options.child)
        return 0
    if options.show is not None:
        print(pformat(chosen[0].input(options.seed, options.show)))
        print(*examined(chosen[0], options.seed, [options.show]))
        return 0
    return run(chosen, options)


def run(chosen: list, options) -> int:
    report = Report("fuzz", argparse.Namespace(**vars(options), small=not options.json),
                    repeated="seed %d" % options.seed)
    table: list = [HEAD]
    for reader in chosen:
        if importlib.util.find_spec(reader.needs) is None:
            report.note("%s: SKIPPED, there is no module %s" % (reader.name, reader.needs))
        else:
            table.append(fuzz(reader, options, report))
    report.table(table)
    report.limit("faults", sum(row[4] for row in table[1:]), 0, at_any_size=True)
    return report.code()


if __name__ == "__main__":
    sys.exit(main())
