"""Files that are not on this machine: politely read, in ranges, taken up where they broke.

In: an address and the spans that are wanted. Out: a seekable stream, or one clear line.
"""
