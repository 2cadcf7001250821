"""Text and files of arrays to packed blocks.

Text is packed by a job, on any runner. Files of arrays are read in this process, a piece at a time,
and the parts of the output get their names when all are complete.

    jobs/pack.py ──► packing ──┬──► launch         text: the plan of a map-only job
                               └──► pack_arrays    arrays: pieces, checked, into parts
                                     └──► array_files    npy, fvecs, bvecs
                                           └──► parquet      imported when it is met: pyarrow
"""
