"""What `storeline/topics.py` declares of an event, as columns: its typed fields, or why it cannot be taken.

Types are strict: a text is no number and a number no text, because a value arrives as it was sent or not at all.
"""

from collections.abc import Iterable
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from storeline.topics import MAX_EVENT_BYTES, MAX_MONEY, SCHEMA_VERSION, Event, Field, Items, Kind

MAX_INT, MAX_BIGINT = 2**31 - 1, 2**63 - 1
MAX_TEXT = 255
SHOWN_CHARACTERS = 60
UUID = "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
MOMENT = r"^[12]\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|\+00:00)$"
# How Spark's JSON reader reads a field; what does not fit becomes null, but a string takes everything as a text.
READ_AS = {
    Kind.UUID: "string",
    Kind.TEXT: "string",
    Kind.MOMENT: "string",
    Kind.WHOLE: "bigint",
    Kind.ID: "bigint",
    Kind.MONEY: "decimal(38, 18)",
}


def judge(frame: DataFrame, event: Event) -> DataFrame:
    """Add to Kafka's rows `error` (class and reason, null for a good event) and the event's fields, typed.

    One row for each row of `frame`, which has at least `key` and `value`. Of an event with an error the fields mean
    nothing.
    """
    text = F.col("value").cast("string")
    is_readable = (F.length("value") <= MAX_EVENT_BYTES) & F.is_valid_utf8(text)
    read = frame.withColumn("text", text).withColumn("readable", F.when(is_readable, text))
    parsed = (F.try_parse_json("readable").alias("json"), F.from_json("readable", schema(event)).alias("event"))
    # Generated, because a plain projection is merged into the next ones, and each field would parse the event again.
    read = read.select("*", F.inline(F.array(F.struct(*parsed))))
    read = read.select("*", *(typed(F.col(f"event.{one.name}"), one).alias(one.name) for one in event.all_fields))
    if event.items:
        read = read.withColumn(event.items.name, typed_items(F.col(f"event.{event.items.name}"), event.items))
    problems = [*_unreadable(), *_wrong_fields(event), *_broken_rules(event), *_wrong_key(event)]
    return read.withColumn("error", F.coalesce(*problems))


def schema(event: Event) -> str:
    """Return what Spark's JSON reader is told of an event."""
    fields = [f"{field.name} {READ_AS[field.kind]}" for field in event.all_fields]
    if event.items:
        inner = ", ".join(f"{field.name}: {READ_AS[field.kind]}" for field in event.items.fields)
        fields.append(f"{event.items.name} array<struct<{inner}>>")
    return ", ".join(["schema_version bigint", *fields])


def typed(read: Column, field: Field) -> Column:
    """Return a field's value, null where it is none of its kind."""
    match field.kind:
        case Kind.MOMENT:
            return F.when(read.rlike(MOMENT), F.try_to_timestamp(read))
        case Kind.WHOLE:
            return F.when(read.between(1, MAX_INT), read.cast("int"))
        case Kind.MONEY:
            amount = F.when(read.between(0, MAX_MONEY - 1), read.cast("decimal(14, 2)"))
            return F.when(amount == read, amount)
        case _:
            return read


def typed_items(read: Column, items: Items) -> Column:
    """Return a list's objects with typed fields, in the order of the first one."""
    objects = F.transform(read, lambda one: F.struct(*(typed(one[f.name], f).alias(f.name) for f in items.fields)))
    return F.sort_array(objects)


def error(when: Column, error_class: str, reason: Column | str) -> Column:
    """Return an error where a condition is true, else null."""
    said = F.lit(reason) if isinstance(reason, str) else reason
    return F.when(when, F.struct(F.lit(error_class).alias("class"), said.alias("reason")))


def _unreadable() -> Iterable[Column]:
    bytes_ = F.format_number(F.length("value"), 0)
    yield error(F.col("value").isNull(), "tombstone", "the event has no value: nothing is deleted by an event")
    yield error(
        F.length("value") > MAX_EVENT_BYTES,
        "too_large",
        F.concat(bytes_, F.lit(f" bytes: expected {MAX_EVENT_BYTES:,} at most")),
    )
    yield error(F.col("readable").isNull(), "invalid_utf8", "the value is not UTF-8")
    is_object = F.col("json").isNotNull() & F.col("readable").rlike(r"^\s*\{")
    yield error(~is_object, "bad_json", F.concat(F.lit("no JSON object: "), shown("text")))
    yield error(
        ~F.coalesce(F.col("event.schema_version") == SCHEMA_VERSION, F.lit(False)),
        "unknown_version",
        F.concat(F.lit(f"schema_version: expected {SCHEMA_VERSION}, found "), found("schema_version")),
    )


def _wrong_fields(event: Event) -> Iterable[Column]:
    for field in event.all_fields:
        is_wrong = ~F.coalesce(holds(F.col(field.name), field), F.lit(False))
        if field.kind is Kind.TEXT and not field.choices:
            is_wrong |= F.schema_of_variant(_given(field.name)) != "STRING"
        if field.is_nullable:
            # Of another type it reads as null, too.
            is_wrong &= ~F.coalesce(F.is_variant_null(_given(field.name)), F.lit(True))
        wanted = F.lit(f"{field.name}: expected {_kind(field)}, found ")
        yield error(is_wrong, "bad_field", F.concat(wanted, found(field.name)))
    if items := event.items:
        wanted = F.lit(f"{items.name}: expected a list of 1 to {items.at_most} objects, found ")
        is_list = F.size(items.name).between(1, items.at_most)
        yield error(~F.coalesce(is_list, F.lit(False)), "bad_field", F.concat(wanted, found(items.name)))
        # All at once, because a good event is looked at most often; which field it was is asked of a broken one.
        wrong = [(field, ~F.coalesce(_all_hold(items, (field,)), F.lit(False))) for field in items.fields]
        reasons = [F.when(when, F.lit(f"{items.name}: {f.name}: expected {_kind(f)}, found ")) for f, when in wrong]
        reason = F.concat(F.coalesce(*reasons), found(items.name))
        yield error(~F.coalesce(_all_hold(items, items.fields), F.lit(False)), "bad_field", reason)


def _all_hold(items: Items, fields: Iterable[Field]) -> Column:
    """Return whether fields are as declared in every object of a list."""

    def hold(one: Column) -> Column:
        return reduce(Column.__and__, (F.coalesce(holds(one[f.name], f), F.lit(False)) for f in fields))

    return F.forall(items.name, hold)


def holds(value: Column, field: Field) -> Column:
    """Return whether a typed value is what a field should hold; null where it is none of its kind."""
    match field.kind:
        case Kind.UUID:
            return value.rlike(UUID)
        case Kind.TEXT if field.choices:
            return value.isin(*field.choices)
        case Kind.TEXT:
            return F.char_length(value).between(1, MAX_TEXT) & ~F.contains(value, F.lit("\0"))
        case Kind.ID:
            return value >= 1
        case _:
            return value.isNotNull()


def _kind(field: Field) -> str:
    return f"one of {', '.join(field.choices)}" if field.choices else field.kind


def _broken_rules(event: Event) -> Iterable[Column]:
    for rule in event.rules:
        yield error(~F.coalesce(F.expr(rule.holds), F.lit(False)), "broken_rule", rule.reason)


def _wrong_key(event: Event) -> Iterable[Column]:
    yield error(F.col("key").isNull(), "wrong_key", f"the message has no key: expected the event's {event.key}")
    yield error(
        F.col("key") != F.col(f"event.{event.key}").cast("binary"),
        "wrong_key",
        F.concat(F.lit(f"the message's key is not the event's {event.key}: "), shown(F.hex("key"))),
    )


def _given(name: str) -> Column:
    return F.try_variant_get("json", f"$.{name}", "variant")


def found(name: str) -> Column:
    """Return a field as it stands in the event, cut to what one line takes."""
    return F.coalesce(shown(F.to_json(_given(name))), F.lit("nothing"))


def shown(text: Column | str) -> Column:
    """Return a text as one line of at most `SHOWN_CHARACTERS`."""
    whole = F.col(text) if isinstance(text, str) else text
    line = F.regexp_replace(whole, r"\p{Cntrl}", " ")
    cut = F.concat(F.left(line, F.lit(SHOWN_CHARACTERS)), F.lit("…"))
    return F.when(F.char_length(line) > SHOWN_CHARACTERS, cut).otherwise(line)


def copy_line(columns: Iterable[Column]) -> Column:
    """Return a line of COPY's text format; a null column becomes `\\N`."""
    return F.concat_ws("\t", *(F.coalesce(column, F.lit(r"\N")) for column in columns))


def copy_text(column: Column) -> Column:
    """Return a text as COPY's text format escapes it."""
    escapes = (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r"))
    return reduce(lambda text, pair: F.replace(text, F.lit(pair[0]), F.lit(pair[1])), escapes, column)


def copy_bytes(column: Column) -> Column:
    """Return bytes as COPY's text format writes a bytea."""
    return F.concat(F.lit(r"\\x"), F.hex(column))
