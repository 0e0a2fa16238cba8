"""A mart's file is read strictly: an error is one line that names the file."""

from collections.abc import Callable
from pathlib import Path

import pytest

from storeline.errors import StorelineError
from storeline.marts.contract import Mart, MartColumn, load, spark_type

TOTALS = """/*
about: What each user bought.
grain: [user_id]
reads: [users, orders]
columns:
  user_id: BIGINT, the user
  total: DECIMAL(14,2) null, what the user bought, in US dollars
checks:
  - total >= 0
*/
select user_id, total from orders
"""


@pytest.fixture
def complaint(tmp_path: Path) -> Callable[..., str]:
    """Return the complaint about Totals.sql with one text replaced, and about other files."""

    def complaint(old: str = "", new: str = "", **others: str) -> str:
        assert old in TOTALS
        for name, text in {"Totals": TOTALS.replace(old, new) if old else TOTALS, **others}.items():
            (tmp_path / f"{name}.sql").write_text(text)
        with pytest.raises(StorelineError) as error:
            load(tmp_path)
        assert "\n" not in str(error.value)
        return str(error.value)

    return complaint


def test_a_mart_is_what_its_file_says(tmp_path: Path):
    (tmp_path / "Totals.sql").write_text(TOTALS)

    assert load(tmp_path) == (
        Mart(
            name="Totals",
            about="What each user bought.",
            grain=("user_id",),
            reads=("users", "orders"),
            columns=(
                MartColumn("user_id", "BIGINT", "the user", nullable=False),
                MartColumn("total", "DECIMAL(14,2)", "what the user bought, in US dollars", nullable=True),
            ),
            checks=("total >= 0",),
            query="select user_id, total from orders",
            is_view=False,
        ),
    )


def test_a_mart_without_checks_says_so(tmp_path: Path):
    (tmp_path / "Totals.sql").write_text(TOTALS.replace("checks:\n  - total >= 0", "checks: []"))

    assert load(tmp_path)[0].checks == ()


def test_a_mart_comes_after_those_that_it_reads_else_by_name(tmp_path: Path):
    for name, reads in {"a": "[c, users]", "b": "[orders]", "c": "[d]", "d": "[users]"}.items():
        (tmp_path / f"{name}.sql").write_text(TOTALS.replace("[users, orders]", reads))

    assert [mart.name for mart in load(tmp_path)] == ["b", "d", "c", "a"]


def test_a_view_reads_one_mart(tmp_path: Path):
    (tmp_path / "Totals.sql").write_text(TOTALS)
    (tmp_path / "a_view.sql").write_text(TOTALS.replace("[users, orders]", "[Totals]\nview: true"))

    assert [(mart.name, mart.is_view) for mart in load(tmp_path)] == [("Totals", False), ("a_view", True)]


@pytest.mark.parametrize("reads", ["[users]", "[Totals, users]", "[Totals, Other]"])
def test_a_view_of_anything_else_is_refused(complaint: Callable[..., str], reads: str):
    view = TOTALS.replace("[users, orders]", f"{reads}\nview: true")

    assert complaint(Other=TOTALS, a_view=view) == "a_view.sql: a view reads exactly one mart and nothing else"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("/*\n", "", "expected the contract first, in a comment /* … */"),
        ("/*\n", "-- totals\n/*\n", "expected the contract first, in a comment /* … */"),
        ("*/", "", "expected the contract first, in a comment /* … */"),
        (TOTALS, "", "expected the contract first, in a comment /* … */"),
        ("grain: [user_id]", "grain: [user_id", "line 4 of the contract is not YAML: expected ',' or ']', but got ':'"),
        ("the user\n", "the user: an id\n", "line 6 of the contract is not YAML: mapping values are not allowed here"),
        ("about: What", "\tabout: What", "line 2 of the contract is not YAML: found character '\\t' that cannot start"),
        ("the user\n", "the \a user\n", "the contract is not YAML: unacceptable character #x0007"),
        (
            TOTALS[3 : TOTALS.index("*/")],
            "- about\n",
            "the contract must be a mapping with the keys about, checks, columns, grain, reads",
        ),
        ("about:", "owner: me\nabout:", "unknown key owner"),
        ("about:", "grain: [total]\nabout:", "grain appears twice in the contract"),
        ("about: What each user bought.\n", "", "missing key about"),
        ("grain: [user_id]\n", "", "missing key grain"),
        ("reads: [users, orders]\n", "", "missing key reads"),
        ("checks:\n  - total >= 0\n", "", "missing key checks"),
        ("What each user bought.", "", "about must be 1 to 2048 characters"),
        ("What each user bought.", "[What]", "about must be 1 to 2048 characters"),
        ("What each user bought.", "x" * 2049, "about must be 1 to 2048 characters"),
        ("about:", "view: perhaps\nabout:", "view must be true or false"),
        ("[user_id]", "user_id", "grain must be a non-empty list of texts"),
        ("[user_id]", "[]", "grain must be a non-empty list of texts"),
        ("[user_id]", "[user_id, user_id]", "grain names something twice"),
        ("[user_id]", "[user]", "user is in the grain but not in the columns"),
        ("[user_id]", "[total]", "total is in the grain, so it cannot be null"),
        ("BIGINT", "TEXT", "user_id is in the grain, so it cannot be TEXT"),
        ("[users, orders]", "[]", "reads must be a non-empty list of texts"),
        ("[users, orders]", "[users, [orders]]", "reads must be a non-empty list of texts"),
        ("[users, orders]", "[users, order]", "reads order, neither a table of the replica nor a mart"),
        ("[users, orders]", "[Users]", "reads Users, neither a table of the replica nor a mart"),
        ("[users, orders]", "[Totals]", "marts read each other in a cycle: Totals → Totals"),
        ("  - total >= 0", "", "checks must be a non-empty list of texts"),
        ("BIGINT", "SERIAL", "column user_id has the unknown type SERIAL: expected one of BIGINT, INT, TEXT, DATE,"),
        ("BIGINT, the user", "BIGINT", "column user_id must read `TYPE, meaning` or `TYPE null, meaning`"),
        ("BIGINT, the user", "bigint, the user", "column user_id must read `TYPE, meaning` or `TYPE null, meaning`"),
        ("BIGINT, the user", "", "column user_id must read `TYPE, meaning` or `TYPE null, meaning`"),
        ("BIGINT, the user", "{type: BIGINT}", "column user_id must read `TYPE, meaning` or `TYPE null, meaning`"),
        ("BIGINT, the user", "BIGINT, " + "x" * 1025, "column user_id: the meaning is longer than 1024"),
        ("  total:", "  USER_ID:", "column user_id appears twice, ignoring case"),
        ("  total:", "  user_id:", "user_id appears twice in the contract"),
        ("  total:", "  total sum:", "the column name 'total sum' must be letters, digits and _, no digit first"),
        ("  total:", "  2nd:", "the column name '2nd' must be letters, digits and _, no digit first"),
        ("  total:", f"  {'x' * 65}:", f"the column name {'x' * 65} is longer than 64 characters"),
        ("select user_id, total from orders\n", "", "the query is empty"),
        ("select user_id", "delete", "the query must be one select (or with … select) without a semicolon"),
        ("from orders", "from orders;", "the query must be one select (or with … select) without a semicolon"),
    ],
)
def test_a_file_that_is_not_as_it_must_be_is_named(complaint: Callable[..., str], old: str, new: str, message: str):
    assert complaint(old, new).startswith(f"Totals.sql: {message}")


def test_columns_are_a_mapping_with_something_in_it(complaint: Callable[..., str]):
    columns = TOTALS[TOTALS.index("columns:") : TOTALS.index("checks:")]

    assert complaint(columns, "columns: {}\n") == "Totals.sql: columns must be a mapping"
    assert complaint(columns, "columns: [user_id]\n") == "Totals.sql: columns must be a mapping"
    assert complaint(columns, "") == "Totals.sql: missing key columns"


def test_a_file_that_is_no_utf_8_is_named(tmp_path: Path):
    (tmp_path / "Totals.sql").write_bytes(TOTALS.encode().replace(b"What", b"\xff"))

    with pytest.raises(StorelineError, match=r"^Totals\.sql: 'utf-8' codec can't decode byte 0xff"):
        load(tmp_path)


def test_marts_that_read_each_other_are_refused(complaint: Callable[..., str]):
    others = {"a": TOTALS.replace("[users, orders]", "[b]"), "b": TOTALS.replace("[users, orders]", "[users, a]")}

    assert complaint(**others) in (
        "a.sql: marts read each other in a cycle: a → b → a",
        "b.sql: marts read each other in a cycle: b → a → b",
    )


def test_a_name_is_used_once_even_by_case(complaint: Callable[..., str]):
    assert complaint(totals=TOTALS) == "totals.sql: the name is already used by Totals.sql"


def test_a_mart_cannot_be_called_like_a_table_of_the_replica(complaint: Callable[..., str]):
    assert complaint(Orders=TOTALS) == "Orders.sql: the name is already used by the replica's table orders"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("x" * 65, "is longer than 64 characters"),
        ("user-totals", "'user-totals' must be letters, digits and _, no digit first"),
    ],
)
def test_a_mart_has_a_name_that_needs_no_quotes(complaint: Callable[..., str], name: str, message: str):
    assert complaint(**{name: TOTALS}).startswith(f"{name}.sql: the mart's name ")
    assert complaint(**{name: TOTALS}).endswith(message)


def test_a_folder_without_marts_is_an_error(tmp_path: Path):
    with pytest.raises(StorelineError, match="holds no mart"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("mysql_type", "expected"),
    [
        ("BIGINT", "bigint"),
        ("INT", "int"),
        ("DECIMAL(14,2)", "decimal(14,2)"),
        ("DECIMAL(38,30)", "decimal(38,30)"),
        ("VARCHAR(255)", "string"),
        ("TEXT", "string"),
        ("DATE", "date"),
        ("DATETIME(6)", "timestamp"),
    ],
)
def test_a_type_of_mysql_has_one_type_in_spark(mysql_type: str, expected: str):
    assert spark_type(MartColumn("name", mysql_type, "a name", nullable=False)) == expected


INEXACT = (
    *("DECIMAL(39,2)", "DECIMAL(0,0)", "DECIMAL(2,3)", "DECIMAL(38,31)", "DECIMAL", "VARCHAR(0)", "VARCHAR(16384)"),
    *("VARCHAR", "DATETIME", "DATETIME(3)", "TIMESTAMP", "DOUBLE", "FLOAT", "BIGINT(20)", "CHAR(3)", "JSON"),
)


@pytest.mark.parametrize("mysql_type", INEXACT)
def test_a_type_that_is_not_carried_exactly_is_refused(mysql_type: str):
    with pytest.raises(StorelineError, match="column name has the unknown type"):
        spark_type(MartColumn("name", mysql_type, "a name", nullable=False))
