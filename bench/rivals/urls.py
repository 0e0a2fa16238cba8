"""The databases' addresses as rivals take them, with the accounts that a user would give them."""

from urllib.parse import quote

from storeline.settings import Settings
from storeline.stores import mysql, postgres


def source_url(settings: Settings, scheme: str) -> str:
    """Return the shop's address, for the role that may only read."""
    login = postgres.reader(settings)
    return f"{scheme}://{login.user}:{quote(str(login.password), '')}@{login.host}:{login.port}/{login.database}"


def target_url(settings: Settings, scheme: str, database: str) -> str:
    """Return MySQL's address, for the administrator."""
    login = mysql.admin(settings)
    return f"{scheme}://{login.user}:{quote(str(login.password), '')}@{login.host}:{login.port}/{database}"
