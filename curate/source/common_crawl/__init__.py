"""Common Crawl as its users take it: lists of files, and indexes that name single records.

In: a `.paths` list, or an index and what to select from it. Out: files, and the spans to be read.
"""
