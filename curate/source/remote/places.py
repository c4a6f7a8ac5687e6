"""Opening files wherever they are, and saying in one line why one cannot be opened.

In: a path or URL, and the spans of it that will be read. Out: a binary stream that can seek. The
decision: web servers are read by our own polite reader (`web`), everything else by fsspec; its
object stores are read in the same merged ranges, without its caches, which are made for other uses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, BinaryIO, TypeVar, cast

from fsspec.core import url_to_fs
from fsspec.spec import AbstractBufferedFile

from curate.errors import CurateError, InputError, MissingError, WorkError
from curate.source.pieces import Span
from curate.source.remote.patience import Busy, patiently
from curate.source.remote.ranges import RangeReader
from curate.source.remote.stream import Web, WebFile

BLOCK_BYTES = 8 << 20
CREDENTIALS = (
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or FSSPEC_S3_ANON=true for a public bucket"
)
HADOOP = (
    "hdfs:// needs Java and Hadoop's libhdfs on every machine: set JAVA_HOME, HADOOP_HOME and "
    "CLASSPATH=$(hadoop classpath --glob)"
)
S3 = "s3:// needs s3fs on every machine: pip install 'curate[s3]'"
Result = TypeVar("Result")


def is_web(path: str) -> bool:
    """Whether a path is read by our own reader of web servers."""
    return path.startswith(("http://", "https://"))


def file_system(path: str) -> tuple[Any, str]:
    """The file system of a path or URL and the path's name in it. Raises InputError for an unknown
    protocol, MissingError for one whose library is not installed."""
    if is_web(path):
        return Web(), path
    try:
        fs, bare = url_to_fs(path)
    except (ImportError, OSError, ValueError) as error:
        raise unreachable(path, error) from None
    return fs, bare


def open_file(path: str, spans: Iterable[Span] = ()) -> BinaryIO:
    """A stream of the file's bytes; `spans` are the parts that will be read, () for all of it.

    Raises what `open` raises for a local path, and a CurateError for a remote one, some of them
    only when it is read.
    """
    if "://" not in path:
        return open(path, "rb")
    if is_web(path):
        return cast(BinaryIO, RangeReader(WebFile(path), spans))
    fs, bare = file_system(path)
    opened = _patiently(path, lambda: fs.open(bare, "rb", cache_type="none"))
    if isinstance(opened, AbstractBufferedFile):
        return cast(BinaryIO, RangeReader(StoredFile(path, opened), spans))
    return cast(BinaryIO, opened)


class StoredFile:
    """A file of an object store (see `ranges.Fetch`). s3fs asks for the object's first version by
    its ETag, so that a change is noticed."""

    def __init__(self, path: str, opened: AbstractBufferedFile) -> None:
        self._path, self._opened = path, opened

    def fetch(self, start: int, stop: int | None) -> bytes:
        """Up to 8 MB from `start` on."""
        size = self.size()
        if start > size:
            raise InputError(
                f"{self._path}: holds {size} bytes, but is to be read from byte {start} on; "
                "the index belongs to another file"
            )
        wanted = min(size if stop is None else stop, size, start + BLOCK_BYTES) - start
        return _patiently(self._path, lambda: self._read(start, wanted)) if wanted else b""

    def size(self) -> int:
        return int(self._opened.size or 0)

    def close(self) -> None:
        self._opened.close()

    def _read(self, start: int, wanted: int) -> bytes:
        self._opened.seek(start)
        data: bytes = self._opened.read(wanted)
        if len(data) < wanted:
            raise Busy(f"{len(data)} bytes came instead of {wanted}")
        return data


def _patiently(path: str, action: Callable[[], Result]) -> Result:
    """Try an action of a file system again and again, unless its error cannot pass."""

    def tried() -> Result:
        try:
            return action()
        except (Busy, CurateError, FileNotFoundError):
            raise
        except Exception as error:  # each file system has its own
            found = unreachable(path, error)
            if isinstance(found, WorkError) and not _has_changed(error):
                raise Busy(_first_line(error)) from None
            raise found from None

    return patiently(tried, path)


def unreachable(path: str, error: Exception) -> CurateError:
    """One line for the error of a file system: what is missing, refused or broken, what to do."""
    line = _first_line(error)
    if isinstance(error, ImportError) and path.startswith("s3"):
        return MissingError(f"{path}: {S3}")
    if "libjvm" in str(error) or "libhdfs" in str(error):
        return MissingError(f"{path}: {HADOOP}")
    if isinstance(error, ImportError | ValueError):
        return InputError(f"{path}: {line}")
    if isinstance(error, FileNotFoundError):
        return InputError(f"{path}: no such file or folder")
    if isinstance(error, PermissionError) or "credentials" in line.lower():
        hint = f"; {CREDENTIALS}" if path.startswith("s3") else ""
        return InputError(f"{path}: access is refused: {line}{hint}")
    if _has_changed(error):
        return WorkError(f"{path}: the file changed while it was read; run it again")
    return WorkError(f"{path}: {type(error).__name__}: {line}")


def _has_changed(error: Exception) -> bool:
    return type(error).__name__ == "FileExpired"


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]
