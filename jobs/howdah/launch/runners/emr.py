"""Amazon EMR from the launcher's side: one cluster for all jobs, quiet steps."""

from __future__ import annotations

from functools import cached_property
from typing import Optional

from mrjob.emr import EMRJobRunner
from mrjob.step import StepFailedException

from howdah.errors import JobFailed, UserError
from howdah.launch.console import notice, say
from howdah.launch.files.paths import is_s3
from howdah.launch.files.s3 import AWS_ERRORS, S3Files, aws, explain
from howdah.launch.runners.hadoop import Streaming

READY = ("RUNNING", "WAITING")
ENDED = ("TERMINATING", "TERMINATED", "TERMINATED_WITH_ERRORS")

#: Beneath the user's mrjob.conf and options. mrjob's own are of 2020: with its `read_logs` it would
#: sleep for ten minutes after each step, and what Hadoop compresses without a codec it cannot read.
DEFAULTS = {"image_version": "7.9.0", "read_logs": False, "check_cluster_every": 10,
            "cloud_fs_sync_secs": 0,
            "jobconf": {"mapreduce.output.fileoutputformat.compress.codec":
                        "org.apache.hadoop.io.compress.GzipCodec"}}


class EmrRunner(EMRJobRunner):
    """mrjob's runner with the defaults of today, which tells only what a user waits for."""

    _told: dict = {}

    @classmethod
    def _default_opts(cls):
        return {**super()._default_opts(), **DEFAULTS}

    def _set_cloud_tmp_dir(self):
        """Made at once, so that all jobs of a launch find the same new bucket."""
        super()._set_cloud_tmp_dir()
        self.fs.mkdir(self._opts["cloud_tmp_dir"])

    def _add_tags(self, tags, cluster_id):
        # A cluster that cannot be tagged must be known too, to be terminated.
        self._cluster_id = cluster_id
        super()._add_tags(tags, cluster_id)

    def _step_name(self, step_num):
        return self._opts["jobconf"].get("mapreduce.job.name") or super()._step_name(step_num)

    def _run(self):
        with aws("The job could not be run with -r emr", JobFailed):
            try:
                super()._run()
            except StepFailedException as error:
                raise JobFailed(
                    "The job failed: %s\nIts tasks' own words are in a few minutes in"
                    " %scontainers/*/*/stderr.gz" % (error, self._s3_log_dir())) from error

    def cat_output(self):
        with aws("The job's output cannot be read", JobFailed):
            yield from super().cat_output()

    def _describe_cluster(self):
        """While a cluster starts, its states; nothing of one that was ready before."""
        cluster = super()._describe_cluster()
        status = cluster["Status"]
        state = "ready" if status["State"] in READY else status["State"].lower()
        if self._told.get(self._cluster_id, "ready") != state:
            reason = status.get("StateChangeReason", {}).get("Message")
            notice("cluster %s is %s%s" % (
                self._cluster_id, state, ": " + reason if reason else ""))
        self._told[self._cluster_id] = state
        return cluster


class Emr(Streaming):
    """Amazon EMR: a folder on S3 and a cluster, which all jobs of a launch share.

    The cluster is the user's (--cluster-id or --pool-clusters, or so in mrjob.conf), or one that is
    created before the first job and terminated by `close`.
    """

    scheme = "s3"
    runner_class = EmrRunner

    @cached_property
    def runner(self) -> EmrRunner:
        """What holds the cluster; UserError for options that mrjob refuses."""
        if not AWS_ERRORS:
            raise UserError("-r emr needs boto3, which is not installed here: pip install boto3.")
        try:
            with aws("-r emr cannot be used"):
                return self.probe()
        except ValueError as error:
            raise UserError("mrjob refuses the options of -r emr: %s." % error) from error

    @cached_property
    def s3_files(self) -> S3Files:
        return S3Files(self.runner)

    def file_system(self, uri: str):
        if not is_s3(uri):
            raise UserError("The URI %s cannot be read from here with -r emr; use s3://." % uri)
        return self.s3_files

    def scratch_base(self) -> str:
        return self.runner._opts["cloud_tmp_dir"]

    def check(self) -> None:
        """Refuse a temporary folder or a cluster that cannot be used."""
        self.s3_files.ls(self.scratch_base())
        cluster_id = self.runner._opts["cluster_id"]
        if cluster_id:
            with aws("The cluster %s cannot be used" % cluster_id):
                state = self.runner._describe_cluster()["Status"]["State"]
            if state in ENDED:
                raise UserError("The cluster %s is %s; give another --cluster-id, or none to have"
                                " one created." % (cluster_id, state.lower()))

    def settings(self, job_class, given, folder: str, output_dir: Optional[str]) -> dict:
        return {**super().settings(job_class, given, folder, output_dir),
                "cloud_tmp_dir": self.scratch_base(), "cluster_id": self.cluster_id()}

    def cluster_id(self) -> Optional[str]:
        """The cluster, created if need be; None: mrjob finds one in the user's pool."""
        found = self.runner.get_cluster_id()
        if found or self.runner._opts["pool_clusters"]:
            return found
        with aws("No cluster could be created"):
            found = self.runner.make_persistent_cluster()
        notice("cluster %s was created; it is terminated at the end" % found)
        return found

    def close(self) -> None:
        """Also terminate the cluster that was created here; say how to, if that fails."""
        try:
            if "runner" in vars(self):
                self._terminate()
        finally:
            super().close()

    def _terminate(self) -> None:
        cluster_id = self.runner.get_cluster_id()
        if cluster_id and not self.runner._opts["cluster_id"]:
            try:
                self.runner.make_emr_client().terminate_job_flows(JobFlowIds=[cluster_id])
            except AWS_ERRORS as error:
                say("warning: the cluster %s could not be terminated and costs money; run: aws emr"
                    " terminate-clusters --cluster-ids %s (%s)"
                    % (cluster_id, cluster_id, explain(error)))
                return
            notice("cluster %s is terminated; its logs stay in %s%s/"
                   % (cluster_id, self.runner._opts["cloud_log_dir"], cluster_id))
            # The bootstrap scripts: nodes that join later would have needed them.
            self.runner._cleanup_cloud_tmp()
        self.runner._cleanup_local_tmp()
