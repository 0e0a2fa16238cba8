"""Which tables are copied from PostgreSQL to MySQL. To add one, add an entry to `TABLES`.

An entry names a table; its columns, key and indexes come from PostgreSQL's catalogue.
"""

from dataclasses import dataclass

SOURCE_SCHEMA = "source"


@dataclass(frozen=True)
class Table:
    """A table of the schema `source` that the replica holds under the same name."""

    name: str

    def __post_init__(self) -> None:
        if not self.name or len(self.name.encode()) > 63 or "\0" in self.name:
            raise ValueError(f"tables.py: {self.name!r} is not the name of a PostgreSQL table (1 to 63 bytes)")


TABLES = (
    Table("users"),
    Table("product_categories"),
    Table("products"),
    Table("orders"),
    Table("order_details"),
    Table("reviews"),
    Table("loyalty_points"),
)

if len({table.name for table in TABLES}) < len(TABLES):
    raise ValueError("tables.py: a table is named twice in TABLES")
