"""What all functional methods need before they say anything."""

LEAST_SAMPLES = 100
"""Four seconds of movement. [P]"""


class TooLittle(ValueError):
    """The joint has not moved enough to show how its sensors sit."""

    def __init__(self, samples: int, reason: str = "") -> None:
        """reason: what was missing; by default that samples were too few."""
        self.samples = samples
        super().__init__(
            reason
            or f"there was too little movement: {samples} samples of both sensors turning, {LEAST_SAMPLES} are needed"
        )
