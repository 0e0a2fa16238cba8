"""Both sides divide a table's rows in the same way, whatever its key is, and read the same lines."""

import re
from contextlib import closing

import pytest

from storeline.generation import REPLICA
from storeline.replica import transfer
from storeline.replica.chunk import PIPE_PATH, pump
from storeline.replica.key_groups import GROUPS, list_source, list_target, source_groups, target_groups
from storeline.replica.source import describe
from storeline.settings import Settings
from storeline.stores import mysql, postgres
from tests.integration.events import Ask

pytestmark = pytest.mark.integration
KEYED = {
    "whole number": ("k bigint primary key", f"({-(1 << 63)}), ({(1 << 63) - 1}), (-1), (0), (1), (4096), ({1 << 40})"),
    "short number": ("k integer primary key", "(-2147483648), (2147483647), (-1), (0), (1)"),
    "exact number": ("k numeric(9,2) primary key", "(0), (-1.5), (1234567.89)"),
    "two numbers": ("k bigint, l integer, primary key (k, l)", "(1, 2), (2, 1), (12, 1), (1, 21)"),
    "number and text": ("k bigint, l varchar(9), primary key (k, l)", "(1, ',1'), (1, ''), (11, '')"),
    "text": ("k varchar(9) primary key", "('a'), ('A'), ('a '), ('ä'), ('a,b'), ('\"'), (''), ('NULL')"),
    "moment": ("k timestamptz primary key", "('2026-01-01Z'), ('2026-01-01 00:00:00.1Z'), ('2026-01-01 00:00:00.12Z')"),
    "UUID": ("k uuid primary key", "('0f000000-0000-0000-0000-000000000001'), (gen_random_uuid())"),
}


@pytest.mark.parametrize("name", KEYED)
def test_rows_are_in_the_same_group_on_both_sides(settings: Settings, ask_source: Ask, name: str) -> None:
    columns, rows = KEYED[name]
    count = len(re.findall(r"\), |\)$", rows))
    ask_source(f"create table source.keyed ({columns})")
    live = REPLICA.published_name("keyed")
    with (
        closing(postgres.endless(postgres.owner(settings))) as source,
        closing(mysql.admin(settings).connect(allow_local_infile=True)) as target,
    ):
        try:
            ask_source(f"insert into source.keyed values {rows}")
            table = describe(source, "source", "keyed")
            mysql.do(target, transfer.staging_ddl(table, live))
            copy = transfer.copy_rows(source, table, "true")
            pump(source, target, copy, transfer.load_statement(table, live, PIPE_PATH))
            here, there = source_groups(source, table), target_groups(target, table)
            assert here == there
            assert sum(group.rows for group in here.values()) == count
            with source.cursor() as cursor:
                cursor.execute("select pg_current_snapshot()")
                (snapshot,) = cursor.fetchone() or ()
            lines = {key: line for key, (_, line) in list_source(source, table, range(GROUPS), snapshot).items()}
            assert lines == list_target(target, table, range(GROUPS))
            assert len(lines) == count
        finally:
            source.rollback()
            ask_source("drop table source.keyed")
            mysql.do(target, f"drop table if exists {live}")
