"""What is said of a DAG that does not run."""

from storeline.dag_states import CHANGES, DagState


def paused(dag: str) -> DagState:
    return DagState(dag, True, None, None, None, None, None)


def test_a_paused_dag_holds_up_new_data() -> None:
    assert paused("create_data_marts").lines(is_captured=False) == ["create_data_marts is paused"]


def test_the_stream_of_changes_holds_up_nothing_where_none_are_captured() -> None:
    assert paused(CHANGES).lines(is_captured=False) == []
    assert paused(CHANGES).lines(is_captured=True) == [f"{CHANGES} is paused"]


def test_its_failure_is_said_all_the_same() -> None:
    failed = DagState(CHANGES, True, "failed", None, None, None, None)
    assert failed.lines(is_captured=False) == [f"{CHANGES}: its last run failed"]
