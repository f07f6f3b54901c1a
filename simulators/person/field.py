"""The magnetic field around the person: that of the earth, and of what stands in the room."""

from dataclasses import dataclass

import numpy as np

from simulators.person.rotation import Floats


@dataclass(frozen=True, slots=True)
class Disturbance:
    """Extra field near a thing of iron: strongest at its centre, a Gaussian of the distance."""

    centre_m: tuple[float, float, float]
    """Place in the earth frame, z = 0 is the floor, the person stands at x = y = 0 [m]."""
    radius_m: float
    """Distance at which it has fallen to 61 %."""
    field: tuple[float, float, float]
    """Field added at the centre, earth axes [T]."""


@dataclass(frozen=True, slots=True)
class EarthField:
    """Reference field; the defaults are those of central Europe (WMM 2025, rounded)."""

    magnitude: float = 50e-6
    """Total intensity [T]."""
    dip_deg: float = 67.0
    """Inclination below the horizon."""
    declination_deg: float = 0.0
    """Direction of magnetic north, clockwise from the earth frame's y axis; 0: the frame is magnetic ENU."""
    disturbances: tuple[Disturbance, ...] = ()

    def at(self, position: Floats) -> Floats:
        """Return the field at positions in the earth frame [T], shape (N, 3)."""
        dip, declination = np.radians(self.dip_deg), np.radians(self.declination_deg)
        level = np.cos(dip)
        north = np.array([level * np.sin(declination), level * np.cos(declination), -np.sin(dip)])
        field = np.broadcast_to(self.magnitude * north, position.shape).copy()
        for one in self.disturbances:
            away = position - np.array(one.centre_m)
            squared = away[:, 0] ** 2 + away[:, 1] ** 2 + away[:, 2] ** 2
            field += np.exp(-0.5 * squared / one.radius_m**2)[:, None] * np.array(one.field)
        return field
