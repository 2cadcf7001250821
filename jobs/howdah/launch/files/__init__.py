"""Files by path or URI: this machine's disks, HDFS and S3 behind one face.

The contract is a class, `filesystem.FileSystem`, and every file system here fulfils it, the face
itself too: what is written is there whole or not at all, and no answer is an error, not a no. Which
file system answers for a URI is the backend's to say (Backend.file_system).

    files.Files ──┬──► local.LocalFiles
                  ├──► hdfs.HadoopFiles ──┬──► webhdfs.WebHdfs    HTTP: milliseconds
                  │                       └──► hdfs.HadoopShell   `hadoop fs`: a JVM for each call
                  └──► s3.S3Files             AWS's errors as sentences

    filesystem   the contract      paths   paths and URIs as text
"""
