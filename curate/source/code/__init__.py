"""Source code: files, archives and checkouts, with language, licence and marks.

In: a file or an archive. Out: a row a file, whose labels say its language, its licence and whether
it is generated, minified or vendored.
"""
