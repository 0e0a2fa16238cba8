"""The servers of a benchmark: a stack of its own under `.native/bench`, never the demo's."""

from native.places import INSTALLED
from native.stack import Stack
from tests.stacks import with_free_ports

MILLION = {
    "SHOP_USERS": "100000",
    "SHOP_PRODUCTS": "5000",
    "SHOP_ORDERS": "1000000",
    "SHOP_REVIEWS": "200000",
    "SHOP_LOYALTY_ENTRIES": "300000",
}


def bench_stack(*services: str, **values: str) -> Stack:
    """Return a stack that is not started yet, empty, with the given services."""
    stack = Stack(INSTALLED / "bench", with_free_ports(**values), services)
    stack.delete()
    return stack
