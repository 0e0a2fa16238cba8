"""What happens in the living shop, and how often."""

from random import Random

from generators.live import customers, goods, orders
from generators.live.transaction import Action

# An order that stays open for long before its lines are written; the loop keeps its transaction.
HOLD = "held open"
# name, as the log counts it -> weight, action
ACTIONS: dict[str, tuple[int, Action]] = {
    "registered": (12, customers.register),
    "e-mail changed": (4, customers.change_address),
    "e-mails swapped": (2, customers.swap_addresses),
    "account closed": (1, customers.close_account),
    "placed": (28, orders.place),
    HOLD: (1, orders.place),
    "paid": (27, orders.pay),
    "completed": (25, orders.complete),
    "aborted": (4, orders.abort),
    "order deleted": (2, orders.delete),
    "reviewed": (8, goods.review),
    "review changed": (3, goods.change_review),
    "review deleted": (2, goods.delete_review),
    "repriced": (3, goods.reprice),
    "restocked": (3, goods.restock),
}
WEIGHTS = [weight for weight, _ in ACTIONS.values()]


def choose(random: Random) -> str:
    """Return the name of what happens next."""
    return random.choices(list(ACTIONS), WEIGHTS)[0]
