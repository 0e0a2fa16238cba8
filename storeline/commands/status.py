"""Show on one screen how everything is, and what to do about problems.

Services, DAGs, the age of the replica and the marts, the stream's lag and its dead letters, and the capture of changes
where it is in use. Exits with 1 when something needs attention, so it can serve as the health check of a running
platform.

Example: storeline status
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime

from storeline.commands.output import add_json, show_json
from storeline.dag_states import DagState
from storeline.health import Health, look
from storeline.replica.slot import Slot
from storeline.settings import Settings
from storeline.text_table import text_table


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the output format."""
    add_json(parser)


def run(settings: Settings, options: Namespace) -> int:
    """Print how everything is; return 1 when something needs attention."""
    found = look(settings)
    if options.json:
        show_json(asdict(found))
    else:
        print("\n".join(screen(found)))
    return 1 if found.hands else 0


def screen(found: Health) -> Iterator[str]:
    """Yield the lines of the screen."""
    yield text_table(("service", "address", "state"), [(one.name, one.where, one.said) for one in found.services])
    if found.dags:
        rows = [
            (dag.dag, "paused" if dag.is_paused else "on", dag.ended or "never", moment(dag.ended_at), since(dag))
            for dag in found.dags
        ]
        yield "\n" + text_table(("DAG", "switch", "last run", "ended (UTC)", "now"), rows)
    yield f"\nReplica  {counted(found.tables, ' tables', age(found.replica_age_seconds, 'copied'))}"
    yield f"Marts    {counted(found.marts, '', age(found.mart_age_seconds, 'the oldest built'))}"
    for topic in found.topics:
        waits = f"{topic.lag:,} events wait" if topic.lag else "nothing waits"
        lasts = f", the oldest for {topic.seconds:.0f} s" if topic.seconds is not None else ""
        yield f"Stream   {topic.topic}: {waits}{lasts}; {topic.rate:.1f} events/s"
    if found.changes:
        waits = f"{found.changes.waiting:,} messages wait" if found.changes.waiting else "nothing waits"
        lasts = f", the oldest for {found.changes.seconds:.0f} s" if found.changes.seconds is not None else ""
        yield f"Changes  {found.changes.topic}: {waits}{lasts}"
    if found.slot:
        yield f"Capture  {capture(found.slot)}"
    yield f"Dead     {dead(found.dead_letters)}"
    yield from (f"\nnote: {line}" if n == 0 else f"note: {line}" for n, line in enumerate(found.notes))
    yield "\nNothing needs attention." if not found.hands else "\nNeeds attention:"
    yield from (f"  - {line}" for line in found.hands)


def counted(count: int | None, unit: str, when: str) -> str:
    """Return how many there are, and how old; the service that knows it may not answer."""
    return "unknown" if count is None else f"{count}{unit}, {when}"


def dead(letters: dict[str, int] | None) -> str:
    """Return the dead letters of each class; the services that know them may not answer."""
    if letters is None:
        return "unknown"
    return ", ".join(f"{count:,} {name}" for name, count in letters.items()) or "none"


def capture(slot: Slot) -> str:
    """Return how the capture of the shop's changes is."""
    reads = "read" if slot.is_active else "not read"
    room = "" if slot.safe_bytes is None else f", lost after {max(0, slot.safe_bytes) >> 20} MiB more"
    kept = f"{slot.unread_bytes >> 20} MiB to capture, {slot.retained_bytes >> 20} MiB of log kept{room}"
    return f"{slot.slot_id} {slot.wal_status or 'missing'}, {reads}: {kept}"


def since(dag: DagState) -> str:
    """Return what a DAG is doing now."""
    return f"running since {moment(dag.running_since)}" if dag.running_since else ""


def moment(when: datetime | None) -> str:
    """Return a moment in UTC, to the second."""
    return f"{when:%Y-%m-%d %H:%M:%S}" if when else ""


def age(seconds: int | None, what: str) -> str:
    """Return how long ago something happened."""
    if seconds is None:
        return f"never {what.rpartition(' ')[2]}"
    return f"{what} {seconds} s ago" if seconds < 120 else f"{what} {seconds // 60} min ago"
