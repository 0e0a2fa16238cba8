"""Whether a connection to MySQL is encrypted: always to another machine, on this one where the server demands it."""

from contextlib import closing
from typing import Any

import mysql.connector
from mysql.connector import errorcode

from storeline.loopback import LOOPBACK

# The errors where encryption is demanded: of everyone, of the account, or by our driver for the first login of an
# account since the server's start, which shows the server the password.
DEMANDS = {
    errorcode.ER_SECURE_TRANSPORT_REQUIRED,
    errorcode.ER_ACCESS_DENIED_ERROR,  # also its answer to a wrong password, which the second try repeats
    errorcode.CR_AUTH_PLUGIN_ERR,
}


def is_local(host: str) -> bool:
    """Tell by the address whether a connection stays on this machine; a name that leads here does not count."""
    return host in LOOPBACK


def connect(host: str, **options: Any) -> Any:
    """Open a connection, encrypted where it has to be. Raises the driver's errors."""
    if is_local(host):
        try:
            return mysql.connector.connect(host=host, ssl_disabled=True, **options)
        except mysql.connector.Error as error:
            if error.errno not in DEMANDS:
                raise
    return mysql.connector.connect(host=host, **options)


def is_encrypted(connection: Any) -> bool:
    """Tell whether an open connection is encrypted."""
    with closing(connection.cursor()) as cursor:
        cursor.execute("show session status like 'Ssl_cipher'")
        return bool(cursor.fetchone()[1])
