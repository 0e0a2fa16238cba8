"""Query a database and print the answer.

MySQL is queried as the analyst, PostgreSQL and ClickHouse as the reader: none of them can write.

Example: storeline sql "select * from marts.UserOrders order by total_amount desc limit 10"
"""

from argparse import ArgumentParser, Namespace

from storeline.commands.output import add_json, show
from storeline.settings import Settings
from storeline.stores.query import DATABASES, query

MOST_ROWS = 1000


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the statement and its database."""
    parser.add_argument("statement", help="one SQL statement")
    parser.add_argument("--on", choices=DATABASES, default=DATABASES[0], help="the database (default: %(default)s)")
    add_json(parser)


def run(settings: Settings, options: Namespace) -> int:
    """Print the first rows, and say if there are more."""
    names, rows = query(settings, options.statement, options.on, MOST_ROWS + 1)
    show(names, rows[:MOST_ROWS], options.json)
    if len(rows) > MOST_ROWS and not options.json:
        print(f"… and more: the first {MOST_ROWS} rows are shown")
    return 0
