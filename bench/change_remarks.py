"""What is to be said of the sides of the benchmarks of changes: values that differ, sales that were seen in parts."""

import time
from collections import Counter
from collections.abc import Sequence

from bench.change_load import Sale
from bench.contents import differing
from bench.side import Side
from bench.visible import Seen, parts
from native.stack import Stack

TABLES = ("orders", "order_details", "products")
SECONDS_TO_WAIT = 15  # for what is not looked at while sales become visible: the products' stock


class Remarks:
    """Compares what the sides hold with the source, and counts the states in which a reader saw a part of a sale."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.found: dict[str, list[str]] = {}
        self.states, self.parts = Counter[str](), Counter[str]()

    def count(self, side: Side, sales: Sequence[Sale], seen: Sequence[Seen]) -> None:
        """Count what a reader saw of a side's tables."""
        self.states[side.name] += len(seen)
        self.parts[side.name] += parts(sales, seen)

    def compare(self, side: Side) -> None:
        """Compare a side that has caught up. Raises SystemExit when our own differs: its figure would mean nothing."""
        deadline = time.monotonic() + SECONDS_TO_WAIT
        while found := [
            f"{name}.{column}" for name in TABLES for column in differing(self.stack.settings, side.database, name)
        ]:
            if time.monotonic() > deadline:
                break
            time.sleep(1)
        if found and side.name == "stream":
            raise SystemExit(f"bench.changes: {side.name} differs in {', '.join(found)}")
        if found:
            self.found[side.name] = found
        print(f"{side.name}: contents {'differ in ' + ', '.join(found) if found else 'are equal'}", flush=True)

    def text(self) -> str:
        """Return in sentences what was found."""
        said = [
            f"`{side}`: a reader saw a part of a sale in {self.parts[side]:,} of {self.states[side]:,} states."
            for side in self.states
        ]
        said += [
            f"`{side}` held other values than the source in {', '.join(f'`{column}`' for column in columns)}."
            for side, columns in self.found.items()
        ]
        if not self.found:
            said += [
                f"After each run both sides held the source's values in {', '.join(f'`{one}`' for one in TABLES)}."
            ]
        return " ".join(said)
