"""The errors that users see: each is one line that says what is wrong, where, and what to do."""


class StorelineError(Exception):
    """Something failed; unfinished work is rolled back, or continues with the next run."""


class Refusal(StorelineError):
    """Something failed and would fail again: it needs manual action."""


def one_line(error: BaseException) -> str:
    """Return the first line of an error's message, or its type if there is no message."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
