"""Airflow's own variables follow from the configuration, whichever way the platform is started."""

import json

import pytest

from storeline.airflow_environment import derived, metadata_database, spark_connection
from storeline.settings import Settings, load


@pytest.mark.parametrize(
    ("master", "described"),
    [
        ("spark://10.0.0.1:17077", {"conn_type": "spark", "host": "spark://10.0.0.1", "port": 17077}),
        ("k8s://https://one:6443", {"conn_type": "spark", "host": "k8s://https://one", "port": 6443}),
        ("yarn", {"conn_type": "spark", "host": "yarn"}),
    ],
)
def test_the_cluster_is_a_connection_of_airflow(master: str, described: dict[str, object]) -> None:
    assert json.loads(spark_connection(Settings({"SPARK_MASTER_URL": master}))) == described


def test_a_process_derives_only_what_its_settings_allow() -> None:
    assert list(derived(Settings({"SPARK_MASTER_URL": "yarn"}))) == ["AIRFLOW_CONN_SPARK_DEFAULT"]


def test_the_metadata_database_takes_any_password() -> None:
    values = load(environment={}).values | {"POSTGRES_AIRFLOW_PASSWORD": "p@ss/w:rd%"}
    assert metadata_database(Settings(values)) == (
        "postgresql+psycopg2://airflow:p%40ss%2Fw%3Ard%25@127.0.0.1:5432/airflow"
    )
