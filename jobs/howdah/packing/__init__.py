"""Text and files of arrays to packed blocks.

    packing     text by a job, files of arrays in this process              <- jobs/pack.py
     └─ pack_arrays  a piece at a time, into parts
         └─ array_files  npy, fvecs, bvecs; parquet
"""
