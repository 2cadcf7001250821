"""The settings of the one-node cluster, written as Hadoop's XML files."""
from __future__ import annotations

import random
import socket
from collections.abc import Iterable
from pathlib import Path
from xml.sax.saxutils import escape

HOST = "127.0.0.1"
PORT_NAMES = (
    "namenode", "namenode_http",
    "datanode", "datanode_http", "datanode_ipc",
    "resourcemanager", "scheduler", "tracker", "rm_admin", "rm_http",
    "nodemanager", "localizer", "nm_http", "shuffle",
)

# The WARN line of NativeCodeLoader breaks mrjob's reading of errors; streaming's and the
# job client's INFO lines are what mrjob reads the job's id, progress and counters from.
LOG4J = """\
log4j.rootLogger=WARN,console
log4j.appender.console=org.apache.log4j.ConsoleAppender
log4j.appender.console.target=System.err
log4j.appender.console.layout=org.apache.log4j.PatternLayout
log4j.appender.console.layout.ConversionPattern=%d{yy/MM/dd HH:mm:ss} %p %c{2}: %m%n
log4j.logger.org.apache.hadoop.util.NativeCodeLoader=ERROR
log4j.logger.org.apache.hadoop.metrics2.impl.MetricsConfig=ERROR
log4j.logger.org.apache.hadoop.mapreduce=INFO
log4j.logger.org.apache.hadoop.mapred=INFO
log4j.logger.org.apache.hadoop.streaming=INFO
log4j.logger.org.apache.hadoop.yarn.client=INFO
log4j.logger.org.apache.hadoop.mapreduce.v2.app=WARN
"""


def free_ports(names: Iterable[str] = PORT_NAMES) -> dict[str, int]:
    """A free port for every name, below the range of outgoing connections.

    A daemon that is restarted asks for its port again, so no client's connection may have taken
    it in between: hence not ports that the kernel hands out.
    """
    ports: dict[str, int] = {}
    sockets: list[socket.socket] = []
    try:
        for name in names:
            sock, ports[name] = _bind_one()
            sockets.append(sock)
    finally:
        for sock in sockets:
            sock.close()
    return ports


def _bind_one() -> tuple[socket.socket, int]:
    for _ in range(200):
        port = random.randrange(10_000, 32_000)
        sock = socket.socket()
        try:
            sock.bind((HOST, port))
        except OSError:
            sock.close()
            continue
        return sock, port
    raise OSError(f"no free port found on {HOST} between 10000 and 32000")


def site_settings(folder: Path, ports: dict[str, int], jars: list[Path],
                  memory_mb: int, path: str) -> dict[str, dict[str, object]]:
    """Settings by file.

    ``folder`` is the cluster's, ``jars`` the class path of all daemons, ``path`` the PATH of
    application masters and tasks.
    """
    at = {name: f"{HOST}:{port}" for name, port in ports.items()}
    classpath = ",".join([str(folder / "conf"), *map(str, jars)])
    return {
        "core-site.xml": {
            "fs.defaultFS": f"hdfs://{at['namenode']}",
            "hadoop.tmp.dir": folder / "tmp",
            "ipc.client.connect.max.retries": 5,
            "ipc.client.connect.retry.interval": 500,
        },
        "hdfs-site.xml": _hdfs(folder, at),
        "yarn-site.xml": _yarn(folder, at, classpath, memory_mb, path),
        "mapred-site.xml": _mapred(folder, ports["shuffle"], classpath),
    }


def _hdfs(folder: Path, at: dict[str, str]) -> dict[str, object]:
    return {
        "dfs.namenode.name.dir": f"file://{folder}/hdfs/name",
        "dfs.datanode.data.dir": f"file://{folder}/hdfs/data",
        "dfs.namenode.http-address": at["namenode_http"],
        "dfs.datanode.address": at["datanode"],
        "dfs.datanode.http.address": at["datanode_http"],
        "dfs.datanode.ipc.address": at["datanode_ipc"],
        "dfs.datanode.hostname": HOST,
        "dfs.replication": 1,
        "dfs.permissions.enabled": "false",
        # Small blocks let a test split a small file over several mappers.
        "dfs.namenode.fs-limits.min-block-size": 512,
        "dfs.namenode.safemode.extension": 0,
        "dfs.namenode.heartbeat.recheck-interval": 5000,
        "dfs.namenode.handler.count": 4,
        "dfs.datanode.handler.count": 4,
    }


def _yarn(folder: Path, at: dict[str, str], classpath: str, memory_mb: int,
          path: str) -> dict[str, object]:
    rm, nm = "yarn.resourcemanager", "yarn.nodemanager"
    return {
        f"{rm}.hostname": HOST,
        f"{rm}.address": at["resourcemanager"],
        f"{rm}.scheduler.address": at["scheduler"],
        f"{rm}.resource-tracker.address": at["tracker"],
        f"{rm}.admin.address": at["rm_admin"],
        f"{rm}.webapp.address": at["rm_http"],
        f"{rm}.scheduler.class":
            "org.apache.hadoop.yarn.server.resourcemanager.scheduler.fifo.FifoScheduler",
        "yarn.scheduler.minimum-allocation-mb": 128,
        "yarn.scheduler.maximum-allocation-mb": memory_mb,
        "yarn.scheduler.maximum-allocation-vcores": 16,
        # The defaults, ten minutes each, would make every test of a lost node that long.
        "yarn.nm.liveness-monitor.expiry-interval-ms": 20_000,
        "yarn.am.liveness-monitor.expiry-interval-ms": 30_000,
        f"{nm}.hostname": HOST,
        f"{nm}.address": at["nodemanager"],
        f"{nm}.localizer.address": at["localizer"],
        f"{nm}.webapp.address": at["nm_http"],
        f"{nm}.local-dirs": folder / "yarn" / "local",
        f"{nm}.log-dirs": folder / "yarn" / "logs",
        f"{nm}.aux-services": "mapreduce_shuffle",
        f"{nm}.resource.memory-mb": memory_mb,
        f"{nm}.resource.cpu-vcores": 16,
        f"{nm}.vmem-check-enabled": "false",
        # Otherwise a disk that is 90 % full makes the only node unhealthy and jobs wait for ever.
        f"{nm}.disk-health-checker.enable": "false",
        f"{nm}.env-whitelist": "JAVA_HOME,LANG,HADOOP_CONF_DIR,HOWDAH_CLUSTER",
        # In the whitelist PATH has no effect: bash sets a PATH of its own before it is asked.
        f"{nm}.admin-env.PATH": path,
        "yarn.application.classpath": classpath,
        # As on most clusters: a task's log is in HDFS once its application has ended.
        "yarn.log-aggregation-enable": "true",
        f"{nm}.remote-app-log-dir": "/yarn-logs",
        "yarn.timeline-service.enabled": "false",
    }


def _mapred(folder: Path, shuffle_port: int, classpath: str) -> dict[str, object]:
    options = f"@{folder}/task.jvm"
    return {
        "mapreduce.framework.name": "yarn",
        "mapreduce.application.classpath": classpath,
        "mapreduce.shuffle.port": shuffle_port,
        "yarn.app.mapreduce.am.staging-dir": "/mr-staging",
        "yarn.app.mapreduce.am.resource.mb": 1536,
        "yarn.app.mapreduce.am.admin-command-opts": options,
        "yarn.app.mapreduce.am.command-opts": "-Xmx256m",
        "mapreduce.map.memory.mb": 1024,
        "mapreduce.reduce.memory.mb": 1024,
        "mapreduce.admin.map.child.java.opts": options,
        "mapreduce.admin.reduce.child.java.opts": options,
        "mapreduce.map.java.opts": "-Xmx256m",
        "mapreduce.reduce.java.opts": "-Xmx256m",
        "mapreduce.task.io.sort.mb": 64,
    }


def write_conf(folder: Path, sites: dict[str, dict[str, object]]) -> None:
    """Write one XML file per site, and log4j.properties, into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, settings in sites.items():
        rows = "".join(
            f"<property><name>{escape(key)}</name><value>{escape(str(value))}</value></property>\n"
            for key, value in settings.items()
        )
        text = f'<?xml version="1.0"?>\n<configuration>\n{rows}</configuration>\n'
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "log4j.properties").write_text(LOG4J, encoding="utf-8")
