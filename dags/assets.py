"""What the DAGs tell each other about: one asset for each table of the replica, one for each mart's publication.

And what people see in the UI: one for each step of the sales, whose events hold its numbers.
"""

from airflow.sdk import Asset

from storeline.sales.steps import STEPS
from storeline.tables import TABLES

REPLICA = {table.name: Asset(name=f"replica.{table.name}", group="replica") for table in TABLES}
MARTS = {"marts": Asset(name="marts", group="marts")}
SALES = {step.name: Asset(name=f"sales.{step.name}", group="sales") for step in STEPS}
