"""Other libraries on the same trials: each gets the units, the earth frame and the start that it needs to do well.

- vqf (D. Laidig, T. Seel, Information Fusion 2023, 91:187-204): rad/s, m/s2, ENU as ours; nothing to convert.
- ahrs: its Madgwick has north along x, so its result is turned by 90 degrees. For data whose z points up its own first
  orientation has the heading mirrored; here it starts from gravity and field of the first sample, as ours does.
- imufusion: deg/s and g; with the settings its authors recommend, and their estimation of the bias. Its settings take
  no convention when they are made, only afterwards (1.3.3).
"""

from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module

import numpy as np

from api.commands.validation.contenders import Contender, Floats
from devices.chunks import GRAVITY
from fusion.orientation import estimate
from fusion.orientation import quaternion as qt

NORTH_TO_EAST = qt.about_z(np.pi / 2)
"""From an earth frame whose x points north to ENU."""
TUNED = {"tauAcc": 2.5, "tauMag": 20.0}
"""VQF's best common parameters over 30 BROAD trials [s]."""


def peers() -> tuple[list[Contender], list[str]]:
    """Return the methods of the libraries that are installed, and the libraries that are not."""
    missing = [name for name in CONTENDERS if not _is_installed(name)]
    return [peer for name, make in CONTENDERS.items() if name not in missing for peer in make()], missing


def _is_installed(name: str) -> bool:
    """Import a library, so that the time it takes to load is not taken for that of its filter."""
    try:
        import_module(name)
    except ImportError:
        return False
    return True


def _vqf() -> list[Contender]:
    return [
        Contender("VQF", partial(_vqf_online, {})),
        Contender("VQF 2.5/20", partial(_vqf_online, TUNED)),
        Contender("VQF offline", partial(_vqf_offline, {})),
        Contender("VQF offline 2.5/20", partial(_vqf_offline, TUNED)),
    ]


def _vqf_online(params: Mapping[str, float], gyr: Floats, acc: Floats, mag: Floats | None, rate_hz: float) -> Floats:
    from vqf import VQF

    found = VQF(1.0 / rate_hz, **params).updateBatch(gyr, acc, mag)
    return np.asarray(found["quat6D" if mag is None else "quat9D"], np.float64)


def _vqf_offline(params: Mapping[str, float], gyr: Floats, acc: Floats, mag: Floats | None, rate_hz: float) -> Floats:
    from vqf import offlineVQF

    found = offlineVQF(gyr, acc, mag, 1.0 / rate_hz, dict(params))
    return np.asarray(found["quat6D" if mag is None else "quat9D"], np.float64)


def _ahrs() -> list[Contender]:
    return [Contender("ahrs Madgwick", _ahrs_madgwick)]


def _ahrs_madgwick(gyr: Floats, acc: Floats, mag: Floats | None, rate_hz: float) -> Floats:
    from ahrs.filters import Madgwick

    first = estimate(gyr[:1], acc[:1], None if mag is None else mag[:1], rate_hz)[0]
    if mag is None:
        return np.asarray(Madgwick(gyr=gyr, acc=acc, frequency=rate_hz, q0=first).Q, np.float64)
    filter_ = Madgwick(frequency=rate_hz, gain=0.041)  # its default with magnetometer
    quat = np.empty((len(gyr), 4))
    quat[0] = qt.multiply(qt.conjugate(NORTH_TO_EAST), first)
    for i in range(1, len(gyr)):
        quat[i] = filter_.updateMARG(quat[i - 1], gyr[i], acc[i], mag[i])
    return qt.multiply(NORTH_TO_EAST, quat)


def _imufusion() -> list[Contender]:
    return [Contender("imufusion", _imufusion_ahrs)]


def _imufusion_ahrs(gyr: Floats, acc: Floats, mag: Floats | None, rate_hz: float) -> Floats:
    import imufusion

    settings = imufusion.AhrsSettings(
        sample_rate=rate_hz, gain=0.5, gyroscope_range=2000.0,
        acceleration_rejection=10.0, magnetic_rejection=10.0, rejection_timeout=5.0,
    )  # fmt: skip
    settings.convention = imufusion.CONVENTION_ENU
    filter_ = imufusion.Ahrs().set_settings(settings)
    bias = imufusion.Bias().set_settings(imufusion.BiasSettings(sample_rate=rate_hz))
    quat = np.empty((len(gyr), 4))
    gyr_deg_s, acc_g = np.degrees(gyr), acc / GRAVITY
    for i in range(len(gyr)):
        rate = bias.update(gyr_deg_s[i])
        if mag is None:
            filter_.update_no_magnetometer(rate, acc_g[i])
        else:
            filter_.update(rate, acc_g[i], mag[i])
        quat[i] = filter_.get_quaternion()
    return quat


CONTENDERS: Mapping[str, Callable[[], list[Contender]]] = {"vqf": _vqf, "ahrs": _ahrs, "imufusion": _imufusion}
"""Library, by its name on PyPI, to its methods."""
