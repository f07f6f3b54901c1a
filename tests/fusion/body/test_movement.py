"""Leg movement: what is kept of it does not depend on the rate of rows, nor on single values that are missing."""

import numpy as np
import pytest

from fusion.settings import PipelineSettings
from tests.fusion.body.worn import LEG, WALK_FIRST, played


@pytest.mark.parametrize("rate_hz", [25.0, 1000.0])
def test_a_knee_is_found_at_any_rate_of_rows(rate_hz) -> None:
    worn = played(WALK_FIRST, LEG, seconds=12.0, settings=PipelineSettings(rate_hz=rate_hz))
    assert worn.pipeline.calibration.state == "ready"


def test_a_force_that_is_missing_once_does_not_hide_where_sensors_sit() -> None:
    def swap(measured, *_) -> None:
        measured["thigh_left"], measured["shank_left"] = measured["shank_left"], measured["thigh_left"]
        measured["shank_left"][0][260] = np.nan

    assert len(played(WALK_FIRST, LEG, seconds=9.0, change=swap).named("swap")) == 1
