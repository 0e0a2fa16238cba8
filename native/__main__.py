"""Start, stop and inspect the demo's stack.

Usage: python -m native start|stop|status|reset    (`reset` deletes its data, not what is installed)
"""

import sys

from native.places import DEMO
from native.stack import Stack
from storeline.errors import StorelineError
from storeline.settings import load


def main(arguments: list[str]) -> None:
    """Run the given command. Exits with one line on an error."""
    try:
        stack = Stack(DEMO, load())
        commands = {"start": stack.start, "stop": stack.stop, "status": lambda: show(stack), "reset": stack.delete}
        if len(arguments) != 1 or arguments[0] not in commands:
            sys.exit(f"native: expected one of {', '.join(commands)}")
        commands[arguments[0]]()
    except StorelineError as error:
        sys.exit(f"native: {error}")


def show(stack: Stack) -> None:
    """Print a line for each process."""
    found = stack.status()
    for one in found:
        print(f"{one.name:<24}{one.state:<10}{one.description}")
    if not found:
        print("nothing is running: `make demo` starts everything")


if __name__ == "__main__":
    main(sys.argv[1:])
