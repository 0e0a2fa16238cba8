"""Whole transactions, whatever Kafka Connect repeats; and which ones a copy holds already."""

import pytest

from storeline.changes.messages import Begin, Change, CopyNeededError, End, read
from storeline.changes.transactions import Transactions, Whole
from storeline.changes.visibility import Visibility, widen
from tests.changes import messages, transaction

ONE = ("c", "users", None, {"user_id": 1})


def whole(values: list[bytes], last_end: int = 0, held: tuple[int, ...] = ()) -> list[tuple[int, list[int]]]:
    """Return the transactions that end and were not skipped, each with the numbers of its changes."""
    taking, found = Transactions(last_end, lambda number: number in held), list[Whole]()
    for one in messages(values):
        said = read(one)
        assert isinstance(said, Begin | Change | End)
        if ended := taking.take(said):
            found.append(ended)
    return [(one.end.transaction, [change.order for change in one.changes]) for one in found if not one.is_skipped]


def test_transactions_come_in_the_order_of_their_ends() -> None:
    later, earlier = transaction(7, [ONE], 500), transaction(9, [ONE, ONE], 1500)
    assert whole([*later, *earlier]) == [(7, [1]), (9, [1, 2])]


def test_a_transaction_without_changes_is_whole() -> None:
    assert whole(transaction(7, [])) == [(7, [])]


def test_a_transaction_that_comes_again_is_skipped() -> None:
    first, second = transaction(7, [ONE]), transaction(8, [ONE])
    assert whole([*first, *second, *first, *second]) == [(7, [1]), (8, [1])]


def test_the_end_of_one_and_the_beginning_of_the_next_may_have_one_position() -> None:
    assert whole([*transaction(7, [ONE], 100), *transaction(8, [ONE], 1000)]) == [(7, [1]), (8, [1])]


def test_what_was_applied_before_this_run_is_skipped() -> None:
    first, second = transaction(7, [ONE], 100), transaction(8, [ONE], 1000)
    assert whole([*first, *second], last_end=1000) == [(8, [1])]


def test_a_restart_in_the_middle_of_a_transaction_repeats_some_changes() -> None:
    # There is no second BEGIN, and the numbers go on.
    begin, *rows, end = transaction(7, [ONE] * 5)
    assert whole([begin, *rows[:3], *rows[1:], end]) == [(7, [1, 2, 3, 4, 5])]
    assert whole([begin, *rows[:3], begin, *rows, end]) == [(7, [1, 2, 3, 4, 5])]


def test_a_restart_before_a_transaction_repeats_it_as_a_whole() -> None:
    first, second = transaction(7, [ONE] * 3), transaction(8, [ONE] * 4)
    assert whole([*first, *second[:3], *first, *second]) == [(7, [1, 2, 3]), (8, [1, 2, 3, 4])]
    # From the middle of the one before.
    assert whole([*first, *second[:3], *first[2:], *second]) == [(7, [1, 2, 3]), (8, [1, 2, 3, 4])]


@pytest.mark.parametrize("lost", [1, 2, 3], ids=["first", "middle", "last"])
def test_a_transaction_that_lacks_a_change_is_refused(lost: int) -> None:
    values = transaction(7, [ONE] * 3)
    del values[lost]
    with pytest.raises(CopyNeededError, match=r"^storeline.changes\[0\] offset 3 ends transaction 7 with 3 changes"):
        whole(values)


def test_a_transaction_that_the_copy_holds_need_not_be_whole() -> None:
    assert whole([*transaction(7, [ONE] * 3)[2:], *transaction(8, [ONE])], held=(7,)) == [(8, [1])]


@pytest.mark.parametrize(
    ("number", "is_held"),
    [(99, True), (100, False), (101, True), (102, False), (103, True), (104, True), (105, False), (106, False)],
)
def test_a_snapshot_holds_what_was_committed_before_it(number: int, is_held: bool) -> None:
    assert Visibility.of("100:105:100,102").sees(number) == is_held


def test_a_snapshot_without_open_transactions_is_read() -> None:
    assert Visibility.of("100:100:") == Visibility(100, 100, frozenset())


@pytest.mark.parametrize(
    ("transaction_id", "near", "wide"),
    [
        (766, 770, 766),
        (5, (1 << 32) - 3, (1 << 32) + 5),
        ((1 << 32) - 1, (1 << 32) + 5, (1 << 32) - 1),
        (10, (7 << 32) + 9, (7 << 32) + 10),
        ((1 << 32) - 2, 3, (1 << 32) - 2),  # of two, the one that PostgreSQL can have given
        ((3 << 32) + 10, (3 << 32) + 9, (3 << 32) + 10),
    ],
)
def test_a_transactions_upper_bits_are_those_of_the_nearest(transaction_id: int, near: int, wide: int) -> None:
    assert widen(transaction_id, near) == wide
