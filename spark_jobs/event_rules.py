"""What `storeline/topics.py` declares of an event, as columns: its typed fields, or why it cannot be taken.

Types are strict: a number in quotation marks is no number, because a value arrives as it was sent or is refused by name.
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
SPARK_TYPES = {
    Kind.UUID: "string",
    Kind.TEXT: "string",
    Kind.MOMENT: "timestamp",
    Kind.WHOLE: "int",
    Kind.ID: "bigint",
    Kind.MONEY: "decimal(14, 2)",
}


def judge(frame: DataFrame, event: Event) -> DataFrame:
    """Add to Kafka's rows `error` (class and reason, null for a good event), `event_id` and the event's fields.

    One row for each row of `frame`, which has at least `key` and `value`. Fields of an event with an error mean nothing.
    """
    read = frame.withColumns({"text": F.col("value").cast("string")})
    is_readable = (F.length("value") <= MAX_EVENT_BYTES) & F.is_valid_utf8("text")
    read = read.withColumn("json", F.when(is_readable, F.try_parse_json("text")))
    names = [field.name for field in event.all_fields] + ([event.items.name] if event.items else [])
    read = read.withColumns({f"given_{name}": F.try_variant_get("json", f"$.{name}", "variant") for name in names})
    typed = {field.name: typed_value(F.col(f"given_{field.name}"), field) for field in event.all_fields}
    if event.items:
        typed[event.items.name] = typed_items(F.col(f"given_{event.items.name}"), event.items)
    read = read.withColumns(typed)
    problems = [*_unreadable(), *_wrong_fields(event), *_broken_rules(event), *_wrong_key(event)]
    return read.withColumn("error", F.coalesce(*problems))


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
    yield error(~F.is_valid_utf8("text"), "invalid_utf8", "the value is not UTF-8")
    is_object = F.schema_of_variant("json").startswith("OBJECT")
    yield error(~F.coalesce(is_object, F.lit(False)), "bad_json", F.concat(F.lit("no JSON object: "), shown("text")))
    version = F.try_variant_get("json", "$.schema_version", "variant")
    is_known = (F.schema_of_variant(version) == "BIGINT") & (
        F.try_variant_get(version, "$", "bigint") == SCHEMA_VERSION
    )
    yield error(
        ~F.coalesce(is_known, F.lit(False)),
        "unknown_version",
        F.concat(F.lit(f"schema_version: expected {SCHEMA_VERSION}, found "), found(version)),
    )


def _wrong_fields(event: Event) -> Iterable[Column]:
    for field in event.all_fields:
        given = F.col(f"given_{field.name}")
        yield error(is_wrong(given, F.col(field.name), field), "bad_field", _expected(given, field))
    if items := event.items:
        given, lists = F.col(f"given_{items.name}"), F.col(items.name)
        size = F.size(lists)
        is_wrong_list = lists.isNull() | (size < 1) | (size > items.at_most)
        wanted = f"{items.name}: expected a list of 1 to {items.at_most} objects, found "
        yield error(is_wrong_list, "bad_field", F.concat(F.lit(wanted), found(given)))
        reasons = F.transform(F.try_variant_get(given, "$", "array<variant>"), lambda one: _wrong_item(one, items))
        first = F.filter(reasons, lambda reason: reason.isNotNull())
        yield error(F.size(first) > 0, "bad_field", F.concat(F.lit(f"{items.name}: "), first[0]))


def _wrong_item(item: Column, items: Items) -> Column:
    """Return what is wrong with one object of a list, null when nothing is."""

    def reason(field: Field) -> Column:
        given = F.try_variant_get(item, f"$.{field.name}", "variant")
        return F.when(is_wrong(given, typed_value(given, field), field), _expected(given, field))

    return F.coalesce(*map(reason, items.fields))


def _broken_rules(event: Event) -> Iterable[Column]:
    for rule in event.rules:
        yield error(~F.coalesce(F.expr(rule.holds), F.lit(False)), "broken_rule", rule.reason)


def _wrong_key(event: Event) -> Iterable[Column]:
    wanted = F.try_variant_get(f"given_{event.key}", "$", "string")
    yield error(F.col("key").isNull(), "wrong_key", f"the message has no key: expected the event's {event.key}")
    yield error(
        F.col("key") != F.to_binary(wanted, F.lit("utf-8")),
        "wrong_key",
        F.concat(F.lit(f"the message's key is not the event's {event.key}: "), shown(F.hex("key"))),
    )


def typed_value(given: Column, field: Field) -> Column:
    """Return a field's value, null where it is none of its kind."""
    text, kind = F.try_variant_get(given, "$", "string"), F.schema_of_variant(given)
    match field.kind:
        case Kind.MOMENT:
            return F.when((kind == "STRING") & text.rlike(MOMENT), F.try_to_timestamp(text))
        case Kind.WHOLE | Kind.ID:
            return F.when(kind == "BIGINT", F.try_variant_get(given, "$", SPARK_TYPES[field.kind]))
        case Kind.MONEY:
            number = F.try_variant_get(given, "$", "decimal(38, 10)")
            is_money = ((kind == "BIGINT") | kind.startswith("DECIMAL")) & (number < MAX_MONEY)
            amount = number.cast("decimal(14, 2)")
            return F.when(is_money & (amount == number), amount)
        case _:
            return F.when(kind == "STRING", text)


def typed_items(given: Column, items: Items) -> Column:
    """Return a list's objects with typed fields, null where it is no list."""

    def typed(item: Column) -> Column:
        values = [(F.try_variant_get(item, f"$.{field.name}", "variant"), field) for field in items.fields]
        return F.struct(*(typed_value(given, field).alias(field.name) for given, field in values))

    return F.transform(F.try_variant_get(given, "$", "array<variant>"), typed)


def is_wrong(given: Column, value: Column, field: Field) -> Column:
    """Return whether a field does not hold what it should; never null."""
    match field.kind:
        case Kind.UUID:
            holds = value.rlike(UUID)
        case Kind.TEXT if field.choices:
            holds = value.isin(*field.choices)
        case Kind.TEXT:
            holds = F.char_length(value).between(1, MAX_TEXT) & ~F.contains(value, F.lit("\0"))
        case Kind.WHOLE | Kind.ID:
            holds = value.between(1, MAX_INT if field.kind is Kind.WHOLE else MAX_BIGINT)
        case Kind.MONEY:
            holds = value >= 0
        case _:
            holds = value.isNotNull()
    if field.is_nullable:
        holds = given.isNull() | F.is_variant_null(given) | holds
    return ~F.coalesce(holds, F.lit(False))


def _expected(given: Column, field: Field) -> Column:
    wanted = f"one of {', '.join(field.choices)}" if field.choices else field.kind
    return F.concat(F.lit(f"{field.name}: expected {wanted}, found "), found(given))


def found(given: Column) -> Column:
    """Return a value as it stands in the event, cut to what one line takes."""
    return F.coalesce(shown(F.to_json(given)), F.lit("nothing"))


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
