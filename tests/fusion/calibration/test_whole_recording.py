"""A sensor's whole recording: rests and slow turns are found in it, parts are cut out, gaps are seen."""

import numpy as np
import pytest

from fusion.calibration import Recording, of_orientations, of_parts, of_rests
from fusion.calibration.recording import SLOW, STEP, turned_fields
from tests.fusion.calibration.faulty import GRAVITY, NORTH, RATE_HZ, TRUTH, TURN, make_parts, put_down

MANY = put_down(24)


def recording(*, field: bool = True, keep: slice = slice(None)) -> Recording:
    t, gyr, acc, mag = (x[keep] for x in MANY)
    return Recording.of(t, gyr, acc, mag if field else None, rate_hz=RATE_HZ)


def ferraris_recording(pause_s: float = 1.0) -> tuple[Recording, dict[str, tuple[float, float]]]:
    """Return nine parts with pauses between, and when they were."""
    spans, t, gyr, acc = {}, [], [], []
    at = 0.0
    for name, part in make_parts(noise=1.0).items():
        n = len(part.gyr)
        spans[name] = (at, at + n / RATE_HZ)
        t.append(at + np.arange(n) / RATE_HZ)
        gyr.append(part.gyr)
        acc.append(part.acc)
        at += n / RATE_HZ + pause_s
    return Recording.of(np.concatenate(t), np.concatenate(gyr), np.concatenate(acc), rate_hz=RATE_HZ), spans


def test_all_rests_together_give_the_bias() -> None:
    found = of_rests(recording())
    np.testing.assert_allclose(found.calibration.gyr_bias, TRUTH.gyr_bias, atol=1e-4)
    assert found.warnings == ()
    assert found.residuals["gyr"] == pytest.approx(0.002 * 3**0.5, rel=0.05)
    assert found.residuals["between"] < 5e-4
    assert found.coverage > 0.5


def test_a_slow_turn_among_rests_is_left_out_and_told() -> None:
    t, gyr, acc, _ = (np.array(x) for x in MANY)
    gyr[:190] += [0.0, 0.0, 0.2]
    found = of_rests(Recording.of(t, gyr, acc, rate_hz=RATE_HZ))
    np.testing.assert_allclose(found.calibration.gyr_bias, TRUTH.gyr_bias, atol=1e-4)
    assert found.warnings == ("1 of 24 rests were slow turns, and are left out.",)


def test_rests_that_differ_are_warned_of() -> None:
    t, gyr, acc, _ = (np.array(x) for x in MANY)
    gyr[: len(gyr) // 2] += [0.0, 0.0, 0.015]
    found = of_rests(Recording.of(t, gyr, acc, rate_hz=RATE_HZ))
    assert any("differs between rests" in warning for warning in found.warnings)


def test_without_a_rest_there_is_no_bias() -> None:
    moving = slice(220, 480)
    with pytest.raises(ValueError, match="never lay still for 1 s"):
        of_rests(recording(keep=moving))


def test_many_orientations_calibrate_accelerometer_and_magnetometer() -> None:
    found, missing = of_orientations(recording())
    assert missing == {}
    _, gyr, acc, mag = MANY
    corrected = found["mag"].calibration.over(found["acc"].calibration).apply(gyr, acc, mag)
    lying = acc[:190].mean(axis=0, keepdims=True)
    assert np.linalg.norm(lying) != pytest.approx(GRAVITY, abs=0.1)
    assert np.linalg.norm(found["acc"].calibration.apply(lying, lying)[1]) == pytest.approx(GRAVITY, abs=0.01)
    assert corrected[2] is not None
    size = np.linalg.norm(corrected[2], axis=1)
    assert size.std() / size.mean() < 1.2 * 0.3 / np.linalg.norm(NORTH)
    np.testing.assert_allclose(found["acc"].calibration.acc_bias, TRUTH.acc_bias, atol=0.02)
    np.testing.assert_allclose(found["mag"].calibration.mag_offset, TRUTH.mag_offset, atol=0.3)


def test_what_the_recording_does_not_allow_is_said() -> None:
    found, missing = of_orientations(recording(field=False))
    assert list(found) == ["acc"]
    assert missing == {"mag": "the recording has no magnetic field"}
    found, missing = of_orientations(recording(keep=slice(0, 2000)))
    assert "acc" not in found
    assert missing["acc"].startswith("it lay still for 1 s in 4 places only, 9 are needed")
    _, missing = of_orientations(recording(keep=slice(0, 190)))
    assert missing["mag"].startswith("the sensor was hardly turned")


def test_the_field_is_taken_by_turning_and_not_by_time() -> None:
    n = 500
    mag = np.arange(3.0 * n).reshape(n, 3)
    gyr = np.zeros((n, 3))
    gyr[100:200, 0], gyr[300:400, 1] = 1.0, 1.1 * SLOW
    taken = turned_fields(gyr, mag, RATE_HZ)
    assert len(taken) == pytest.approx(100 / RATE_HZ / STEP + 1, abs=1)
    rows = taken[:, 0] / 3
    assert not ((rows > 300) & (rows < 400)).any()
    mag[::2] = np.nan
    assert len(turned_fields(gyr, mag, RATE_HZ)) == pytest.approx(len(taken), abs=1)


def test_parts_are_cut_out_by_their_times() -> None:
    whole, spans = ferraris_recording()
    found = of_parts(whole, spans, TURN)
    np.testing.assert_allclose(found.calibration.gyr_bias, TRUTH.gyr_bias, atol=2e-4)
    np.testing.assert_allclose(found.calibration.acc_matrix, TRUTH.acc_matrix, atol=2e-3)
    rounded = {name: (round(start + 0.004, 3), round(stop - 0.004, 3)) for name, (start, stop) in spans.items()}
    again = of_parts(whole, rounded, TURN)
    np.testing.assert_array_equal(np.asarray(found.calibration.gyr_matrix), np.asarray(again.calibration.gyr_matrix))


def test_a_turn_with_a_gap_is_refused() -> None:
    whole, spans = ferraris_recording()
    start, _ = spans["y_rot"]
    keep = ~((whole.t > start + 1.0) & (whole.t < start + 1.1))
    cut = Recording.of(whole.t[keep], whole.gyr[keep], whole.acc[keep], rate_hz=RATE_HZ)
    with pytest.raises(ValueError, match="y_rot must be 20 samples or more without a gap"):
        of_parts(cut, spans, TURN)


@pytest.mark.parametrize("span", [(500.0, 504.0), (-9.0, 4.0)])
def test_a_part_outside_the_recording_is_named(span: tuple[float, float]) -> None:
    whole, spans = ferraris_recording()
    with pytest.raises(ValueError, match=r"x_p from .* does not lie in the recording, which goes from 0\.0 to"):
        of_parts(whole, {**spans, "x_p": span}, TURN)


def test_no_rest_goes_on_across_a_gap() -> None:
    n = 150
    t = np.arange(n) / RATE_HZ
    t[75:] += 10.0
    quiet = np.random.default_rng(1).normal(0.0, 0.001, (n, 3))
    with pytest.raises(ValueError, match="never lay still"):
        of_rests(Recording.of(t, quiet, quiet + np.array([0.0, 0.0, GRAVITY]), rate_hz=RATE_HZ))


def test_a_sensor_without_rates_cannot_be_calibrated() -> None:
    t, _, acc, _ = MANY
    with pytest.raises(ValueError, match="there is no angular rate"):
        Recording.of(t, np.full_like(acc, np.nan), acc, rate_hz=RATE_HZ)
