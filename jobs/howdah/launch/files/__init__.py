"""Files and folders by path or URI: one face for this machine's disks, HDFS and S3.

`filesystem` is the contract: exists, ls, head, tail, cat, read, replace, create, put, rm. The
launcher holds one `Files`, which gives each path to the file system that has it; SCHEMES in `files`
says who answers for which scheme with which runner.

    launch, clustering, indexing
       │
       ▼
    files.Files ──┬─► local.LocalFiles
    (SCHEMES)     ├─► hdfs.HadoopFiles ──┬─► webhdfs.WebHdfs    milliseconds; if it is Unanswered:
                  │                      └─► hdfs.HadoopShell   `hadoop fs`, a JVM per call
                  └─► s3.S3Files         ──► boto3
    `paths` knows paths and URIs as text.
"""
