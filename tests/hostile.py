"""Messages of a hostile sender: arbitrary bytes, and valid events with parts changed."""

import json
from typing import Any

from hypothesis import strategies as st

from tests.integration.events import KNOWN, line, moment, order, registration

DEPTHS = (90, 400, 900, 990, 1100, 60_000)
# Replacements for a field, as raw event text.
FRAGMENTS = [
    *("null", "true", "{}", "[]", '""', "0", "-0", "-0.0", "1", "1.0", "1.00", "0.1e1", "1E2", "1.005", "-1"),
    *("1e99999999999999999999", "-1e99999999999999999999", "1e-999999999", "1e999999999", "0e999999999"),
    *("1.0000000000000000000000000000000000001", "0.99999999999999999999999999999999999999", "999999999999.99"),
    *("1000000000000", str(2**31), str(2**63), "1" * 5000, f"1.5{'0' * 400}", f"0.{'9' * 400}", "NaN", "-Infinity"),
    *(r'"\ud800"', r'"\u0000"', r'"a\u0000b"', r'"\udbff\udfff"', '"\u2028\u0085\ufeff\uffff"', '"\\\\N\\t\\\\."'),
    *(json.dumps("x" * 255), json.dumps("x" * 256), json.dumps("😀" * 255, ensure_ascii=False), '"1"', '"Completed"'),
    *('"0000-01-01T00:00:00Z"', '"1000-01-01T00:00:00Z"', '"2999-12-31T23:59:59.999999Z"', '"2026-02-30T00:00:00Z"'),
    *('"2026-01-01T24:00:00Z"', '"2026-01-01T23:59:60Z"', '"2026-01-01T00:00:00+00:00"', '"infinity"'),
    *("[" * depth + "]" * depth for depth in DEPTHS),
    *('{"a":' * depth + "1" + "}" * depth for depth in DEPTHS),
    *("[" * 500, '"', "{", "1 2", ""),
]
fragments = st.one_of(
    st.sampled_from(FRAGMENTS),
    st.text(max_size=20).map(json.dumps),
    st.decimals(allow_nan=False, allow_infinity=False).map(str),
    st.integers().map(str),
)
edits = st.lists(st.tuples(st.integers(0, 400), st.integers(0, 8), st.binary(max_size=8)), max_size=3)


def as_text(event: dict[str, Any], changes: dict[str, str]) -> str:
    """Return an event as JSON, with some fields replaced by raw text."""
    texts = {name: json.dumps(value) for name, value in event.items()} | changes
    fields = ", ".join(f"{json.dumps(name)}: {text}" for name, text in texts.items())
    return f"{{{fields}}}"


@st.composite
def mutated(draw: st.DrawFn) -> tuple[str, bytes | None, bytes]:
    """Draw a topic, a key and a value: a valid event changed in one to four places."""
    topic = draw(st.sampled_from(["orders", "users-data"]))
    event = order(KNOWN) if topic == "orders" else registration(f"{draw(st.integers(0, 5))}@events.example.com")
    if topic == "orders" and draw(st.booleans()):
        event |= {"status": "Completed", "delivery_date": moment(draw(st.integers(-5, 5)))}
    names = st.sampled_from([*event, "another"])
    changes = draw(st.dictionaries(names, fragments, max_size=3))
    if topic == "orders" and draw(st.booleans()):
        held = as_text(line(), draw(st.dictionaries(st.sampled_from([*line(), "another"]), fragments, max_size=2)))
        changes["lines"] = f"[{held}, {json.dumps(line(2))}]"
    value = as_text(event, changes).encode()
    if draw(st.integers(0, 3)) == 0:
        for at, length, put in draw(edits):
            value = value[:at] + put + value[at + length :]
    own = event["order_id" if topic == "orders" else "email"].encode()
    key = draw(st.one_of(st.just(own), st.just(own), st.just(own), st.none(), st.binary(max_size=40)))
    return topic, key, value
