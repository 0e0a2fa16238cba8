"""The rival `raw-pipe`: COPY TO STDOUT into LOAD DATA LOCAL INFILE, table after table, then the same indexes.

The raw limit of both databases with one stream: it checks nothing, neither rows nor warnings nor contents.
"""

import os
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from typing import Any

from bench.outcome import Outcome
from storeline.replica import transfer
from storeline.replica.source import SourceTable, describe
from storeline.settings import Settings, load
from storeline.stores import mysql, postgres
from storeline.tables import SOURCE_SCHEMA


def copy(settings: Settings, database: str, tables: Sequence[str]) -> Outcome:
    """Copy tables into an existing, empty database."""
    failed: dict[str, str] = {}
    began = time.monotonic()
    with (
        closing(postgres.reader(settings).connect()) as source,
        closing(mysql.admin(settings).connect(allow_local_infile=True)) as target,
    ):
        for name in tables:
            try:
                table, there = describe(source, SOURCE_SCHEMA, name), f"{database}.{mysql.quote(name)}"
                mysql.do(target, transfer.staging_ddl(table, there))
                pipe(source, target, table, there)
                if indexes := transfer.index_ddl(table, there):
                    mysql.do(target, indexes)
            except Exception as error:
                failed[name] = str(error)
    return Outcome(time.monotonic() - began, failed)


def pipe(source: Any, target: Any, table: SourceTable, there: str) -> None:
    """Send a whole table through one pipe."""
    read_end, write_end = os.pipe()
    query = transfer.copy_pages(source, table, 0, None)

    def send() -> None:
        with os.fdopen(write_end, "wb", buffering=1 << 20) as stream, source.cursor() as cursor:
            cursor.copy_expert(query, stream)

    sender = threading.Thread(target=send)
    sender.start()
    mysql.do(target, transfer.load_statement(table, there, f"/dev/fd/{read_end}"))
    sender.join()
    os.close(read_end)


if __name__ == "__main__":
    print(copy(load(), sys.argv[1], sys.argv[2:]).as_line())
