"""The assets that connect the DAGs: one per replica table, one for the stream of changes, one for all marts.

Also one per sales step and one for the verification of the replica, for the UI; their events hold the numbers.
"""

from airflow.sdk import Asset, AssetWatcher

from dags.changes_applied import ChangesApplied
from storeline.sales.steps import STEPS
from storeline.tables import TABLES

REPLICA = {table.name: Asset(name=f"replica.{table.name}", group="replica") for table in TABLES}
TRIGGER = ChangesApplied()  # type: ignore[no-untyped-call]
CHANGES = Asset(name="changes", group="replica", watchers=[AssetWatcher(name="applied", trigger=TRIGGER)])
VERIFICATION = {"verification": Asset(name="verification", group="replica")}
MARTS = {"marts": Asset(name="marts", group="marts")}
SALES = {step.name: Asset(name=f"sales.{step.name}", group="sales") for step in STEPS}
