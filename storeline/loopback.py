"""This machine's own addresses, and what a container has instead of them."""

from urllib.parse import urlsplit

LOOPBACK = {"127.0.0.1", "localhost", "::1"}


def enter_network(values: dict[str, str], services: str) -> None:
    """Replace loopback addresses, and a local folder, by their counterparts inside; keep external hosts.

    `services` is what the compose file sets as `STORELINE_SERVICES`: the name inside of each service that `.env` may
    name by this machine's loopback address, e.g. `postgres=postgres:5432 mysql=mysql:3306`, and the place there of a
    local folder, e.g. `sales=/var/lib/storeline/sales`.
    """
    for entry in services.split():
        service, inside = entry.split("=")
        prefix, (host, _, port) = service.upper(), inside.partition(":")
        if prefix == "SALES":
            if "://" not in values.get("SALES_STORAGE", "://"):
                values["SALES_STORAGE"] = inside
        elif prefix == "SPARK":
            if urlsplit(values.get("SPARK_MASTER_URL", "")).hostname in LOOPBACK:
                values["SPARK_MASTER_URL"] = f"spark://{inside}"
        elif values.get(f"{prefix}_HOST") in LOOPBACK:
            values |= {f"{prefix}_HOST": host, f"{prefix}_PORT": port}
