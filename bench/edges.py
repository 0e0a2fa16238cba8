"""Values at the edges of the shop's types: what each is, its type, and the SQL that makes it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Edge:
    """A value, by a name for readers, its PostgreSQL type and an SQL expression."""

    name: str
    type: str
    sql: str


MOMENT, MONEY, TEXT = "timestamptz", "numeric(14,2)", "text"
EDGES = (
    Edge("microseconds", MOMENT, "'2026-03-29 01:30:00.123456+00'"),
    Edge("a microsecond before midnight", MOMENT, "'2026-11-22 23:59:59.999999+00'"),
    Edge("in Berlin's missing hour", MOMENT, "'2026-03-29 02:30:00+00'"),
    Edge("in Berlin's doubled hour", MOMENT, "'2026-10-25 00:30:00+00'"),
    Edge("1970-01-01 00:00:00", MOMENT, "'1970-01-01 00:00:00+00'"),
    Edge("before 1970", MOMENT, "'1969-12-31 23:59:59.5+00'"),
    Edge("after 2038-01-19", MOMENT, "'2038-01-19 03:14:08+00'"),
    Edge("year 1000, before Gregory's calendar", MOMENT, "'1000-02-28 00:00:00+00'"),
    Edge("year 9999, last microsecond", MOMENT, "'9999-12-31 23:59:59.999999+00'"),
    Edge("year 10000", MOMENT, "'10000-01-01 00:00:00+00'"),
    Edge("year 44 BC", MOMENT, "'0044-03-15 12:00:00+00 BC'"),
    Edge("infinity", MOMENT, "'infinity'"),
    Edge("-infinity", MOMENT, "'-infinity'"),
    Edge("NULL moment", MOMENT, "null"),
    Edge("1.10", MONEY, "1.10"),
    Edge("largest", MONEY, "999999999999.99"),
    Edge("lowest", MONEY, "-999999999999.99"),
    Edge("NaN", MONEY, "'NaN'"),
    Edge("40 digits", "numeric(40,10)", "123456789012345678901234567890.0123456789"),
    Edge("20 decimals", "numeric(30,20)", "0.12345678901234567891"),
    Edge("largest", "bigint", "9223372036854775807"),
    Edge("lowest", "bigint", "-9223372036854775808"),
    Edge("lowest", "integer", "-2147483648"),
    Edge("uuid", "uuid", "'00000000-0000-4000-8000-00000000ffff'"),
    Edge("empty", TEXT, "''"),
    Edge("NULL", TEXT, "null"),
    Edge("the word NULL", TEXT, "'NULL'"),
    Edge(r"\N", TEXT, r"'\N'"),
    Edge("newline, tab, carriage return", TEXT, r"E'a\nb\tc\r\nd'"),
    Edge("backslashes", TEXT, r"'C:\new\table\'"),
    Edge("quotes and commas", TEXT, """'"a", ''b'', ""'"""),
    Edge("vertical tab, form feed, 0x1a", TEXT, r"E'a\x0bb\x0cc\x1ad'"),
    Edge("blanks around", TEXT, "'  a  '"),
    Edge("emoji", TEXT, "'\U0001f6d2\U0001f469\u200d\U0001f4bb'"),
    Edge("e and a combining accent", TEXT, "'e\u0301'"),
    Edge("255 emoji", "varchar(255)", "repeat('\U0001f6d2', 255)"),
    Edge("100,000 characters", TEXT, "repeat('abcdefghij', 10000)"),
)
