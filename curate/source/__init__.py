"""Files in, documents out: what can be read, where it is, and how.

In: paths (files, folders, globs; local or any address fsspec opens). Out: one `Document` a record.
The decision: every record of every file becomes a row. What is no document, or cannot be read, is
a row whose `drop` is `record.<kind>`; only a path or an option that does not exist raises.
"""

from __future__ import annotations

from curate.source.formats import FORMATS, Format, detect_format, read
from curate.source.listing import FileInfo, list_files
from curate.source.origin import Origin

__all__ = ["FORMATS", "FileInfo", "Format", "Origin", "detect_format", "list_files", "read"]
