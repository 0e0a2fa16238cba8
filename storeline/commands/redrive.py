"""Send dead letters to their topics again, each once.

One that fails again becomes a dead letter that names the first one.

Example: storeline redrive --reason never_arrived
"""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from contextlib import closing

from storeline.events import dead_letters
from storeline.events.redrive import redrive
from storeline.settings import Settings
from storeline.stores import postgres

MOST_DIGITS = 18  # of a bigint


def add_arguments(parser: ArgumentParser) -> None:
    """Declare which dead letters to send; all by default."""
    parser.add_argument("--reason", metavar="CLASS", help="only those with this error class (ops.dead_letters)")
    parser.add_argument("--id", type=number, metavar="NUMBER", help="only the one with this dead_letter_id")


def number(text: str) -> int:
    """Return a dead letter's number. Raises ArgumentTypeError for anything else."""
    if not (text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS):
        raise ArgumentTypeError(f"{text!r}: expected the number of a dead letter (ops.dead_letters.dead_letter_id)")
    return int(text)


def run(settings: Settings, options: Namespace) -> int:
    """Send them, and report how many were sent and how many are left."""
    count = redrive(settings, options.reason, options.id)
    with closing(postgres.stream(settings).connect()) as connection, connection.cursor() as cursor:
        left = dead_letters.classes(cursor)
    waiting = ", ".join(f"{one} {name}" for name, one in left.items())
    print(f"redrive: {count} dead letters were sent again; not sent again: {waiting or 'none'}")
    return 0
