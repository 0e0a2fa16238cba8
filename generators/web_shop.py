"""What happens in the web shop: orders are placed and advance, users register; pure and seeded.

The same seed, session and shop give the same events; only their times come from the clock passed in.
"""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

from generators.event_texts import LATE, Message, broken, message
from generators.words import LOCALES, MAIL_HOSTS, mail_name, seeded
from storeline.topics import LOYALTY_STATUSES, ORDERS, USERS

MOST_LINES, MOST_PIECES = 6, 4
GIVEN_UP = 0.1
LOYALTY_SHARES = (1, 3, 8, 18, 70)


@dataclass(frozen=True)
class Shares:
    """The share of events sent twice, late, out of order, or broken."""

    duplicate: float
    late: float
    out_of_order: float
    broken: float


@dataclass(frozen=True)
class Order:
    """The current state of an order in the web shop."""

    order_id: str
    version: int
    user_email: str
    order_date: datetime
    status: str
    delivery_date: datetime | None
    lines: tuple[dict[str, Any], ...]

    def content(self) -> dict[str, Any]:
        """Return the content of its event."""
        return {
            "order_id": self.order_id,
            "order_version": self.version,
            "user_email": self.user_email,
            "order_date": self.order_date,
            "status": self.status,
            "delivery_date": self.delivery_date,
            "lines": list(self.lines),
        }

    def moved_on(self, status: str, when: datetime) -> "Order":
        """Return the order's next version."""
        delivered = max(when, self.order_date) if status == "Completed" else None
        return replace(self, version=self.version + 1, status=status, delivery_date=delivered)


@dataclass
class Disorder:
    """Sends some events twice, late, after their successor, or broken."""

    random: Random
    shares: Shares
    held: list[Message] = field(default_factory=list)
    breaks: int = 0

    def is_late(self) -> bool:
        """Decide whether the next event happened a while ago."""
        return self.random.random() < self.shares.late

    def sent(self, one: Message, has_followers: bool) -> Iterator[Message]:
        """Yield what is sent for an event; a held event follows the next one with its key."""
        draw = self.random.random()
        if has_followers and self.shares.broken <= draw < self.shares.broken + self.shares.out_of_order:
            self.held.append(replace(one, kind="out_of_order"))
            return
        if draw < self.shares.broken:
            self.breaks += 1
            yield broken(one, self.breaks)
        else:
            yield one
            if self.random.random() < self.shares.duplicate:
                yield replace(one, kind="duplicate")
        yield from (held for held in self.held if held.key == one.key)
        self.held = [held for held in self.held if held.key != one.key]


@dataclass
class WebShop:
    """The orders of a session: `open` holds those that will still change, by the time of the change."""

    random: Random
    disorder: Disorder
    status_seconds: float
    emails: Sequence[str]
    products: Sequence[tuple[int, Decimal]]
    open: list[tuple[datetime, str, Order]] = field(default_factory=list)

    def place(self, now: datetime) -> Iterator[Message]:
        """Yield the events of a new order."""
        when = now - LATE if (late := self.disorder.is_late()) else now
        chosen = self.random.sample(self.products, min(len(self.products), self.random.randint(1, MOST_LINES)))
        lines = tuple(
            {
                "line_number": number,
                "product_id": product,
                "quantity": self.random.randint(1, MOST_PIECES),
                "price_per_unit": price,
            }
            for number, (product, price) in enumerate(chosen, 1)
        )
        number = str(UUID(int=self.random.getrandbits(128), version=4))
        order = Order(number, 1, self.random.choice(self.emails), when, "Pending", None, lines)
        self.will_change(order, now)
        yield from self.disorder.sent(self._event(order, when, "late" if late else "good"), has_followers=True)

    def move_on(self, now: datetime) -> Iterator[Message]:
        """Yield the events of orders that are due: Pending, Paid, Completed, or given up."""
        while self.open and self.open[0][0] <= now:
            _, _, order = heapq.heappop(self.open)
            if self.random.random() < GIVEN_UP:
                status = "Aborted"
            else:
                status = "Paid" if order.status == "Pending" else "Completed"
            order = order.moved_on(status, now)
            self.will_change(order, now)
            yield from self.disorder.sent(self._event(order, now, "good"), has_followers=status == "Paid")

    def will_change(self, order: Order, now: datetime) -> None:
        """Remember an order until it changes; forget one that is done."""
        if order.status in ("Pending", "Paid"):
            wait = timedelta(seconds=self.random.expovariate(1 / self.status_seconds))
            heapq.heappush(self.open, (now + wait, order.order_id, order))

    def _event(self, order: Order, when: datetime, kind: str) -> Message:
        event_id = UUID(int=self.random.getrandbits(128), version=4)
        return replace(message(ORDERS.name, order.order_id, event_id, when, order.content()), kind=kind)


@dataclass
class Registrations:
    """The registrations of a session; its number keeps e-mail addresses unique."""

    random: Random
    disorder: Disorder
    session: int
    count: int = 0

    def __post_init__(self) -> None:
        self.faker = seeded(LOCALES[0], self.random.getrandbits(32))

    def register(self, now: datetime) -> Iterator[Message]:
        """Yield the events of a new user."""
        self.count += 1
        first, last = self.faker.first_name(), self.faker.last_name()
        host = self.random.choice(MAIL_HOSTS.texts)
        email = f"{mail_name(first)}.{mail_name(last)}.w{self.session}.{self.count}@{host}"
        when = now - LATE if (late := self.disorder.is_late()) else now
        content = {
            "first_name": first,
            "last_name": last,
            "email": email,
            "phone": f"+1-{self.random.randint(201, 980)}-555-01{self.random.randint(10, 99)}",
            "registration_date": when,
            "loyalty_status": self.random.choices(LOYALTY_STATUSES, LOYALTY_SHARES)[0],
        }
        one = replace(message(USERS.name, email, self._event_id(), when, content), kind="late" if late else "good")
        yield from self.disorder.sent(one, has_followers=False)
        if self.random.random() < self.disorder.shares.out_of_order:
            # The first entry, which arrives after its correction.
            earlier = {**content, "registration_date": when - timedelta(minutes=1)}
            yield replace(message(USERS.name, email, self._event_id(), when, earlier), kind="out_of_order")

    def _event_id(self) -> UUID:
        return UUID(int=self.random.getrandbits(128), version=4)
