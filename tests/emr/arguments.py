"""The arguments of a streaming step, read as `hadoop jar hadoop-streaming.jar` reads them."""
from __future__ import annotations

import re
from dataclasses import dataclass, field

from mrjob.compat import translate_jobconf

RUNNER_JAR, RUNNER_COMMAND = "command-runner.jar", "hadoop-streaming"
GENERIC = ("-D", "-files", "-archives", "-libjars")
TEXT_INPUT = ("org.apache.hadoop.mapred.TextInputFormat", "TextInputFormat")
TEXT_OUTPUT = ("org.apache.hadoop.mapred.TextOutputFormat", "TextOutputFormat")
FIELD_PARTITIONER = "org.apache.hadoop.mapred.lib.KeyFieldBasedPartitioner"
COMPARATOR = "mapreduce.job.output.key.comparator.class"


class StepError(Exception):
    """Why a step fails: what Hadoop's client would write to the step's stderr."""


@dataclass
class JobArguments:
    """One streaming job; ``files`` and ``archives`` are pairs of (URI, name in the folder)."""

    files: list[tuple[str, str]] = field(default_factory=list)
    archives: list[tuple[str, str]] = field(default_factory=list)
    libjars: list[str] = field(default_factory=list)
    conf: dict[str, str] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    inputs: list[str] = field(default_factory=list)
    output: str | None = None
    mapper: str | None = None
    combiner: str | None = None
    reducer: str | None = None
    partitioner: str | None = None

    def number(self, name: str, default: int) -> int:
        try:
            return int(self.conf.get(name, default))
        except ValueError:
            raise StepError(f"NumberFormatException: For input string: {self.conf[name]!r}"
                            f" in -D {name}") from None

    def flag(self, name: str, default: bool) -> bool:
        return self.conf.get(name, str(default)).lower() == "true"


def streaming_arguments(jar: str, args: list[str]) -> JobArguments:
    """What a step asks for; ``StepError`` if Hadoop would not accept it."""
    if jar == RUNNER_JAR and args[:1] == [RUNNER_COMMAND]:
        args = args[1:]
    elif "streaming" not in jar.rsplit("/", 1)[-1]:
        raise StepError(f"The stand-in runs streaming steps only: not {jar} {' '.join(args[:1])}")
    job = JobArguments()
    rest = _take_generic(job, list(args))
    _take_streaming(job, rest)
    missing = [name for name, value in (("input", job.inputs), ("output", job.output),
                                        ("mapper", job.mapper)) if not value]
    if missing:
        raise StepError("ERROR streaming.StreamJob: Missing required options: "
                        + ", ".join(missing))
    if COMPARATOR in job.conf:
        raise StepError(f"The stand-in does not know the comparator {job.conf[COMPARATOR]}")
    return job


def split_command(command: str) -> list[str]:
    """Hadoop Streaming's own splitting: quotes end a word on both sides, nothing escapes them."""
    words = re.findall(r"'([^']*)'?|\"([^\"]*)\"?|([^ '\"]+)", command)
    return [word for groups in words for word in groups if word]


def _take_generic(job: JobArguments, args: list[str]) -> list[str]:
    """Generic options come first: Hadoop stops looking for them at the first other word."""
    while args and (args[0] in GENERIC or args[0].startswith("-D")):
        name = args.pop(0)
        if name.startswith("-D") and name != "-D":
            _set_conf(job, name[2:])
            continue
        value = _value(name, args)
        if name == "-D":
            _set_conf(job, value)
        elif name == "-libjars":
            job.libjars += value.split(",")
        else:
            links = [_link(uri) for uri in value.split(",")]
            (job.files if name == "-files" else job.archives).extend(links)
    return args


def _take_streaming(job: JobArguments, args: list[str]) -> None:
    while args:
        name = args.pop(0)
        if name == "-input":
            job.inputs.append(_value(name, args))
        elif name in ("-output", "-mapper", "-combiner", "-reducer", "-partitioner"):
            setattr(job, name[1:], _value(name, args))
        elif name == "-cmdenv":
            key, equals, value = _value(name, args).partition("=")
            if not equals:
                raise StepError(f"ERROR streaming.StreamJob: -cmdenv {key} is not name=value")
            job.env[key] = value
        elif name == "-numReduceTasks":
            job.conf["mapreduce.job.reduces"] = _value(name, args)
        elif name in ("-inputformat", "-outputformat"):
            known = TEXT_INPUT if name == "-inputformat" else TEXT_OUTPUT
            value = _value(name, args)
            if value not in known:
                raise StepError(f"The stand-in does not know {name} {value}")
        elif name.startswith("-"):
            raise StepError(f"ERROR streaming.StreamJob: Unrecognized option: {name}")
        else:
            raise StepError("ERROR streaming.StreamJob: Found 1 unexpected arguments on the"
                            f" command line [{name}]")
    if job.partitioner not in (None, FIELD_PARTITIONER):
        raise StepError(f"The stand-in does not know -partitioner {job.partitioner}")


def _value(name: str, args: list[str]) -> str:
    if not args:
        raise StepError(f"ERROR streaming.StreamJob: Missing argument for option: {name}")
    return args.pop(0)


def _set_conf(job: JobArguments, setting: str) -> None:
    key, equals, value = setting.partition("=")
    if not equals:
        raise StepError(f"-D {setting} is not name=value")
    job.conf[translate_jobconf(key, "3")] = value


def _link(uri: str) -> tuple[str, str]:
    path, _, name = uri.partition("#")
    return path, name or path.rstrip("/").rsplit("/", 1)[-1]
