"""Takes one batch while the next one is read; each is taken only after the one before has succeeded."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Generic, TypeVar

from storeline.errors import StorelineError

Batch = TypeVar("Batch")


class NotTakenError(StorelineError):
    """A batch was not taken; `Background.failure` has the reason."""


class Background(Generic[Batch]):
    """Takes batches one after the other on its own thread."""

    def __init__(self, take: Callable[[Batch], None]) -> None:
        """Call `take` with each batch."""
        self.failure: BaseException | None = None
        self._take = take
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._last: Future[None] | None = None

    def close(self) -> None:
        """Wait for the batch that is being taken, and take no more."""
        self._thread.shutdown()

    def submit(self, batch: Batch) -> None:
        """Take a batch once the previous one has ended. Raises NotTakenError if that one failed."""
        self.settle()
        self._last = self._thread.submit(self._take, batch)

    def settle(self) -> None:
        """Wait until the last batch is taken. Raises NotTakenError if it was not."""
        with self.keeping():
            if self._last:
                self._last.result()

    def look(self) -> None:
        """Raise NotTakenError if the last batch failed; does not wait for one that is being taken."""
        if self._last and self._last.done():
            self.settle()

    @contextmanager
    def keeping(self) -> Iterator[None]:
        """Keep what is raised inside as `failure`, and raise NotTakenError instead.

        Spark searches the text of an error for patterns, and a long text overflows its stack.
        """
        try:
            yield
        except BaseException as error:
            self.failure = error
            raise NotTakenError("the batch was not taken") from None
