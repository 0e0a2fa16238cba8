"""What the streams need besides the stack of the other tests."""

import pytest

from native.stack import SERVICES, Stack


@pytest.fixture(scope="package", autouse=True)
def everything(stack: Stack) -> None:
    """Let Kafka and the producers run too."""
    stack.start(SERVICES)
