"""The DDL of a mart's table, derived from its contract."""

from storeline.marts.contract import Mart
from storeline.stores import mysql


def create_table(mart: Mart, table: str) -> str:
    """Return the DDL of a mart's table, including the contract's comments; `table` is a quoted name."""
    columns = []
    for column in mart.columns:
        # Keys distinguish what the source distinguishes; other text is compared ignoring case.
        is_text_key = column.name in mart.grain and column.mysql_type.startswith("VARCHAR")
        exactly = " collate utf8mb4_0900_bin" if is_text_key else ""
        null = "" if column.nullable else " not null"
        comment = f" comment {mysql.literal(column.meaning)}"
        columns.append(f"{mysql.quote(column.name)} {column.mysql_type}{exactly}{null}{comment}")
    key = ", ".join(mysql.quote(name) for name in mart.grain)
    return f"create table {table} ({', '.join(columns)}, primary key ({key})) comment {mysql.literal(mart.about)}"
