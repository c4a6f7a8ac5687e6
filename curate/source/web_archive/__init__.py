"""WARC and ARC files: bytes to records, every byte accounted for.

In: an archive file, whole or in pieces. Out: a row a record. The way: `compressed` (members to
chunks) → `tape` (a sliding window) → `framing` (records and lost spans) → `http_message` (status,
header, body) → `warc` (rows).
"""
