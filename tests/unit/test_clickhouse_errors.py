"""What a user sees of an error of ClickHouse's is the server's reason."""

import pytest

from storeline.stores.clickhouse import one_line

# As clickhouse-connect and a server of 26.9 say it.
OVER_HTTP = (
    "Received ClickHouse exception, code: 516, server response: Code: 516. DB::Exception: analyst: Authentication "
    "failed: password is incorrect, or there is no user with such name. (AUTHENTICATION_FAILED) (version 26.9.2.1 "
    "(official build)) (for url http://clickhouse.warehouse:8123)"
)


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (
            OVER_HTTP,
            "analyst: Authentication failed: password is incorrect, or there is no user with such name. "
            "(AUTHENTICATION_FAILED)",
        ),
        ("Code: 60. DB::Exception: Unknown\ntable x. (UNKNOWN_TABLE)", "Unknown table x. (UNKNOWN_TABLE)"),
        ("the connection\nwas reset", "the connection was reset"),
        ("", "RuntimeError"),
    ],
)
def test_the_reason_stands_alone_in_one_line(error: str, line: str) -> None:
    assert one_line(RuntimeError(error)) == line
