"""What the copy counts, hashes and passes on, whatever the lengths of the lines."""

import io
from functools import reduce
from operator import xor

import pytest

from storeline.replica.chunk import BLOCK_LINES, LONG_LINE_BYTES, Lines
from storeline.replica.contents import hash_of

LONG = b"x" * (LONG_LINE_BYTES + 1) + b"\n"


class Pipe(io.BytesIO):
    """Keeps what it was given when it is closed."""

    taken = b""

    def close(self) -> None:
        self.taken = self.getvalue()
        super().close()


class Gone(Pipe):
    """Has lost its reader."""

    def write(self, block: object) -> int:
        raise BrokenPipeError


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [b"1\n"],
        [b"%d\n" % number for number in range(BLOCK_LINES)],
        [b"%d\n" % number for number in range(2 * BLOCK_LINES + 1)],
        [b"1\n", LONG, b"2\n", LONG, LONG],
    ],
    ids=["none", "one", "a block", "more than two blocks", "long lines"],
)
def test_every_line_is_passed_on_in_order_counted_and_hashed_once(lines: list[bytes]) -> None:
    pipe = Pipe()
    through = Lines(pipe)
    assert [through.write(line) for line in lines] == [len(line) for line in lines]
    through.close()
    assert pipe.taken == b"".join(lines)
    assert (through.bytes, through.hash) == (sum(map(len, lines)), reduce(xor, map(hash_of, lines), 0))


def test_a_long_line_is_held_no_longer() -> None:
    through = Lines(Pipe())
    through.write(LONG)
    assert through.held == []


def test_a_reader_that_is_gone_is_said_and_the_pipe_is_closed() -> None:
    pipe = Gone()
    through = Lines(pipe)
    through.write(b"1\n")
    with pytest.raises(BrokenPipeError):
        through.close()
    assert pipe.closed
