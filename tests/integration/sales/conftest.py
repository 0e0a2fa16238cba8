"""The pipeline on small sales, run in this process: PostgreSQL, Spark and ClickHouse's engine are real."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from native.stack import Stack
from storeline.sales import step as one_step
from storeline.sales.folder import Folder
from storeline.sales.steps import STEPS
from storeline.sales.storage import storage_of
from storeline.settings import Settings
from storeline.stores import clickhouse, postgres
from tests.integration.jobs import run_here, said_by

DATE, OTHER = date(2026, 11, 24), date(2026, 11, 17)


@dataclass(frozen=True)
class Pipeline:
    """The steps with one configuration."""

    settings: Settings

    def configured(self, **values: str) -> "Pipeline":
        """Return the pipeline with other settings."""
        return Pipeline(Settings({**self.settings.values, **values}))

    def take(self, name: str, run_date: object = DATE) -> tuple[int, str]:
        """Run a step in this process; return its exit code and its output."""
        step = next(step for step in STEPS if step.name == name)
        if step.is_on_spark:
            return run_here(self.settings, step.module.removeprefix("spark_jobs."), str(run_date))
        work = getattr(import_module(step.module), name)
        return said_by(self.settings, lambda: one_step.main(name, work, [str(run_date)]))

    def run(self, run_date: date = DATE, upto: str = "transfer") -> None:
        """Run all steps, or those up to one. Raises AssertionError with a failed step's output."""
        for step in STEPS:
            code, said = self.take(step.name, run_date)
            assert code == 0, said
            if step.name == upto:
                return

    def folder(self, name: str, run_date: date = DATE) -> Folder:
        return Folder(storage_of(self.settings), run_date, name)

    @property
    def root(self) -> Path:
        return Path(self.settings.sales_storage)

    def ask(self, question: str) -> list[tuple[Any, ...]]:
        with closing(postgres.reader(self.settings).connect()) as connection, connection.cursor() as cursor:
            cursor.execute(question)
            return list(cursor.fetchall())

    def ask_clickhouse(self, question: str) -> list[tuple[Any, ...]]:
        with closing(clickhouse.connect(self.settings)) as client:
            return client.query(question)

    def state(self) -> tuple[object, ...]:
        """Return everything that readers of both databases see."""
        return (
            self.ask(
                "select run_date, count(*), sum(hashtextextended(s::text, 0)) from sales.sales s group by 1 order by 1"
            ),
            self.ask("select * from sales.sales_summary order by 1, 2, 3"),
            self.ask_clickhouse("select * from sales.sales_summary order by 1, 2, 3"),
            self.ask_clickhouse("select name from system.tables where database = 'sales'"),
        )


@pytest.fixture(scope="module")
def empty(databases: Stack, spark: SparkSession) -> Pipeline:
    """Return the pipeline, 20,000 sales per run, before any run."""
    databases.start(("clickhouse",))
    pipeline = Pipeline(Settings({**databases.settings.values, "SALES_ROWS": "20000"}))
    shutil.rmtree(pipeline.root, ignore_errors=True)
    with closing(postgres.owner(pipeline.settings).connect()) as connection, connection, connection.cursor() as cursor:
        cursor.execute("truncate sales.sales, sales.sales_summary, ops.sales_reports, ops.sales_steps")
    with closing(clickhouse.connect(pipeline.settings, is_loader=True)) as client:
        client.command("truncate table sales.sales_summary")
    return pipeline


@pytest.fixture(scope="module")
def pipeline(empty: Pipeline) -> Pipeline:
    """Return the pipeline after a run of one date."""
    empty.run()
    return empty


@pytest.fixture
def unchanged(pipeline: Pipeline) -> Iterator[Callable[[], None]]:
    """Check that a test changes nothing that readers see."""
    before = pipeline.state()
    yield lambda: None
    assert pipeline.state() == before
