"""Show how far behind the streams are: events written, outcomes, what waits and for how long.

For the stream of changes, where changes are captured: messages that wait and for how long, the next offset, when the
last applied transaction was committed, and how much of PostgreSQL's log is not captured yet. Also names every DAG that
is paused, failed or being retried; where no changes are captured, their stream may be paused.

Example: storeline lag
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from storeline import dag_states
from storeline.changes.lag import ChangeLag
from storeline.changes.lag import lag as changes_lag
from storeline.commands.output import add_json, show, show_json
from storeline.errors import StorelineError, one_line
from storeline.events.lag import OUTCOMES, Lag, lags
from storeline.settings import Settings
from storeline.stores.drivers import DRIVER_ERRORS

HEADS = ("topic", "written", *OUTCOMES, "lag", "lag_seconds", "events_per_second")


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the output format."""
    add_json(parser)


def run(settings: Settings, options: Namespace) -> int:
    """Print a line for each topic, then what holds up new data."""
    found, changes = lags(settings), changes_lag(settings)
    if options.json:
        topics = [dict(zip(HEADS, numbers(one), strict=True)) for one in found]
        held_up = dags(settings, changes is not None)
        show_json({"topics": topics, "changes": changes and asdict(changes), "dags": held_up})
    else:
        show(HEADS, [[shown(value) for value in numbers(one)] for one in found], as_json=False)
        for line in [*lines_of(changes), *dags(settings, changes is not None)]:
            print(line)
    return 0


def numbers(one: Lag) -> tuple[Any, ...]:
    """Return a topic's numbers in the order of `HEADS`."""
    counted = (one.outcomes[outcome] for outcome in OUTCOMES)
    return one.topic, one.written, *counted, one.lag, one.seconds, one.rate


def lines_of(changes: ChangeLag | None) -> Iterator[str]:
    """Yield the lines about the stream of changes, if changes are captured."""
    if changes is not None:
        waits = f", the oldest for {changes.seconds:.1f} s" if changes.seconds is not None else ""
        last = f"{changes.committed_at:%Y-%m-%d %H:%M:%S} UTC" if changes.committed_at else "never"
        yield (
            f"{changes.topic}: {changes.waiting:,} messages wait{waits}; next offset {changes.next_offset:,}, last "
            f"commit applied {last}; {changes.uncaptured_bytes:,} bytes of PostgreSQL's log are not captured yet"
        )
        if changes.is_held_up:
            yield changes.is_held_up


def shown(value: Any) -> str:
    """Return a number formatted for people."""
    if value is None:
        return ""
    return f"{value:.1f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


def dags(settings: Settings, is_captured: bool) -> list[str]:
    """Return what keeps DAGs from running; one line that says so if Airflow's database cannot be reached."""
    try:
        return [line for state in dag_states.states(settings) for line in state.lines(is_captured)]
    except (StorelineError, *DRIVER_ERRORS) as error:
        return [f"the state of the DAGs is unknown: {one_line(error)}"]
