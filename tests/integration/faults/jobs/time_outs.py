"""The time-outs that a sleep must outlast, lowered for the tests, so that it need not last a minute.

A minute would outlast MySQL's wait for the next packet of a LOAD DATA (30 s) or for a client that does not read
(60 s), Spark's heartbeats (10 s), the master's time-out for a worker (60 s, lowered where the stack is declared) and
the time allowed for a login (10 s, which stays). A sleep here also outlasts what a minute does not: the time after
which a driver gives up a silent executor (120 s).
"""

from storeline.settings import Settings
from storeline.stores import mysql

# More than the 10 s of a login, and twice each of the others: the checks for silence run that often.
ASLEEP_SECONDS = 12
# The master's time-out is 10 s here; a busy machine may delay a heartbeat.
ASLEEP_FOR_THE_MASTER = dict.fromkeys(("spark-worker", "spark-master"), 22)
MYSQL = {"net_read_timeout": 5, "net_write_timeout": 5}
# For each driver. Not spark.network.timeout: a busy machine may delay an answer longer.
SPARK = {
    "spark.executor.heartbeatInterval": "1s",
    "spark.storage.blockManagerHeartbeatTimeoutMs": "5s",
    "spark.network.timeoutInterval": "1s",
}


def lower(settings: Settings) -> None:
    """Make MySQL wait for less long, even after it was killed."""
    connection = mysql.admin(settings).connect()
    for name, seconds in MYSQL.items():
        mysql.do(connection, f"set persist {name} = {seconds}")
    connection.close()
