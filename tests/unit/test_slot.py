"""What a replication slot's state means, in one line."""

import re

import pytest

from storeline.changes.connector import declaration, drift
from storeline.replica import slot
from storeline.replica.slot import MIB, Slot
from storeline.settings import load


def reserved(**values: object) -> Slot:
    usual = {"wal_status": "reserved", "is_active": True, "safe_bytes": 4000 * MIB, "limit_bytes": 4096 * MIB}
    return Slot("storeline_1", "p", **{**usual, **values})  # type: ignore[arg-type]


def test_a_slot_that_is_read_is_well() -> None:
    assert slot.loss(reserved()) is None
    assert slot.warning(reserved()) is None


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (None, "the shop's changes are not captured"),
        (Slot("storeline_1", "p"), "PostgreSQL has no replication slot storeline_1 any more"),
        (reserved(wal_status="lost", invalidation_reason="wal_removed"), "given up .* storeline_1 .wal_removed."),
        (reserved(invalidation_reason="idle_timeout"), "given up .* storeline_1 .idle_timeout."),
    ],
)
def test_of_a_slot_that_has_lost_changes_the_line_says_what_heals(found: Slot | None, said: str) -> None:
    assert re.search(f"{said}.*run replicate_postgres_to_mysql", slot.loss(found) or "")


def test_a_slot_close_to_its_limit_or_not_read_is_told_before_it_is_lost() -> None:
    close = slot.warning(reserved(wal_status="unreserved", safe_bytes=-5 * MIB, retained_bytes=4100 * MIB))
    assert close
    assert "keeps 4100 MiB of PostgreSQL's log and is lost after 0 MiB more" in close
    idle = slot.warning(reserved(is_active=False, idle_seconds=300.0, retained_bytes=7 * MIB))
    assert idle
    assert "no process has read the replication slot storeline_1 for 300 s, and it keeps 7 MiB" in idle
    # Connect is starting again.
    assert slot.warning(reserved(is_active=False, idle_seconds=5.0)) is None
    # Without a limit only the disk is one.
    assert slot.warning(reserved(safe_bytes=None, limit_bytes=None)) is None


def test_the_placeholder_is_not_printed_with_a_slot() -> None:
    assert "secret" not in repr(Slot("storeline_1", "secret"))


def test_a_declaration_names_the_passwords_variable_and_drift_names_keys() -> None:
    declared = declaration(load(environment={}), "storeline_1", "p")
    assert declared["database.password"] == "${env:POSTGRES_CAPTURE_PASSWORD}"
    assert drift(declared, declared | {"name": "storeline_1"}) == []
    running = {**declared, "snapshot.mode": "initial", "more": "x"}
    del running["slot.name"]
    assert drift(declared, running) == ["more", "slot.name", "snapshot.mode"]
