"""Every setting, and where its value comes from: `.env`, then `.env.local`, then the environment.

Usage: python -m storeline.settings    (checks everything; prints every problem, in one line)
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from storeline import env_file
from storeline.accounts import ACCOUNTS, Account
from storeline.loopback import enter_network
from storeline.variables import (
    Secret,
    SettingsError,
    Variable,
    address,
    fernet_key,
    flag,
    master,
    memory,
    moment,
    named,
    number,
    port,
    secret,
    text,
    web_address,
    whole,
)

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Settings:
    """Every variable of `.env`, typed; reading a missing or invalid one raises SettingsError."""

    values: Mapping[str, str] = field(repr=False)  # holds secrets

    bind_address = address()
    bind_address_without_login = address()

    postgres_host = text()
    postgres_port = port()
    postgres_db = text()
    postgres_airflow_db = text()
    postgres_slot_keep_mib = whole(64, 2**20)

    mysql_host = text()
    mysql_port = port()

    clickhouse_host = text()
    clickhouse_port = port()
    clickhouse_folder = text()

    kafka_host = text()
    kafka_port = port()
    kafka_controller_port = port()
    kafka_event_partitions = whole(1, 1000)
    kafka_retention_hours = whole(1, 24 * 3650)
    kafka_dead_letter_retention_hours = whole(1, 24 * 3650)
    kafka_event_max_bytes = whole(1024, 2**30)
    kafka_change_max_bytes = whole(1024, 2**30)
    kafka_heap_memory = memory()

    connect_host = text()
    connect_port = port()
    connect_heap_memory = memory()

    airflow_port = port()
    airflow_admin_user = text()
    airflow_admin_password = secret()
    airflow_jwt_secret = secret(32)
    airflow_api_secret_key = secret(16)
    airflow_fernet_key = fernet_key()

    grafana_port = port()
    grafana_admin_user = text()
    grafana_admin_password = secret(5)
    marts_freshness_limit_minutes = whole(1, 525_600)

    spark_master_url = master()
    spark_master_ui_port = port()
    spark_worker_ui_port = port()
    spark_history_port = port()
    spark_workers = whole(1, 1000)
    spark_worker_cores = whole(1, 1000)
    spark_worker_memory = memory()
    spark_batch_cores = whole(1, 1000)
    spark_stream_cores = whole(1, 1000)
    spark_notebook_cores = whole(1, 1000)
    spark_executor_wait_seconds = whole(1, 86400)
    spark_auth_secret = secret(16)

    notebook_port = port()
    notebook_user = text()
    notebook_password = secret(8)
    notebook_idle_seconds = whole(10, 7 * 86400)

    shop_users = whole(1, 10**9)
    shop_categories = whole(2, 10**4)
    shop_products = whole(1, 10**7)
    shop_orders = whole(0, 10**9)
    shop_reviews = whole(0, 10**9)
    shop_loyalty_entries = whole(0, 10**9)
    shop_scale = number(float, 0.1, 1000)
    shop_seed = whole(0, 2**32 - 1)
    shop_days = whole(1, 36500)
    shop_until = moment()

    live_shop_transactions_per_second = number(float, 0.001, 10**4)
    live_shop_long_transaction_seconds = number(float, 0, 86400)
    live_shop_seed = whole(0, 2**32 - 1)

    produce_orders_per_second = number(float, 0.001, 10**5)
    produce_users_per_second = number(float, 0.001, 10**5)
    produce_status_seconds = number(float, 0.1, 10**7)
    produce_duplicate_share = number(float, 0, 0.5)
    produce_late_share = number(float, 0, 0.5)
    produce_out_of_order_share = number(float, 0, 0.5)
    produce_broken_share = number(float, 0, 0.5)
    produce_seed = whole(0, 2**32 - 1)

    stream_batch_events = whole(1, 10**6)
    stream_trigger_milliseconds = whole(0, 60_000)
    stream_parked_seconds = whole(0, 30 * 86400)
    stream_retry_seconds = whole(1, 3600)
    stream_run_seconds = whole(10, 30 * 86400)
    stream_outage_seconds = whole(0, 30 * 86400)
    stream_stall_seconds = whole(1, 86400)

    sales_rows = whole(1, 10**9)
    sales_storage = text()
    sales_storage_endpoint = web_address()
    sales_storage_user = text()
    sales_storage_password = secret()
    sales_retention_days = whole(1, 36500)
    sales_bad_share_limit = number(float, 0, 1)
    sales_timeout_seconds = whole(1, 7 * 86400)

    copy_chunk_mib = whole(1, 4096)
    copy_timeout_seconds = whole(1, 7 * 86400)
    build_timeout_seconds = whole(1, 7 * 86400)
    marts_refuse_differing_replica = flag()
    marts_follow_seconds = whole(0, 86400)
    verify_timeout_seconds = whole(1, 7 * 86400)
    repair_share_limit = number(float, 0, 1)
    lock_wait_seconds = whole(0, 86400)
    swap_wait_seconds = whole(1, 86400)

    postgres_memory_limit = memory()
    mysql_memory_limit = memory()
    kafka_memory_limit = memory()
    connect_memory_limit = memory()
    clickhouse_memory_limit = memory()
    spark_daemon_memory_limit = memory()
    spark_worker_memory_limit = memory()
    airflow_memory_limit = memory()
    airflow_scheduler_memory_limit = memory()
    grafana_memory_limit = memory()
    notebook_memory_limit = memory()
    job_memory_limit = memory()
    pids_limit = whole(100, 10**6)
    log_max_size = memory()

    def user(self, account: Account) -> str:
        """Return an account's name. Raises SettingsError."""
        return account_user(account).__get__(self, Settings)

    def password(self, account: Account) -> Secret:
        """Return an account's password. Raises SettingsError."""
        return account_password(account).__get__(self, Settings)

    @classmethod
    def variables(cls) -> dict[str, Variable[Any]]:
        """Return every declared variable by its name in `.env`."""
        declared: list[Variable[Any]] = [variable for variable in vars(cls).values() if isinstance(variable, Variable)]
        of_accounts: list[Variable[Any]] = [
            one for account in ACCOUNTS for one in (account_user(account), account_password(account))
        ]
        return {variable.name: variable for variable in [*declared, *of_accounts]}

    def problems(self) -> list[str]:
        """Return one line for each missing or invalid variable, or, if all are valid, for each contradiction."""
        found = []
        for variable in self.variables().values():
            try:
                variable.__get__(self, Settings)
            except SettingsError as error:
                found.append(str(error))
        return found or self._contradictions()

    def _contradictions(self) -> list[str]:
        slots = self.spark_workers * self.spark_worker_cores
        wanted = 2 * (self.spark_batch_cores + self.spark_stream_cores) + self.spark_notebook_cores
        if self.spark_master_url.startswith("spark://") and wanted > slots:
            return [
                f"SPARK_BATCH_CORES is {self.spark_batch_cores}, SPARK_STREAM_CORES {self.spark_stream_cores} and "
                f"SPARK_NOTEBOOK_CORES {self.spark_notebook_cores}: two batch jobs, two streams and a notebook need "
                f"{wanted} slots, SPARK_WORKERS × SPARK_WORKER_CORES gives {slots}"
            ]
        return []


def account_user(account: Account) -> Variable[str]:
    """Return the variable that holds an account's name."""
    return named(text(), account.user_variable)


def account_password(account: Account) -> Variable[Secret]:
    """Return the variable that holds an account's password."""
    return named(secret(), account.password_variable)


def read_file(path: Path) -> dict[str, str]:
    """Return a file's assignments. Raises SettingsError for an invalid line or an unknown variable."""
    return env_file.read(path, Settings.variables())


def load(root: Path = ROOT, environment: Mapping[str, str] = os.environ) -> Settings:
    """Return the configuration. If there is a `.env`, all of it is checked; raises SettingsError, one line.

    A container gets only the variables that its service needs, and no `.env`; there a missing variable raises an error
    when it is read, and `STORELINE_SERVICES` says where the other services are.
    """
    values: dict[str, str] = {}
    for file in (root / ".env", root / ".env.local"):
        if file.exists():
            values |= read_file(file)
    is_whole = bool(values)
    values |= {name: environment[name] for name in Settings.variables() if name in environment}
    enter_network(values, environment.get("STORELINE_SERVICES", ""))
    settings = Settings(values)
    if is_whole and (problems := settings.problems()):
        raise SettingsError("; ".join(problems))
    return settings


if __name__ == "__main__":
    try:
        load()
    except SettingsError as error_:
        sys.exit(f"settings: {error_}")
