"""Change the administrators' passwords in both databases, using the current ones; `make secrets` runs this.

Usage: python -m init_db.admin_passwords < NEW.json    (NEW.json: {"POSTGRES_PASSWORD": …, "MYSQL_ADMIN_PASSWORD": …})
"""

import json
import sys
from contextlib import closing

from psycopg2 import sql
from psycopg2.extensions import encrypt_password

from storeline.accounts import MYSQL_ADMIN, POSTGRES_OWNER
from storeline.errors import StorelineError
from storeline.settings import Settings, load
from storeline.stores import mysql, postgres


def change(settings: Settings, new: dict[str, str]) -> None:
    """Change both or neither, as far as two servers allow: both connections are opened first. Raises their errors."""
    user = settings.user(POSTGRES_OWNER)
    with closing(postgres.owner(settings).connect()) as source, closing(mysql.admin(settings).connect()) as target:
        # Send a verifier, so that no statement log contains the password.
        verifier = encrypt_password(new["POSTGRES_PASSWORD"], user, source, "scram-sha-256")
        for (host,) in mysql.ask(target, "select host from mysql.user where user = %s", (settings.user(MYSQL_ADMIN),)):
            account = (settings.user(MYSQL_ADMIN), host, new["MYSQL_ADMIN_PASSWORD"])
            mysql.do(target, "alter user %s@%s identified by %s", account)
        with source.cursor() as cursor:
            cursor.execute(sql.SQL("alter role {} password {}").format(sql.Identifier(user), sql.Literal(verifier)))
        source.commit()


if __name__ == "__main__":
    try:
        change(load(), json.load(sys.stdin))
    except StorelineError as error:
        sys.exit(f"admin_passwords: {error}")
