"""The `storeline` command: `bin/storeline VERB …`, in containers `docker compose run --rm storeline VERB …`.

Exits with 0, with 1 and one line that says why, or with 2 if the arguments are wrong.
"""

import sys
from collections.abc import Sequence

import argcomplete

from storeline.commands.parser import parser
from storeline.errors import StorelineError, one_line
from storeline.settings import load
from storeline.stores.drivers import DRIVER_ERRORS


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a verb and return the exit code."""
    words = parser()
    argcomplete.autocomplete(words)
    options = words.parse_args(arguments)
    try:
        return int(options.run(load(), options))
    except StorelineError as error:
        line = str(error)
    except DRIVER_ERRORS as error:
        line = one_line(error)
    except BrokenPipeError:  # the reader has seen enough, as `head` has
        sys.stderr.close()
        return 0
    print(f"{options.verb}: {line}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
