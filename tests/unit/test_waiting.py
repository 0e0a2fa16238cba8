"""How long the stream was caught up, from one look to the next."""

from storeline.events.waiting import CaughtUp

ORDERS, USERS = ("orders", 0), ("users-data", 0)


def looks(*seen: tuple[float, dict[tuple[str, int], int], dict[tuple[str, int], int] | None]) -> list[float]:
    clock = CaughtUp(most_seconds=10)
    return [clock.look(taken, ends, now) for now, taken, ends in seen]


def test_what_comes_all_the_time_and_is_taken_is_caught_up():
    steady = [(now, {ORDERS: now * 10}, {ORDERS: now * 10 + 7}) for now in range(0, 25, 5)]
    assert looks(*steady) == [0, 5, 5, 5, 5]


def test_a_backlog_a_stop_and_a_kafka_that_is_away_do_not_count():
    behind = {ORDERS: 10, USERS: 100}
    assert looks((0, {ORDERS: 10}, behind), (5, {ORDERS: 10, USERS: 99}, behind), (10, behind, behind)) == [0, 0, 5]
    assert looks((0, behind, behind), (5, behind, None), (10, behind, behind), (15, behind, behind)) == [0, 5, 0, 5]


def test_a_process_that_slept_counts_little():
    assert looks((0, {}, {}), (3600, {}, {})) == [0, 10]
