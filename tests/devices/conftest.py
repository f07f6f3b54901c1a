"""What the tests of all drivers share: a hand that performs procedures."""

from collections.abc import Callable, Mapping, Sequence

import pytest

from devices.profile import Procedure, Read, Step

Perform = Callable[..., list[Step]]


@pytest.fixture
def perform() -> Perform:
    """Return a function that runs a procedure, answers its reads in turn, and returns its steps."""

    def run(procedure: Procedure, answers: Mapping[str, Sequence[bytes]] | None = None) -> list[Step]:
        left = {characteristic: list(replies) for characteristic, replies in (answers or {}).items()}
        steps: list[Step] = []
        reply: bytes | None = None
        while True:
            try:
                step = procedure.send(reply)
            except StopIteration:
                return steps
            steps.append(step)
            reply = left[step.characteristic].pop(0) if isinstance(step, Read) else None

    return run
