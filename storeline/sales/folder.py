"""A folder of one run date: `<root>/<run date>/<what>/`, with Parquet files and a manifest.

The manifest says what the folder holds. It is written once all parts exist and replaces the previous one in one step;
so a reader has the old parts or the new ones, even after a crash. One that still holds the old manifest gets an error.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from storeline.errors import StorelineError
from storeline.sales.storage import AGAIN, Storage, refusals

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Part:
    """A Parquet file of a folder."""

    name: str
    rows: int
    bytes: int


@dataclass(frozen=True)
class Manifest:
    """What a folder holds, and what the step that wrote it says about it."""

    parts: Sequence[Part]
    facts: Mapping[str, Any]

    @property
    def rows(self) -> int:
        """Return the rows of all parts."""
        return sum(part.rows for part in self.parts)


@dataclass(frozen=True)
class Folder:
    """A folder of one run date: `raw`, `clean` or `rejected`."""

    storage: Storage
    run_date: date
    name: str

    @property
    def url(self) -> str:
        """Return the folder's URL as users know it."""
        return f"{self.storage.root.rstrip('/')}/{self.run_date}/{self.name}"

    def path(self, file: str) -> str:
        """Return a file's path in the file system."""
        return f"{self.storage.place[1]}/{self.run_date}/{self.name}/{file}"

    def make(self) -> None:
        """Create a local folder; an object store needs none. Raises StorelineError."""
        if isinstance(self.storage.place[0], fs.LocalFileSystem):
            folder = os.path.dirname(self.path(""))
            with refusals(self.url):
                os.makedirs(folder, exist_ok=True)
                for one in (folder, os.path.dirname(folder)):
                    # In containers, executors run as another user of the same group; the owner may open it to them.
                    if os.stat(one).st_uid == os.getuid():
                        os.chmod(one, 0o770)  # nosec B103

    @contextmanager
    def writer(self, file: str, schema: pa.Schema) -> Iterator[pq.ParquetWriter]:
        """Yield a writer of one part. Raises StorelineError; an incomplete part is in no manifest."""
        with (
            refusals(f"{self.url}/{file}"),
            self.storage.place[0].open_output_stream(self.path(file)) as stream,
            pq.ParquetWriter(stream, schema) as writer,
        ):
            yield writer

    def part(self, file: str, rows: int) -> Part:
        """Return the record of a part that was written."""
        with refusals(f"{self.url}/{file}"):
            return Part(file, rows, self.storage.place[0].get_file_info(self.path(file)).size)

    def publish(self, parts: Sequence[Part], facts: Mapping[str, Any]) -> None:
        """Make the folder hold exactly these parts. Raises StorelineError."""
        system, draft = self.storage.place[0], self.path(f".{MANIFEST}")
        text = json.dumps({"parts": [asdict(part) for part in parts], "facts": facts}, indent=2)
        with refusals(f"{self.url}/{MANIFEST}"):
            with system.open_output_stream(draft) as stream:
                stream.write(text.encode())
            system.move(draft, self.path(MANIFEST))
            kept = {self.path(name) for name in (MANIFEST, *(part.name for part in parts))}
            for one in system.get_file_info(fs.FileSelector(os.path.dirname(self.path("")))):
                if one.type is fs.FileType.File and one.path not in kept:
                    system.delete_file(one.path)

    def read(self) -> Manifest:
        """Return what the folder holds. Raises StorelineError when it holds nothing, or a part is not as written."""
        system = self.storage.place[0]
        try:
            with refusals(f"{self.url}/{MANIFEST}"), system.open_input_stream(self.path(MANIFEST)) as stream:
                said = json.loads(stream.read())
        except FileNotFoundError:
            raise StorelineError(f"{self.url} holds nothing: run the previous step first") from None
        manifest = Manifest([Part(**part) for part in said["parts"]], said["facts"])
        for part in manifest.parts:
            with refusals(f"{self.url}/{part.name}"):
                found = system.get_file_info(self.path(part.name))
            if found.type is not fs.FileType.File or found.size != part.bytes:
                has = f"has {found.size} bytes" if found.type is fs.FileType.File else "is missing"
                raise StorelineError(f"{self.url}/{part.name} {has}, {part.bytes} were written: {AGAIN}")
        return manifest

    def row_groups(self, file: str) -> list[int]:
        """Return the rows of each row group of a part. Raises StorelineError when its footer is not readable."""
        with self._opened(file) as part:
            return [part.metadata.row_group(number).num_rows for number in range(part.num_row_groups)]

    def row_group(self, file: str, number: int) -> pa.Table:
        """Return a row group of a part. Raises StorelineError."""
        with self._opened(file) as part:
            return part.read_row_group(number)

    def row(self, position: int) -> dict[str, Any]:
        """Return a row by its position across all parts. Raises StorelineError."""
        for part in self.read().parts:
            for number, rows in enumerate(self.row_groups(part.name)):
                if position < rows:
                    return dict(self.row_group(part.name, number).slice(position, 1).to_pylist()[0])
                position -= rows
        raise StorelineError(f"{self.url} has fewer rows than when it was read: {AGAIN}")

    def batches(self, file: str, rows: int) -> Iterator[pa.RecordBatch]:
        """Yield a part's rows, `rows` at a time. Raises StorelineError."""
        with self._opened(file) as part:
            yield from part.iter_batches(rows)

    @contextmanager
    def _opened(self, file: str) -> Iterator[pq.ParquetFile]:
        try:
            with (
                refusals(f"{self.url}/{file}"),
                self.storage.place[0].open_input_file(self.path(file)) as stream,
                pq.ParquetFile(stream) as part,
            ):
                yield part
        except FileNotFoundError:
            raise StorelineError(f"{self.url}/{file} is missing: {AGAIN}") from None
