"""ClickHouse: its connections and its errors.

A server, or, if none listens, the native stack's engine inside the calling process (chdb): same client, same SQL.
"""

import fcntl
import os
import re
import socket
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import clickhouse_connect
from clickhouse_connect.driver.exceptions import ClickHouseError as DriverError

from storeline.accounts import CLICKHOUSE_LOADER, CLICKHOUSE_READER
from storeline.errors import StorelineError
from storeline.loopback import LOOPBACK
from storeline.settings import ROOT, Settings

if TYPE_CHECKING:
    import pyarrow as pa

Row = tuple[Any, ...]
Parameters = Mapping[str, Any] | None

# Only one process at a time can use the engine; each needs it for seconds.
ENGINE_WAIT_SECONDS = 60
PROBE_SECONDS = 3
REASON = re.compile(r"DB::Exception: (.+?)(?: \(version [^)]*\)+.*)?$")
ENGINE_IS_TAKEN = "Unable to open the chdb engine"
_opened: Counter[Path | None] = Counter()  # this process's own connections to engines, by folder
# A reader may change query settings, such as a time limit, and nothing else.
READ_ONLY = {"readonly": 2}


class ClickhouseError(StorelineError):
    """ClickHouse cannot be used as asked; the message is one line that says where and why."""


class Client:
    """A connection of one account; ClickHouse's errors are raised as ClickhouseError."""

    def __init__(self, driver: Any, where: str, folder: Path | None = None) -> None:
        self.driver, self.where, self.folder = driver, where, folder
        _opened[folder] += 1

    def query_with_names(self, question: str, parameters: Parameters = None) -> tuple[list[str], list[Row]]:
        """Return an answer's column names and rows; `{name:Type}` in the question stands for a parameter."""
        with self._refusals():
            answer = self.driver.query(question, parameters=dict(parameters or {}))
            return list(answer.column_names), [tuple(row) for row in answer.result_rows]

    def query(self, question: str, parameters: Parameters = None) -> list[Row]:
        """Return a query's rows."""
        return self.query_with_names(question, parameters)[1]

    def command(self, statement: str) -> None:
        """Execute a statement."""
        with self._refusals():
            self.driver.command(statement)

    def insert_arrow(self, table: str, rows: "pa.Table") -> None:
        """Insert rows into a table, named with its database, matching columns by name."""
        with self._refusals():
            self.driver.insert_arrow(table, rows)

    def close(self) -> None:
        """Close the connection; release the native stack's engine for the next process."""
        self.driver.close()
        _opened[self.folder] -= 1

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        try:
            yield
        except (DriverError, OSError) as error:
            raise ClickhouseError(f"{self.where}: {one_line(error)}") from None


def one_line(error: BaseException) -> str:
    """Return an error's message in one line: of what the driver puts around the server's reason, only that reason."""
    text = " ".join(str(error).split()) or type(error).__name__
    said = REASON.search(text)
    return said[1] if said else text


def connect(settings: Settings, is_loader: bool = False) -> Client:
    """Open a connection as the reader, or as the sales pipeline's account. Raises ClickhouseError."""
    host, port = settings.clickhouse_host, settings.clickhouse_port
    where = f"ClickHouse at {host}:{port}"
    account = CLICKHOUSE_LOADER if is_loader else CLICKHOUSE_READER
    if not listens(host, port):
        if folder := engine_folder(settings):
            return _engine(folder, is_loader)
        raise ClickhouseError(f"{where}: no answer: start it, or set CLICKHOUSE_HOST and CLICKHOUSE_PORT")
    try:
        driver = clickhouse_connect.get_client(
            host=host,
            port=port,
            username=settings.user(account),
            password=str(settings.password(account)),
            connect_timeout=10,
            # A session runs one query at a time and ends with its connection; nothing here needs its state.
            autogenerate_session_id=False,
        )
    except (DriverError, OSError) as error:
        raise ClickhouseError(f"{where}: {one_line(error)}") from None
    return Client(driver, where)


def engine_folder(settings: Settings) -> Path | None:
    """Return the folder of the native stack's engine, if the configuration names one on this machine."""
    if settings.clickhouse_host not in LOOPBACK or "CLICKHOUSE_FOLDER" not in settings.values:
        return None
    return ROOT / settings.clickhouse_folder


def listens(host: str, port: int) -> bool:
    """Tell whether an address has a listener."""
    with suppress(OSError), closing(socket.create_connection((host, port), PROBE_SECONDS)):
        return True
    return False


def _engine(folder: Path, is_loader: bool) -> Client:
    """Open the native stack's engine, waiting for a process that has it. Raises ClickhouseError."""
    where = f"ClickHouse in {folder}"
    if not is_loader and not folder.exists():
        raise ClickhouseError(f"{where}: not found, and no server listens: start a stack (`make demo`)")
    deadline = time.monotonic() + ENGINE_WAIT_SECONDS
    while True:
        # Checked first, because an engine that cannot have its folder prints so on this process's own stderr.
        while _is_taken(folder) and time.monotonic() < deadline:
            time.sleep(0.1)
        try:
            if is_loader:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            options = {} if is_loader else READ_ONLY
            driver = clickhouse_connect.get_client(interface="chdb", path=str(folder), settings=options)
            return Client(driver, where, folder)
        except (DriverError, OSError) as error:
            if ENGINE_IS_TAKEN not in str(error) or time.monotonic() > deadline:
                raise ClickhouseError(f"{where}: {one_line(error)}") from None


def _is_taken(folder: Path) -> bool:
    """Tell whether another process has the engine: it holds a lock on a file of its folder."""
    if _opened[folder]:
        return False
    try:
        number = os.open(folder / "status", os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(number, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(number)
    return False


def statements(text: str) -> Sequence[str]:
    """Return a file's statements, each of which ends with a semicolon at the end of a line."""
    return [one for part in text.split(";\n") if (one := part.strip())]
