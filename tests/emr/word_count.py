"""Counts words: a plain mrjob job, to try the stand-in with."""
from __future__ import annotations

import re
import sys

from mrjob.job import MRJob
from mrjob.step import MRStep


class WordCount(MRJob):
    """Input: text. Output: word, tab, count; with --map-only one record for each word."""

    def configure_args(self):
        super().configure_args()
        self.add_passthru_arg("--map-only", action="store_true")
        self.add_passthru_arg("--refuse", metavar="WORD", help="fail at this word")
        self.add_passthru_arg("--twice", action="store_true",
                              help="a second step: how many words there are of each count")

    def steps(self):
        if self.options.map_only:
            return [MRStep(mapper=self.mapper)]
        counting = MRStep(mapper=self.mapper, combiner=self.combiner, reducer=self.combiner)
        swapping = MRStep(mapper=lambda word, count: [(count, 1)], reducer=self.combiner)
        return [counting, swapping] if self.options.twice else [counting]

    def mapper(self, _, line):
        for word in re.findall(r"\w+", line):
            if word == self.options.refuse:
                print("about to fail", file=sys.stderr)
                raise ValueError(f"the word {word!r} is refused")
            self.increment_counter("words", "seen")
            yield word, 1

    def combiner(self, word, counts):
        yield word, sum(counts)


if __name__ == "__main__":
    WordCount.run()
