"""What a contestant of the copy says at its end: its seconds without start-up, and the tables it did not copy."""

import json
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True)
class Outcome:
    """A run's seconds, start-up left out, and why tables were not copied."""

    seconds: float
    failed: dict[str, str] = field(default_factory=dict)

    def as_line(self) -> str:
        """Return one line for the process that started the contestant."""
        return json.dumps(asdict(self))


def read(output: str) -> Outcome:
    """Return the outcome in the last line of a contestant's output."""
    return Outcome(**json.loads(output.strip().splitlines()[-1]))
