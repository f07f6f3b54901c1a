"""What can be wrong with the radio between one sensor and whoever listens to it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Faults:
    """Conditions of one sensor's radio; all can change while it is connected. The defaults are a perfect link.

    Bluetooth repeats what was not acknowledged, so the radio itself delays but never loses data. Losses happen in the
    sensor, whose queue is short: `notification_loss` at random, and what exceeds `queue` while nothing gets through.
    """

    latency_s: float = 0.0
    """Fixed delay in each direction [s]."""
    jitter_s: float = 0.0
    """Further delay, uniform between 0 and this [s]; the order is kept."""
    interval_s: float = 0.0
    """Connection interval [s]: data moves only at its multiples; 0: at once. Real links use 0.0075 to 0.05."""
    retransmission: float = 0.0
    """Probability that a packet must be repeated in the next connection event, 0 to 1 (exclusive)."""
    notification_loss: float = 0.0
    """Probability that the sensor loses a notification before it is sent, 0 to 1."""
    queue: int = 8
    """Notifications that the sensor holds while nothing gets through; later ones are lost."""
    out_of_range: bool = False
    """Nothing passes; after `supervision_s` both sides lose the link."""
    supervision_s: float = 2.0
    """Supervision timeout [s]."""
    advertising_loss: float = 0.0
    """Probability that an advertisement is not heard, 0 to 1."""
    rssi_dbm: int = -55
    """Mean signal strength that scanners report [dBm]."""
    rssi_spread_db: float = 0.0
    """Standard deviation of the reported strength [dB]."""

    def __post_init__(self) -> None:
        for name in ("notification_loss", "advertising_loss", "retransmission"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is a probability, 0 to 1, not {getattr(self, name)}")
        if self.retransmission == 1:
            raise ValueError("with retransmission 1 nothing ever gets through: use out_of_range")
        for name in ("latency_s", "jitter_s", "interval_s", "queue", "supervision_s", "rssi_spread_db"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, not {getattr(self, name)}")


PERFECT = Faults()

RETRY_S = 0.0075
"""Time to the next try where no connection interval is set: the shortest that Bluetooth LE knows."""


def crowded() -> Faults:
    """Return the conditions of a gym full of phones: 15 ms interval, one packet in ten repeated."""
    return Faults(interval_s=0.015, jitter_s=0.002, retransmission=0.1, rssi_dbm=-68, rssi_spread_db=3.0)
