"""Surface EMG: amplitude, activation and bursts, live and offline."""

from fusion.emg.bursts import Burst, BurstDetector, BurstParams
from fusion.emg.chain import EmgChain, offline_amplitude, warm
from fusion.emg.filters import EmgParams
from fusion.emg.onset import OnsetParams

__all__ = [
    "Burst",
    "BurstDetector",
    "BurstParams",
    "EmgChain",
    "EmgParams",
    "OnsetParams",
    "offline_amplitude",
    "warm",
]
