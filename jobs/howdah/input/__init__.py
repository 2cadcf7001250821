"""Bytes to batches: text or packed blocks of any format become arrays; what is no row is counted.

    lines     files, standard input or pairs -> Block: whole lines and the place where they stand
      └─► parse     Parser: a Block -> Rows, and a RowCounts of what was empty or refused
            ├── headers        the header of the first file, as the others repeat it
            ├── whole_blocks   clean blocks at once, by simdjson
            ├── single_rows    all others row by row: the reference, and the reasons of bad rows
            ├── packed         blocks of arrays: written, read; packed_format: their bytes
            └─► batches     Rows -> Batch, of the size that suits the cache

    layout    Layout: which columns are what; detect finds it in an input's first rows
    formats   the format that explains all of those   foreign   files that are no text
    side_files   the lines of a file of ids, exclusions or centroids
    schema    Schema: which column is which, as all that is made of an input keeps it
    columns   which column is which, where two sides have names
    rows      Rows                        row_counts   RowCounts and its first bad rows
"""
