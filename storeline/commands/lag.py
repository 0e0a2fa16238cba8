"""Show how far behind the event stream is: events written, outcomes, what waits and for how long.

Also names every DAG that is paused, failed or being retried.

Example: storeline lag
"""

from argparse import ArgumentParser, Namespace
from typing import Any

from storeline import dag_states
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
    found = lags(settings)
    if options.json:
        show_json({"topics": [dict(zip(HEADS, numbers(one), strict=True)) for one in found], "dags": dags(settings)})
    else:
        show(HEADS, [[shown(value) for value in numbers(one)] for one in found], as_json=False)
        for line in dags(settings):
            print(line)
    return 0


def numbers(one: Lag) -> tuple[Any, ...]:
    """Return a topic's numbers in the order of `HEADS`."""
    counted = (one.outcomes[outcome] for outcome in OUTCOMES)
    return one.topic, one.written, *counted, one.lag, one.seconds, one.rate


def shown(value: Any) -> str:
    """Return a number formatted for people."""
    if value is None:
        return ""
    return f"{value:.1f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


def dags(settings: Settings) -> list[str]:
    """Return what keeps DAGs from running; one line that says so if Airflow's database cannot be reached."""
    try:
        return [line for state in dag_states.states(settings) for line in state.lines()]
    except (StorelineError, *DRIVER_ERRORS) as error:
        return [f"the state of the DAGs is unknown: {one_line(error)}"]
