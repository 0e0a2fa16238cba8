"""Restart the event stream from the beginning or the end of its topics, and report what that skips.

Needed after a topic was recreated, or after events expired before they were read.

Example: storeline reset-stream earliest
"""

from argparse import ArgumentParser, Namespace

from storeline.events.reset_stream import CHOICES, reset
from storeline.settings import Settings


def add_arguments(parser: ArgumentParser) -> None:
    """Declare where the stream starts."""
    parser.add_argument("begin", choices=CHOICES, help="from the first event that Kafka still holds, or after the last")


def run(settings: Settings, options: Namespace) -> int:
    """Reset the stream and print a line for each partition."""
    print("\n".join(f"reset-stream: {line}" for line in reset(settings, options.begin)))
    return 0
