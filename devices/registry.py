"""Which models are known, and whose advertisement this is."""

from devices import movella_dot, myo, open_profile, upright_go2
from devices.profile import Advertisement, Driver

DRIVERS: tuple[Driver, ...] = (open_profile.DRIVER, myo.DRIVER, upright_go2.DRIVER, movella_dot.DRIVER)
"""Those first that go by what nobody else advertises."""


def recognise(advertisement: Advertisement) -> Driver | None:
    """Return the driver of the device that sent this advertisement, if we know it."""
    return next((driver for driver in DRIVERS if driver.recognises(advertisement)), None)


def driver(model: str) -> Driver:
    """Return the driver of a model by its name in settings; LookupError names the known ones."""
    for candidate in DRIVERS:
        if candidate.model == model:
            return candidate
    known = ", ".join(sorted(candidate.model for candidate in DRIVERS))
    raise LookupError(f"no sensor model is called {model!r}: the known ones are {known}")
