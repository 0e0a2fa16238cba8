"""What the DAGs guarantee without running: ids, schedules, documentation, one run at a time."""

import ast
import compileall
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from zipfile import ZipFile

import pytest
from airflow.sdk import AssetAll, AssetAny
from airflow.sdk.exceptions import AirflowFailException, ParamValidationError
from airflow.triggers.base import BaseEventTrigger

from dags.sales_step import run_date
from dags.spark_job import pack
from storeline.sales.steps import STEPS
from storeline.settings import ROOT, load
from storeline.tables import TABLES

# Deprecations in Airflow's own use of its libraries.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def dags(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """Parse the DAG files as the DAG processor does."""
    patch = pytest.MonkeyPatch()
    patch.setenv("AIRFLOW_HOME", str(tmp_path_factory.mktemp("airflow")))
    patch.syspath_prepend(str(ROOT))
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(str(ROOT / "dags"))
    patch.undo()
    assert bag.import_errors == {}
    return dict(bag.dags)


def test_the_dags_are_these(dags):
    assert {dag_id: dag.task_ids for dag_id, dag in dags.items()} == {
        "replicate_postgres_to_mysql": ["replicate"],
        "create_data_marts": ["build_marts"],
        "kafka_to_postgres_streaming": ["stream_events"],
        "postgres_to_mysql_streaming": ["stream_changes"],
        "sales_pipeline": ["generate", "validate", "clean", "load", "analyse", "transfer"],
        "verify_replica": ["verify"],
    }


def test_the_sales_follow_one_another_on_tuesdays_in_moscow(dags):
    dag = dags["sales_pipeline"]
    assert [(task.task_id, task.downstream_task_ids) for task in dag.tasks] == [
        (step.name, {after.name} if after else set()) for step, after in zip(STEPS, [*STEPS[1:], None], strict=True)
    ]
    assert (dag.timetable.expression, str(dag.timetable.timezone)) == ("45 12 * * 2", "Europe/Moscow")
    # Midnight in Moscow is 21:00 UTC of the previous day.
    context = {
        "params": {"run_date": None},
        "dag_run": SimpleNamespace(run_after=datetime(2026, 11, 23, 21, tzinfo=UTC)),
    }
    assert run_date(context) == "2026-11-24"
    assert run_date(context | {"params": {"run_date": "2026-11-10"}}) == "2026-11-10"


def test_the_replica_is_verified_every_night_between_two_copies_and_by_hand_for_some_tables(dags):
    dag = dags["verify_replica"]
    assert (dag.timetable.expression, str(dag.timetable.timezone)) == ("30 3 * * *", "UTC")
    (task,) = dag.tasks
    assert (task.module, [asset.name for asset in task.outlets]) == ("storeline.replica.verify", ["verification"])
    assert dag.params["tables"] == []
    assert task.arguments({"params": {"tables": ["users", "orders"]}}) == ["users", "orders"]
    with pytest.raises(ParamValidationError):
        dag.params["tables"] = ["pg_class"]


def test_each_dag_runs_once_at_a_time_without_catching_up_and_is_documented(dags):
    for dag in dags.values():
        assert (dag.max_active_runs, dag.catchup) == (1, False)
        assert len(dag.doc_md) > 200


def test_the_stream_runs_all_the_time_and_is_tried_again_without_end_with_pauses_up_to_a_minute(dags):
    dag = dags["kafka_to_postgres_streaming"]
    (task,) = dag.tasks
    assert type(dag.timetable).__name__ == "ContinuousTimetable"
    assert task.retries >= 10**6
    assert (task.retry_exponential_backoff, task.max_retry_delay) == (2, timedelta(minutes=1))


def test_no_dag_is_paused_for_runs_that_a_person_may_have_ended(dags):
    assert {dag.max_consecutive_failed_dag_runs for dag in dags.values()} == {0}


def test_each_task_has_a_time_out_beyond_what_its_job_may_last_by_itself(dags):
    settings = load(environment={})
    limits = {}
    for dag in dags.values():
        for task in dag.tasks:
            task.pre_execute({})
            limits[task.task_id] = task.execution_timeout.total_seconds()
    assert settings.copy_timeout_seconds < limits["replicate"] <= settings.copy_timeout_seconds + 900
    assert settings.build_timeout_seconds < limits["build_marts"] <= settings.build_timeout_seconds + 900
    assert settings.stream_run_seconds + settings.stream_outage_seconds < limits["stream_events"]
    longest = 2 * settings.lock_wait_seconds + settings.verify_timeout_seconds
    assert longest < limits["verify"] <= longest + 900
    assert {limits[step.name] for step in STEPS} == {settings.sales_timeout_seconds + 900}


def test_each_run_of_the_stream_has_a_logical_date_of_its_own(dags):
    from airflow.timetables.base import TimeRestriction
    from airflow.timetables.simple import ContinuousTimetable

    restriction = TimeRestriction(dags["kafka_to_postgres_streaming"].start_date, None, False)
    timetable = ContinuousTimetable()
    first = timetable.next_dagrun_info(last_automated_data_interval=None, restriction=restriction)
    second = timetable.next_dagrun_info(last_automated_data_interval=first.data_interval, restriction=restriction)
    assert second.logical_date > first.logical_date


def test_a_refusal_fails_a_batch_run_at_once_and_pauses_no_dag(dags, monkeypatch):
    monkeypatch.setattr("dags.spark_job.refuse", lambda *_: pytest.fail("it counts towards a pause"))
    for dag_id in ("create_data_marts", "replicate_postgres_to_mysql"):
        (task,) = dags[dag_id].tasks
        with pytest.raises(AirflowFailException, match=r"^no$"):
            task.refuse({"refused": "no", "progress": None})


def test_retries_come_from_the_configuration(dags):
    assert not any("default_args" in path.read_text() for path in (ROOT / "dags").glob("*.py"))
    assert "default_task_retries" in (ROOT / "docker" / "airflow" / "airflow.cfg").read_text()


def test_the_copy_tells_about_every_table_and_the_marts_listen_to_all_of_them(dags):
    told = {asset.name for asset in dags["replicate_postgres_to_mysql"].get_task("replicate").outlets}
    every_table, _ = dags["create_data_marts"].timetable.asset_condition.objects
    assert isinstance(every_table, AssetAll)
    heard = {asset.name for asset in every_table.objects}
    assert told == heard == {f"replica.{table.name}" for table in TABLES}


def test_the_marts_also_listen_to_the_stream_of_changes_through_a_trigger_that_the_triggerer_can_make(dags):
    condition = dags["create_data_marts"].timetable.asset_condition
    _, changes = condition.objects
    assert (type(condition), changes.name) == (AssetAny, "changes")
    (watcher,) = changes.watchers
    path, arguments = watcher.trigger.serialize()
    module, _, name = path.rpartition(".")
    # What the dag-processor stores, which has neither the settings nor the key that would encrypt arguments.
    assert arguments == {}
    assert isinstance(getattr(import_module(module), name)(), BaseEventTrigger)


def test_no_password_is_in_what_a_task_submits(dags):
    for dag in dags.values():
        for task in (task for task in dag.tasks if hasattr(task, "conf")):
            assert task.application_args in (None, [])
            assert not any("password" in str(value).lower() for value in (task.conf or {}).values())


def test_executors_are_sent_the_code_and_not_what_python_made_of_it(tmp_path: Path) -> None:
    compileall.compile_dir(ROOT / "storeline", quiet=1, maxlevels=0)
    sent = {name for archive in pack(tmp_path) for name in ZipFile(archive).namelist()}
    assert sent >= {"storeline/settings.py", "spark_jobs/replicate.py", "spark_jobs/marts/UserOrders.sql"}
    assert [name for name in sent if "__pycache__" in name] == []


def test_dag_files_import_no_pyspark_and_no_driver():
    forbidden = {"pyspark", "psycopg2", "mysql", "clickhouse_connect", "pyarrow", "kafka"}
    for path in (ROOT / "dags").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {name.split(".")[0] for name in names} & forbidden, path.name
