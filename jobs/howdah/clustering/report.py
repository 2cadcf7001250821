"""What the driver tells the user."""

from __future__ import annotations

import numpy as np

from howdah.clustering.choose_k import HEADER, RULE
from howdah.launch.console import notice

# A value this many interquartile ranges away leaves the others 19 bits of the grid's 39.
OUTLYING = 1e6
LEAST_SPREAD = 1e-280
ROUND_HEADER = "round  cost                  shift         empty  seconds"


def described(launch, sample, seconds: float) -> str:
    """What the sample scan saw."""
    layout, profile = launch.inputs.layout, sample.profile
    kind = layout.format + (" with header" if layout.header else "")
    return "%s: %d rows x %d columns, %s, %d distinct rows%s; %s\nsample scan: %.1f s" % (
        ", ".join(launch.inputs.paths), profile.rows, profile.width, kind,
        profile.distinct.count, "" if profile.distinct.exact else " (estimated)",
        sample.row_counts.summary(), seconds)


def warn_of(options, profile, rows, columns: list) -> None:
    """What in the data will make clusters other than the user may expect; `rows` is the sample."""
    std = profile.moments.std
    total = float(np.sum((std / (std.max() or 1.0)) ** 2))
    if options.metric == "euclidean" and not options.standardize and len(std) > 1 and total:
        share = 1.0 / total
        if share > 0.9:
            notice("warning: column %r holds %.3g %% of the variance, so clusters follow it alone;"
                   " consider --standardize." % (columns[int(std.argmax())], 100 * share))
    if options.metric == "euclidean" and len(rows):
        warn_of_outliers(profile.moments, rows, columns)


def warn_of_outliers(moments, rows, columns: list) -> None:
    """Say which column's range is so far beyond its bulk that the grid is coarse there."""
    spread = np.subtract(*np.percentile(rows, [75, 25], axis=0))
    spread[spread < LEAST_SPREAD] = 0.0
    reach = np.maximum(moments.high - moments.means, moments.means - moments.low)
    times = np.divide(reach, spread, out=np.zeros_like(reach), where=spread > 0)
    if times.max() > OUTLYING:
        notice("warning: column %r has a value %.3g times its interquartile range from the mean;"
               " sums keep 2**-39 of that range." % (columns[int(times.argmax())], times.max()))


def stopped(result, name: str = "") -> str:
    """Which rule stopped a run; of several, which have a name, also the cost it came to."""
    cost = "cost %.10g, " % result.measured.cost if name else ""
    return "%s%s%s: %s" % (name, cost, "converged" if result.converged else "stopped", result.stop)


def summary(result, launch, rounds: int, labels: bool, jobs_before: int,
            seconds: float) -> str:
    """The last line; `jobs_before` were run by drivers that the run outlived."""
    counts = sorted(result.measured.counts.tolist())
    return ("cost %.10g, clusters of %d to %d rows; %d jobs (1 sample scan, %d round%s%s%s), %.1f s"
            % (result.measured.cost, counts[0], counts[-1],
               jobs_before + launch.jobs + launch.resubmitted,
               rounds, "s" * (rounds != 1), ", 1 for the labels" if labels else "",
               ", %d submitted again" % launch.resubmitted if launch.resubmitted else "", seconds))


def table(choices: list, best) -> str:
    """The numbers of clusters side by side, and which of them the rule picks."""
    lines = [HEADER]
    for before, choice in zip([None, *choices[:-1]], choices):
        lines.append(choice.line(before))
    return "\n".join([*lines, "k = %d has %s" % (best.k, RULE)])
