"""Register users in the web shop, as events in Kafka, until stopped.

Usage: python -m generators.produce_users
"""

import sys
from contextlib import closing
from random import Random

from generators.lifetime import Ended
from generators.produce_orders import SESSION, shares_of
from generators.sending import Sender
from generators.web_shop import Disorder, Registrations
from storeline.settings import Settings, load
from storeline.stores import postgres
from storeline.topics import USERS
from storeline.variables import SettingsError

NAME = "produce_users"


def session(settings: Settings) -> int:
    """Return the session's number. Raises PostgresError and psycopg2.Error."""
    with closing(postgres.generator(settings).connect()) as connection, connection.cursor() as cursor:
        cursor.execute(SESSION)
        return int((cursor.fetchone() or (0,))[0])


def main() -> None:
    """Produce until stopped. Exits with one line when the configuration is wrong."""
    try:
        settings = load()
        rate, seed, shares = settings.produce_users_per_second, settings.produce_seed, shares_of(settings)
    except SettingsError as error:
        sys.exit(f"{NAME}: {error}")
    sender = Sender(NAME, settings)
    sender.listen()
    try:
        number = sender.until_it_works("the shop", lambda: session(settings))
    except Ended:
        return
    random = Random(f"{seed} {USERS.name} {number}")  # nosec B311
    registrations = Registrations(random, Disorder(random, shares), number)
    print(f"{NAME}: {rate:g} registrations a second", flush=True)
    sender.run(rate, registrations.register, lambda _: ())


if __name__ == "__main__":
    main()
