"""Customers: register, change and swap their addresses, close an account that was never used.

Only the living shop's own customers, whose addresses have a plus sign, change them: an event of the web shop names its
user by e-mail, and would no longer find the user.
"""

from generators.live.orders import REWARD
from generators.live.transaction import Transaction
from generators.web_shop import LOYALTY_SHARES
from generators.words import MAIL_HOSTS, mail_name
from storeline.topics import LOYALTY_STATUSES

WELCOME = (0, 0, 25, 50)  # points
REGISTER = """insert into source.users
    (user_id, first_name, last_name, email, phone, registration_date, loyalty_status)
    values (%(user)s, %(first)s, %(last)s, %(email)s, %(phone)s, now(), %(status)s)"""
OWN = """select user_id, first_name, last_name, email from source.users
    where user_id > %(oldest)s and position('+' in email) > 0
    order by abs(user_id - %(near)s), user_id limit %(count)s for update skip locked"""
UNUSED = """select u.user_id from source.users as u
    where u.user_id > %(oldest)s and position('+' in u.email) > 0
        and not exists (select from source.orders as o where o.user_id = u.user_id)
        and not exists (select from source.reviews as r where r.user_id = u.user_id)
        and not exists (select from source.loyalty_points as l where l.user_id = u.user_id)
    order by abs(u.user_id - %(near)s), u.user_id limit 1 for update skip locked"""
CHANGE = "update source.users set email = %(email)s where user_id = %(user)s"


def register(one: Transaction) -> bool:
    """Register a user, some with a welcome present."""
    random = one.random
    (user,) = one.one("select nextval(pg_get_serial_sequence('source.users', 'user_id'))") or (0,)
    first, last = random.choice(one.words.first_names.texts), random.choice(one.words.last_names.texts)
    one.do(
        REGISTER,
        user=user,
        first=first,
        last=last,
        email=address(one, first, last, str(user)),
        phone=f"+1-{random.randint(201, 980)}-555-01{random.randint(10, 99)}",
        status=random.choices(LOYALTY_STATUSES, LOYALTY_SHARES)[0],
    )
    if present := random.choice(WELCOME):
        one.do(REWARD, user=user, points=present, reason="Promotion")
    return True


def change_address(one: Transaction) -> bool:
    """Change a customer's e-mail."""
    if not (found := one.one(OWN, **one.recently("users", "user_id"), count=1)):
        return False
    user, first, last, _ = found
    one.do(CHANGE, user=user, email=address(one, first, last, f"{user}.{one.random.randint(1, 99_999)}"))
    return True


def swap_addresses(one: Transaction) -> bool:
    """Let two customers swap their e-mails. A unique key holds for each statement, so one steps aside first."""
    found = one.all(OWN, **one.recently("users", "user_id"), count=2)
    if len(found) < 2:
        return False
    (left, *_, left_email), (right, *_, right_email) = found
    for user, email in ((left, f"+{left}@swap.invalid"), (right, left_email), (left, right_email)):
        one.do(CHANGE, user=user, email=email)
    return True


def close_account(one: Transaction) -> bool:
    """Delete a customer who has neither orders nor reviews nor points."""
    if not (found := one.one(UNUSED, **one.recently("users", "user_id"))):
        return False
    one.do("delete from source.users where user_id = %(user)s", user=found[0])
    return True


def address(one: Transaction, first: str, last: str, tag: str) -> str:
    """Return an e-mail address."""
    return f"{mail_name(first)}.{mail_name(last)}+{tag}@{one.random.choice(MAIL_HOSTS.texts)}"
