"""The assets that connect the DAGs: one per replica table, one for the publication of all marts.

Also one per sales step and one for the verification of the replica, for the UI; their events hold the numbers.
"""

from airflow.sdk import Asset

from storeline.sales.steps import STEPS
from storeline.tables import TABLES

REPLICA = {table.name: Asset(name=f"replica.{table.name}", group="replica") for table in TABLES}
VERIFICATION = {"verification": Asset(name="verification", group="replica")}
MARTS = {"marts": Asset(name="marts", group="marts")}
SALES = {step.name: Asset(name=f"sales.{step.name}", group="sales") for step in STEPS}
