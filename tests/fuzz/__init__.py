"""Every reader of what users, disks and networks can damage, given broken input.

    __main__.py ──► processes    children that may crash, hang or grow
                     └──► watch         one input: taken, refused, or what is wrong
                           └──► reader  a name, how inputs are made, how one is read and checked
    READERS (readers.py) ◄── texts, blocks, files, arrays, network
                               └──► mutation   bytes and JSON, damaged

`python tests/fuzz` runs them; tests/test_fuzz.py a few hundred inputs of each.
"""
