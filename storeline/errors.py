"""The errors that a user sees: each is one line that says what is wrong, where, and what to do."""


class StorelineError(Exception):
    """Something failed; what was under way is undone or goes on with the next run."""


class Refusal(StorelineError):
    """Something failed that would fail again: it takes a hand to mend it."""


def one_line(error: BaseException) -> str:
    """Return the first line of what an error says, or its kind where it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
