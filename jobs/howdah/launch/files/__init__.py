"""Files by path or URI: one face for all file systems.

    files       Files: every path to the file system that has it
     ├─ local       this machine's disks
     ├─ hdfs        over HTTP (webhdfs) where that can be, else by `hadoop fs`
     └─ s3          through boto3, AWS's errors as sentences
    filesystem  the contract that all fulfil; paths: paths and URIs as text
"""
