"""Where the sales' files are: a folder of this machine or an object store, with one folder for each run date."""

import errno
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Any

import pyarrow as pa
from pyarrow import fs

from storeline.errors import StorelineError
from storeline.settings import ROOT, Settings
from storeline.variables import Secret

S3 = "s3://"
RUN_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
AGAIN = "clear the step that wrote it, and it is written again"


@dataclass(frozen=True)
class Storage:
    """The root of all run dates; it can be sent to another process and does not show its key."""

    root: str
    endpoint: str
    user: str
    password: Secret = field(repr=False)

    @cached_property
    def place(self) -> tuple[fs.FileSystem, str]:
        """Return the file system and the root's path in it."""
        if not self.root.startswith(S3):
            return fs.LocalFileSystem(), self.root
        path = self.root.removeprefix(S3).strip("/")
        with refusals(self.root):
            scheme, _, server = self.endpoint.rpartition("://")
            region = None if server else fs.resolve_s3_region(path.partition("/")[0])
            options = {"scheme": scheme, "endpoint_override": server} if server else {"region": region}
            return fs.S3FileSystem(access_key=self.user, secret_key=str(self.password), **options), path

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "place"}

    def expire(self, days: int, kept: date) -> list[str]:
        """Delete the run dates, except `kept`, without a write for `days`; return them. Raises StorelineError."""
        system, root = self.place
        limit, newest = datetime.now(UTC) - timedelta(days=days), dict[str, datetime]()
        with refusals(self.root):
            for one in system.get_file_info(fs.FileSelector(root, allow_not_found=True, recursive=True)):
                name = one.path.removeprefix(root).strip("/").partition("/")[0]
                if one.type is fs.FileType.File and RUN_DATE.fullmatch(name) and name != str(kept):
                    newest[name] = max(newest.get(name, one.mtime), one.mtime)
            expired = sorted(name for name, moment in newest.items() if moment < limit)
            for name in expired:
                system.delete_dir(f"{root}/{name}")
        return expired


def storage_of(settings: Settings) -> Storage:
    """Return the configured storage; a folder is relative to the repository."""
    root = settings.sales_storage
    return Storage(
        # Made absolute here: on an executor the code, and paths relative to it, are elsewhere.
        root if root.startswith(S3) else str(ROOT / root),
        settings.sales_storage_endpoint,
        settings.sales_storage_user,
        settings.sales_storage_password,
    )


@contextmanager
def refusals(what: str) -> Iterator[None]:
    """Turn errors of a file system or a Parquet file into one line. A missing file stays FileNotFoundError."""
    try:
        yield
    except FileNotFoundError:
        raise
    except (OSError, pa.ArrowException, json.JSONDecodeError) as error:
        if _is_of_the_content(error):
            raise StorelineError(f"{what} is not as it was written ({_one_line(error)}): {AGAIN}") from None
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise StorelineError(f"{what}: no space is left: free some, or lower SALES_RETENTION_DAYS") from None
        raise StorelineError(f"{what}: {_one_line(error)}") from None


def _is_of_the_content(error: Exception) -> bool:
    """Tell whether a file was read but is invalid; pyarrow raises an OSError for that too, but without a number."""
    is_refused = "AWS Error" in str(error)  # an object store's
    return not isinstance(error, OSError) or (error.errno is None and not is_refused)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
