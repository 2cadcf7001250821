"""The pytest fixture ``emr``: one stand-in for the whole run.

tests/conftest.py makes it known to all tests by ``from emr.fixture import emr``.
"""
from __future__ import annotations

import gzip
import importlib.util
import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from emr.standin import Standin

ENVIRONMENT = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing",
               "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true",
               "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}


class Emr:
    """What a test needs to run jobs on the stand-in.

    ``options`` are mrjob's runner options, ``conf`` is an mrjob.conf with the same; ``bucket`` is
    new and empty.
    """

    def __init__(self, standin: Standin, folder: Path) -> None:
        self.standin = standin
        self.s3 = standin.s3
        self.bucket = self.new_bucket()
        self.options = options(standin.endpoint, self.bucket)
        self.conf = folder / "mrjob.conf"
        self.conf.write_text(json.dumps({"runners": {"emr": self.options}}))

    def new_bucket(self) -> str:
        name = "howdah-" + uuid.uuid4().hex
        self.s3.create_bucket(Bucket=name)
        return name

    def args(self, cluster_id: str | None = None) -> list[str]:
        """Arguments for a job's or the driver's command line."""
        joined = ["--cluster-id", cluster_id] if cluster_id else []
        return ["-r", "emr", "--conf-path", str(self.conf), *joined]

    def create_cluster(self, conf: Path | None = None, *args: str) -> str:
        """What `mrjob create-cluster` does: the id of a persistent cluster."""
        from mrjob.emr import EMRJobRunner
        from mrjob.tools.emr.create_cluster import _runner_kwargs

        runner = EMRJobRunner(**_runner_kwargs(["-q", "--conf-path", str(conf or self.conf),
                                                *args]))
        return runner.make_persistent_cluster()

    def terminate(self, cluster_id: str) -> None:
        self.standin.client("emr").terminate_job_flows(JobFlowIds=[cluster_id])

    def uri(self, name: str) -> str:
        return f"s3://{self.bucket}/{name}"

    def put(self, name: str, content: bytes) -> str:
        """Store an object in the bucket; its URI."""
        self.s3.put_object(Bucket=self.bucket, Key=name, Body=content)
        return self.uri(name)

    def get(self, uri: str) -> bytes:
        return self.standin.storage().read(uri)

    def keys(self, prefix: str = "") -> list[str]:
        return [key for key, _ in self.standin.storage().keys(self.bucket, prefix)]

    def steps(self, cluster_id: str) -> list[dict[str, Any]]:
        """The cluster's steps as the API describes them, oldest first."""
        found = self.standin.client("emr").list_steps(ClusterId=cluster_id)["Steps"]
        return sorted(found, key=lambda step: step["Status"]["Timeline"]["CreationDateTime"])

    def logs(self, cluster_id: str, ending: str) -> str:
        """All logs of a cluster whose name so ends: "/stderr.gz", "steps/s-1/syslog.gz"."""
        keys = self.keys(f"logs/{cluster_id}/")
        return "".join(gzip.decompress(self.get(self.uri(key))).decode("utf-8")
                       for key in keys if key.endswith(ending))


def options(endpoint: str, bucket: str) -> dict[str, Any]:
    """mrjob's options for a stand-in; the fast ones are the endpoints' own."""
    endpoints = {service + "_endpoint": endpoint for service in ("emr", "s3", "iam", "ec2")}
    return {**endpoints, "region": "us-east-1", "release_label": "emr-7.9.0",
            "applications": ["Hadoop"], "iam_service_role": "EMR_DefaultRole",
            "iam_instance_profile": "EMR_EC2_DefaultRole", "check_cluster_every": 0.2,
            "cloud_fs_sync_secs": 0, "read_logs": False, "python_bin": "python3",
            "cloud_tmp_dir": f"s3://{bucket}/tmp/", "cloud_log_dir": f"s3://{bucket}/logs/"}


@pytest.fixture(scope="session")
def emr(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emr]:
    """A running stand-in; skips without boto3 and moto, fails there if ``HOWDAH_CI=1``."""
    missing = [name for name in ("boto3", "moto", "flask") if not importlib.util.find_spec(name)]
    if missing and os.environ.get("HOWDAH_CI") == "1":
        pytest.fail(f"HOWDAH_CI=1 and no {', '.join(missing)}")
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")
    from emr.standin import Standin

    folder = tmp_path_factory.mktemp("emr")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        patch.setenv("NO_PROXY", "127.0.0.1")
        patch.delenv("AWS_PROFILE", raising=False)
        patch.delenv("AWS_SESSION_TOKEN", raising=False)
        with Standin(folder / "standin") as standin:
            yield Emr(standin, folder)
        if standin.error is not None:
            raise standin.error
