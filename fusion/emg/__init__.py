"""Surface EMG: envelope, activation and bursts, live and offline."""

from fusion.emg.bursts import Burst, BurstDetector, BurstParams
from fusion.emg.chain import EmgChain, offline_envelope, warm
from fusion.emg.filters import EmgParams

__all__ = ["Burst", "BurstDetector", "BurstParams", "EmgChain", "EmgParams", "offline_envelope", "warm"]
