"""Spark MLlib KMeans from a CSV file to centroids: k-means||, maxIter=20, its defaults.

    python tests/bench/peers/spark_kmeans.py points.csv out -k 50 --columns 16 --master 'local[2]'
    python tests/bench/peers/spark_kmeans.py hdfs://... out -k 50 --columns 16 --master yarn

Its settings are the fastest of those tried: the columns' types are given, which saves the scan that
finds them; MLlib caches the vectors itself, once more would slow it; solver="row" took less time
than "block", which it takes by itself for dense rows. No Python runs on an executor. Writes
out/centroids.csv and out/notes.json.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from pathlib import Path

import numpy as np
import pyspark
from pyspark import SparkContext
from pyspark.ml.clustering import KMeans
from pyspark.ml.feature import VectorAssembler
from pyspark.sql import SparkSession

ON_YARN = {"spark.executor.instances": "1", "spark.executor.cores": "2",
           "spark.executor.memory": "3g", "spark.dynamicAllocation.enabled": "false",
           "spark.yarn.am.memory": "512m",
           # As on a cluster that has Spark; else 460 MB of jars go to HDFS first.
           "spark.yarn.jars": "local:%s/jars/*" % Path(pyspark.__file__).parent}
CONTAINERS = "%(spark.executor.instances)s executor of %(spark.executor.memory)s and" \
    " %(spark.executor.cores)s cores, a master of %(spark.yarn.am.memory)s" % ON_YARN


def session(master: str, memory: str) -> SparkSession:
    builder = SparkSession.builder.appName("kmeans").master(master)
    settings = {"spark.ui.enabled": "false", "spark.driver.memory": memory,
                "spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1",
                **(ON_YARN if master == "yarn" else {})}
    for name, value in settings.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def peak_mb(context: SparkContext) -> float:
    """Peak resident memory of the driver's JVM, which on local masters does all the work."""
    pid = context._jvm.java.lang.ProcessHandle.current().pid()  # type: ignore[union-attr]
    status = Path("/proc/%d/status" % pid).read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found.group(1)) / 1024 if found else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("csv")
    parser.add_argument("out", type=Path)
    parser.add_argument("-k", type=int, required=True)
    parser.add_argument("--columns", type=int, required=True)
    parser.add_argument("--master", default="local[2]")
    parser.add_argument("--driver-memory", default="6g")
    parser.add_argument("--max-iter", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    o = parser.parse_args()
    names = ["x%d" % j for j in range(o.columns)]
    started = time.perf_counter()
    spark = session(o.master, o.driver_memory)
    ready = time.perf_counter()
    table = spark.read.csv(o.csv, schema=", ".join("%s double" % name for name in names))
    points = VectorAssembler(inputCols=names, outputCol="features").transform(table)
    points = points.select("features")
    model = KMeans(k=o.k, maxIter=o.max_iter, seed=o.seed, solver="row").fit(points)
    centroids = np.array(model.clusterCenters())
    np.savetxt(o.out / "centroids.csv", centroids, delimiter=",", comments="",
               header=",".join(names), fmt="%.17g")
    notes = {"peak_mb": peak_mb(spark.sparkContext), "iterations": model.summary.numIter,
             "startup_seconds": ready - started,
             **({"containers": CONTAINERS} if o.master == "yarn" else {})}
    (o.out / "notes.json").write_text(json.dumps(notes))
    spark.stop()


if __name__ == "__main__":
    main()
