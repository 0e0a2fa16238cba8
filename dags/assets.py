"""What the DAGs tell each other about: one asset for each table of the replica, one for each mart's publication."""

from airflow.sdk import Asset

from storeline.tables import TABLES

REPLICA = {table.name: Asset(name=f"replica.{table.name}", group="replica") for table in TABLES}
MARTS = {"marts": Asset(name="marts", group="marts")}
