"""Command-line options that several scripts share."""

from __future__ import annotations

from howdah.input.layout import FORMATS, InputOptions


def add_input_options(parser) -> None:
    """How the input is written; everything not given is found out from its head."""
    group = parser.add_argument_group("input (detected from its first rows where not given)")
    group.add_argument("--format", choices=FORMATS, default=None)
    group.add_argument("--delimiter", default=None, help="one character; \\t for a tab")
    group.add_argument("--header", dest="header", action="store_true", default=None,
                       help="the first line holds the columns' names")
    group.add_argument("--no-header", dest="header", action="store_false")
    group.add_argument("--id-column", default=None, metavar="COLUMN",
                       help="by name or by number (from 0; -1 is the last), as all columns here")
    group.add_argument("--weight-column", default=None, metavar="COLUMN",
                       help="sample weights, 0 or more")
    group.add_argument("--ignore-columns", default="", metavar="COLUMN,...",
                       help="columns to leave out, separated by commas")
    group.add_argument("--zero-based", action="store_true",
                       help="svmlight indices count from 0, not from 1")
    group.add_argument("--bad-rows", choices=("error", "skip"), default="error",
                       help="what to do with rows that cannot be used (default: error)")


def whole_numbers(text: str) -> list:
    """"10,20,50" as numbers, without repetitions; argparse says what is wrong."""
    return list(dict.fromkeys(int(part) for part in text.split(",")))


def add_cluster_options(parser) -> None:
    """What tasks on a cluster need."""
    group = parser.add_argument_group("cluster")
    group.add_argument("--worker-env", default=None, metavar="ARCHIVE",
                       help="a path or URI of the environment that jobs/worker_env.py built, for"
                            " workers whose Python has no numpy")
    group.add_argument("--print-streaming", default=None, metavar="FOLDER",
                       help="do not run the job: write what it ships to FOLDER and print its"
                            " complete `hadoop jar` command")


def add_metric_options(parser) -> None:
    """What k-means means by near."""
    parser.add_argument("--metric", choices=("euclidean", "cosine"), default="euclidean")
    parser.add_argument("--standardize", action="store_true",
                        help="divide every column by its standard deviation")


def add_sampling_options(parser) -> None:
    """What the sample scan needs to know."""
    parser.add_argument("-k", "--clusters", type=whole_numbers, metavar="K[,K...]",
                        help="number of clusters; several share every scan")
    parser.add_argument("--sample-size", type=int, default=None, metavar="ROWS",
                        help="rows to sample for seeding (default: 20000 or 40 per cluster)")
    parser.add_argument("--seed", type=int, default=0)


def input_options(options) -> InputOptions:
    """What the user said about the input."""
    delimiter = options.delimiter
    return InputOptions(
        format=options.format, delimiter="\t" if delimiter == "\\t" else delimiter,
        header=options.header, id_column=options.id_column,
        weight_column=options.weight_column,
        ignore_columns=tuple(c.strip() for c in options.ignore_columns.split(",") if c.strip()),
        label_column=getattr(options, "label_column", None),
        target_column=getattr(options, "target_column", None), zero_based=options.zero_based)
