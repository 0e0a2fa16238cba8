"""Batch runs seen from outside: which task started one, how to end it, whether it published."""

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from mysql.connector import Error as DriverError

from storeline import ledger
from storeline.generation import MARTS, REPLICA, Generations
from storeline.marts import publication
from storeline.replica import bases
from storeline.settings import Settings
from storeline.stores import mysql, mysql_locks, mysql_sessions
from storeline.task import ATTRIBUTE

UNREACHABLE = (mysql.MysqlError, DriverError)
KILL_SECONDS = 10  # a killed statement first rolls back


@dataclass(frozen=True)
class Job:
    """Where a batch job keeps its lock and its ledger."""

    login: Callable[[Settings], mysql.Login]
    lock: str
    generations: Generations


JOBS = {
    "replicate": Job(mysql.replicator, bases.COPY_LOCK, REPLICA),
    "build_marts": Job(mysql.mart_builder, publication.LOCK, MARTS),
}


def end(settings: Settings, name: str, is_ended: Callable[[str], bool], why: str) -> list[str]:
    """End the sessions of a job's runs whose Airflow task has ended; return a line for each.

    Without its session a run holds no lock and swaps nothing, even if its process sleeps and wakes again.
    """
    job = JOBS[name]
    with closing(job.login(settings).connect()) as connection:
        sessions = mysql_sessions.sessions_with(connection, ATTRIBUTE)
        ended = {number: task for number, task in sessions.items() if is_ended(task)}
        named = {number: mysql_sessions.describe_connection(connection, number) for number in ended}
        lines = [f"{task}: {named[number]} was ended: {why}" for number, task in ended.items()]
        holder = mysql_locks.holder(connection, job.lock)
        for number in ended:
            mysql_sessions.kill(connection, number)
        if holder in ended:
            _wait_until_free(connection, job.lock, holder)
            ledger.close_dead(connection, name, job.generations.published(connection), why)
    return lines


def has_published(settings: Settings, name: str, run_id: str) -> bool:
    """Tell whether readers see a run's tables, or saw them before the next run."""
    job = JOBS[name]
    with closing(job.login(settings).connect()) as connection:
        return run_id in job.generations.published(connection)


def _wait_until_free(connection: Any, lock: str, holder: int) -> None:
    deadline = time.monotonic() + KILL_SECONDS
    while mysql_locks.holder(connection, lock) == holder and time.monotonic() < deadline:
        time.sleep(0.1)
