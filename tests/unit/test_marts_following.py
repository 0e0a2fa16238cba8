"""When the marts follow the stream of changes, decided from what the ledger says."""

from storeline.marts.following import Following, Marts

EIGHT, NINE = "2026-11-28 08:00:00.000000", "2026-11-28 09:00:00.000000"


def marts(applied: int, shown: int, age_seconds: int, built_at: str = EIGHT) -> Marts:
    return Marts(applied, shown, age_seconds, built_at)


def test_marts_that_show_every_change_are_not_built_again_however_old() -> None:
    assert not Following(60).is_due(marts(applied=7, shown=7, age_seconds=9999))


def test_marts_that_lack_changes_are_due_when_they_are_old_enough() -> None:
    following = Following(60)
    assert not following.is_due(marts(applied=8, shown=7, age_seconds=59))
    assert following.is_due(marts(applied=8, shown=7, age_seconds=60))


def test_zero_means_never() -> None:
    assert not Following(0).is_due(marts(applied=8, shown=7, age_seconds=9999))


def test_a_build_is_called_for_once_however_long_it_takes_whatever_comes_meanwhile_and_if_it_fails() -> None:
    following = Following(60)
    found = [marts(applied, shown=7, age_seconds=60 * applied) for applied in (8, 8, 9, 60)]
    assert list(map(following.is_due, found)) == [True, False, False, False]


def test_after_a_build_its_age_counts() -> None:
    following = Following(60)
    assert following.is_due(marts(applied=8, shown=7, age_seconds=60))
    assert not following.is_due(marts(applied=9, shown=8, age_seconds=59, built_at=NINE))
    assert following.is_due(marts(applied=9, shown=8, age_seconds=60, built_at=NINE))


def test_a_process_that_begins_to_look_finds_due_what_is_due() -> None:
    found = marts(applied=8, shown=7, age_seconds=60)
    assert Following(60).is_due(found)
    assert Following(60).is_due(found)
