"""A finished run in the browser: every row of its tables, and SQL over them. `curate report RUN --serve`.

statement  which SQL is run: one query that only reads, by the word of DuckDB's own parser
tables     what the manifests list, as SQL views
database   DuckDB, locked: those files, so much memory, nothing else; time limits
browse     one page of a table's rows, narrowed, by place in the files
answer     what a query found: cut for a page, whole for a file
story      what `curate explain` says
pages      addresses and what stands there, as HTML without a need for script
gate       who may ask: this machine, this browser, no other page
server     the HTTP server on the loopback address
"""

from curate.report.serve.server import serve

__all__ = ["serve"]
