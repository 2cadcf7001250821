"""A stand-in for Amazon EMR: moto's server for the APIs, and a thread that carries out steps.

moto answers EMR, S3, IAM and EC2 calls, but a step submitted there stays as it is for ever. The
stand-in takes each step's arguments, does what they say (see streaming.py), writes the logs
where EMR puts them, and sets the state that a launcher polls for.
"""
from __future__ import annotations

import gzip
import logging
import os
import shutil
import site
import sysconfig
import tempfile
import threading
import time
import venv
from pathlib import Path
from unittest.mock import patch

import boto3  # type: ignore[import-untyped]
from emr.arguments import StepError, streaming_arguments
from emr.storage import Storage
from emr.streaming import StreamingJob
from emr.tasks import SYSTEM_PATH, Workers
from moto.backends import get_backend
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.utils import utcnow
from moto.emr.models import Application, Cluster
from moto.server import ThreadedMotoServer

HADOOP_VERSION = "3.4.1"
POLL_SECONDS = 0.02
ENDED = ("COMPLETED", "FAILED", "CANCELLED")
KEYS = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}


class Standin:
    """An EMR on a free port of 127.0.0.1. All its files lie in ``folder``.

    Tasks run the ``python3`` of ``worker_path``; by default one that can import what is installed
    beside this Python, but neither this checkout nor an editable install.
    """

    def __init__(self, folder: Path, worker_path: Path | None = None) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.worker_path = worker_path or worker_python(folder / "python")
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._thread = threading.Thread(target=self._work, name="emr stand-in", daemon=True)
        self._stop = threading.Event()
        self._jobs = 0
        self._ended: set[str] = set()
        self.error: BaseException | None = None

    def __enter__(self) -> Standin:
        self._applications = patch.object(Cluster, "add_applications", _add_applications)
        self._applications.start()
        logging.getLogger("werkzeug").setLevel(logging.WARNING)
        self._server.start()
        self.endpoint = "http://127.0.0.1:%d" % self._server.get_host_and_port()[1]
        self.s3 = self.client("s3")
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._stop.set()
        self._thread.join()
        self._server.stop()
        self._applications.stop()

    def client(self, service: str):
        return boto3.client(service, endpoint_url=self.endpoint, region_name="us-east-1", **KEYS)

    def storage(self, cluster_id: str = "") -> Storage:
        return Storage(self.s3, f"hdfs-of-{cluster_id}".lower())

    def clusters(self) -> list[Cluster]:
        return [cluster for backend in get_backend("emr")[DEFAULT_ACCOUNT_ID].values()
                for cluster in list(backend.clusters.values())]

    # the thread

    def _work(self) -> None:
        try:
            while not self._stop.wait(POLL_SECONDS):
                for cluster in self.clusters():
                    self._serve(cluster)
        except BaseException as error:
            self.error = error
            raise

    def _serve(self, cluster: Cluster) -> None:
        waiting = [step for step in list(cluster.steps) if step.state not in ENDED]
        if waiting and self._is_gone(cluster):
            self._end_waiting(cluster, "TERMINATED")
        elif waiting:
            self._run(cluster, waiting[0])

    def _run(self, cluster: Cluster, step) -> None:
        step.start()
        step.state = cluster.state = "RUNNING"
        error = self._carry_out(cluster, step)
        _set_end(step)
        gone = self._is_gone(cluster)
        step.state = "CANCELLED" if gone else "FAILED" if error else "COMPLETED"
        if gone:
            self._end_waiting(cluster, "TERMINATED")
        elif error and step.action_on_failure in ("TERMINATE_CLUSTER", "TERMINATE_JOB_FLOW"):
            cluster.terminate()
            self._end_waiting(cluster, "TERMINATED_WITH_ERRORS")
        elif error and step.action_on_failure == "CANCEL_AND_WAIT":
            self._end_waiting(cluster, "WAITING")
        elif all(other.state in ENDED for other in cluster.steps):
            cluster.state = "WAITING"
            if cluster.auto_terminate:
                cluster.terminate()
                self._ended.add(cluster.id)

    def _is_gone(self, cluster: Cluster) -> bool:
        """Whether a cluster was terminated: by its user, or after its last step.

        moto terminates a cluster that is not kept alive at its creation, before it has steps.
        """
        if cluster.auto_terminate:
            return cluster.id in self._ended
        return cluster.end_datetime is not None

    def _end_waiting(self, cluster: Cluster, state: str) -> None:
        for step in cluster.steps:
            if step.state not in ENDED:
                step.state = "CANCELLED"
                _set_end(step)
        cluster.state = state

    def _carry_out(self, cluster: Cluster, step) -> str | None:
        """Run one step and write its logs; the reason if it failed."""
        self._jobs += 1
        job_id = f"{int(time.time() * 1000)}_{self._jobs:04d}"
        folder = Path(tempfile.mkdtemp(prefix=step.id + ".", dir=self.folder))
        storage = self.storage(cluster.id)
        workers: Workers | None = None
        error = None
        try:
            arguments = streaming_arguments(step.jar, list(step.args))
            workers = Workers(folder, arguments, f"{self.worker_path}:{SYSTEM_PATH}")
            self._watch(StreamingJob(arguments, storage, workers, job_id), cluster)
        except StepError as reason:
            error = str(reason)
        finally:
            shutil.rmtree(folder)
            # mrjob's wrapper locks it in every task, and leaves it.
            Path("/tmp/wrapper.lock." + step.name.split(":")[0]).unlink(missing_ok=True)
        if cluster.log_uri:
            _write_logs(storage, cluster, step, job_id, workers, error)
        return error

    def _watch(self, job: StreamingJob, cluster: Cluster) -> None:
        """Run a job; kill it when its cluster or the stand-in ends."""
        failed: list[BaseException] = []

        def run() -> None:
            try:
                job.run()
            except BaseException as error:
                failed.append(error)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        while thread.is_alive():
            if self._stop.is_set() or self._is_gone(cluster):
                job.workers.kill()
            thread.join(POLL_SECONDS)
        if failed:
            raise failed[0]


def worker_python(folder: Path) -> Path:
    """A bin folder whose ``python3`` has the packages beside this Python, as if bootstrapped.

    Folders named by a .pth file are not searched for .pth files of their own, so what is
    installed as editable here is not there.
    """
    venv.create(folder, with_pip=False, symlinks=True)
    names = {"base": str(folder), "platbase": str(folder)}
    packages = Path(sysconfig.get_path("purelib", "venv" if "venv" in sysconfig.get_scheme_names()
                                       else "posix_prefix", vars=names))
    paths = {sysconfig.get_path(kind) for kind in ("purelib", "platlib")}
    paths.update(path for path in site.getsitepackages() if os.path.isdir(path))
    (packages / "a.pth").write_text("\n".join(sorted(paths)) + "\n")
    # It gives `distutils` to Python 3.12 and later.
    for path in sorted(paths):
        if os.path.exists(os.path.join(path, "distutils-precedence.pth")):
            shutil.copy(os.path.join(path, "distutils-precedence.pth"), packages)
    return folder / "bin"


def _set_end(step) -> None:
    step.end_date_time = utcnow()


def _add_applications(cluster: Cluster, applications: list[dict]) -> None:
    """With names and versions, which moto loses and mrjob needs."""
    names = [application.get("Name") or application["name"] for application in applications]
    cluster.applications += [Application(name, HADOOP_VERSION, [], {}) for name in names]


def _write_logs(storage: Storage, cluster: Cluster, step, job_id: str,
                workers: Workers | None, error: str | None) -> None:
    """The step's own logs, and the stderr of its tasks in their containers' folders, as EMR."""
    root = f"{cluster.log_uri.rstrip('/')}/{cluster.id}"
    now = time.strftime("%Y-%m-%d %H:%M:%S,000 ")
    info = now + "INFO org.apache.hadoop.mapreduce.Job (main): "
    syslog = [f"{info}Running job: job_{job_id}"]
    if workers is not None:
        syslog += [f"{now}INFO org.apache.hadoop.yarn.client.api.impl.YarnClientImpl (main):"
                   f" Submitted application application_{job_id}"]
    if error is None:
        syslog += [f"{info}Job job_{job_id} completed successfully"]
    else:
        syslog += [info + error]
        _write_log(storage, f"{root}/steps/{step.id}/stderr.gz", error)
    if workers is not None and workers.counters:
        groups = sorted({group for group, _ in workers.counters})
        lines = [line for group in groups for line in
                 [f"\t{group}"] + [f"\t\t{name}={amount}" for (of, name), amount
                                   in sorted(workers.counters.items()) if of == group]]
        syslog += [f"{info}Counters: {len(workers.counters)}", *lines]
    _write_log(storage, f"{root}/steps/{step.id}/syslog.gz", "\n".join(syslog))
    for number, attempt in enumerate(workers.attempts if workers else (), 2):
        container = f"application_{job_id}/container_{job_id}_01_{number:06d}"
        _write_log(storage, f"{root}/containers/{container}/stderr.gz",
                   attempt.stderr.decode("utf-8", "replace"))
        _write_log(storage, f"{root}/containers/{container}/syslog.gz",
                   f"{now}INFO [main] org.apache.hadoop.mapred.YarnChild: {attempt.name}")


def _write_log(storage: Storage, uri: str, text: str) -> None:
    storage.write(uri, gzip.compress((text + "\n").encode("utf-8")))
