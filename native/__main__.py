"""Start, stop and inspect the demo's stack.

Usage: python -m native start|stop [SERVICE…]
       python -m native status|reset    (`reset` deletes its data, not what is installed)
"""

import sys

from native.places import DEMO
from native.stack import DECLARED, Stack
from storeline.errors import StorelineError
from storeline.settings import load


def main(arguments: list[str]) -> None:
    """Run the given command. Exits with one line on an error."""
    try:
        stack = Stack(DEMO, load())
        verb, services = arguments[:1], arguments[1:]
        commands = {
            "start": lambda: stack.start(services or None),
            "stop": lambda: stack.stop(services),
            "status": lambda: show(stack),
            "reset": stack.delete,
        }
        if not set(verb) & set(commands) or set(services) - set(DECLARED):
            sys.exit(f"native: expected one of {', '.join(commands)}, and services of {', '.join(DECLARED)}")
        commands[verb[0]]()
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
