"""A session's tables in which a batch of events is staged, and how COPY fills them."""

from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO

from psycopg2.extensions import cursor as Cursor

from storeline.events import dead_letters, judge_orders
from storeline.events.isolation import isolate
from storeline.stores import copy_format
from storeline.topics import DEAD, EVENT_TOPICS, NO_TIME, Event, Kind, Topic

COMMON = ("topic", "partition", "offset", "produced_at", "redriven_from")
COMMON_TYPES = ("text", "integer", "bigint", "timestamptz", "bigint")
TYPES = {
    Kind.UUID: "uuid",
    Kind.TEXT: "text",
    Kind.MOMENT: "timestamptz",
    Kind.WHOLE: "integer",
    Kind.ID: "bigint",
    Kind.MONEY: "numeric",
}
FIRST_ANALYZED = 500  # rows; fewer are read quickly with any plan


def stage(topic: Topic) -> str:
    """Return the name of a topic's staging table."""
    return f"stage_{topic.name.replace('-', '_')}"


def tables() -> list[str]:
    """Return the staging tables."""
    return [*(stage(topic) for topic in EVENT_TOPICS), dead_letters.STAGE_NAME]


def staged_columns(event: Event) -> dict[str, str]:
    """Return a staged event's columns and types, in COPY's order."""
    columns = dict(zip(COMMON, COMMON_TYPES, strict=True))
    columns |= {field.name: TYPES[field.kind] for field in event.all_fields}
    if event.items:
        columns[event.items.name] = "jsonb"
    return columns | {"key": "text", "value": "text"}


def staging() -> Iterator[str]:
    """Yield the statements that create a session's staging tables."""
    for topic in EVENT_TOPICS:
        if topic.event:
            columns = ", ".join(f'"{name}" {declared}' for name, declared in staged_columns(topic.event).items())
            identity = "ordinal bigint generated always as identity primary key"
            yield f"create temporary table {stage(topic)} ({identity}, {columns}, topic_id uuid) on commit delete rows"
    yield judge_orders.JUDGED
    yield dead_letters.STAGE


def copy_all(cursor: Cursor, lines: Mapping[str, Sequence[str]]) -> None:
    """Stage COPY's lines of each topic and of dead letters; a line that PostgreSQL cannot read is staged as dead."""
    refused: list[str] = []
    for topic in EVENT_TOPICS:
        if topic.event:
            copy_in(cursor, stage(topic), staged_columns(topic.event), lines.get(topic.name, ()), refused)
    copy_in(cursor, dead_letters.STAGE_NAME, dead_letters.COLUMNS, lines.get(DEAD, ()), refused)
    _copy(cursor, dead_letters.STAGE_NAME, dead_letters.COLUMNS, refused)


def copy_in(cursor: Cursor, table: str, columns: Mapping[str, str], lines: Sequence[str], refused: list[str]) -> None:
    """Stage the lines that PostgreSQL can read, and add stand-ins for the others; a large table is analyzed."""
    isolate(
        cursor,
        table,
        (0, len(lines)),
        lambda first, end: _copy(cursor, table, columns, lines[first:end]),
        lambda at, reason: refused.append(stand_in(lines[at], reason)),
    )
    if len(lines) >= FIRST_ANALYZED:
        cursor.execute(f"analyze {table} (ordinal)")


def _copy(cursor: Cursor, table: str, columns: Mapping[str, str], lines: Sequence[str]) -> None:
    if lines:
        names = ", ".join(f'"{name}"' for name in columns)
        cursor.copy_expert(f"copy {table} ({names}) from stdin", BytesIO(("\n".join(lines) + "\n").encode()))


def stand_in(line: str, reason: str) -> str:
    """Return a dead letter's line for one that could not be staged; its bytes are fetched from Kafka."""
    place = line.split("\t", 3)[:3]
    said = reason.encode(errors="replace").decode()
    own = (NO_TIME, None, None, "refused", f"PostgreSQL cannot read it: {said}", True, None, None)
    return "\t".join([*place, copy_format.line(own)])
