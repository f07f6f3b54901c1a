"""Every parameter of the adaptive filter and the smoother is felt, checked and documented as it is."""

import ast
import re
from dataclasses import fields, replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from vqf import VQF

from fusion.orientation import AdaptiveParams, SmoothedParams, estimate
from fusion.orientation import params as module
from fusion.orientation import quaternion as qt
from tests.fusion.orientation.sensor import DEG, Floats, Samples, follow, joined, still, turning

LIVE, OFFLINE = AdaptiveParams(), SmoothedParams()
NAMES = [field.name for field in fields(AdaptiveParams)]
SMOOTHED_NAMES = [field.name for field in fields(SmoothedParams) if field.name != "live"]


@cache
def eventful() -> Samples:
    """Return two minutes with all that the parameters are about: rest, bias, shocks, magnets, a new room, gaps."""
    rng = np.random.default_rng(0)
    move = turning(110.0, 200.0, speed=0.5)
    t = np.arange(len(move.dt)) / 200.0
    move.acc[:] += 3.0 * np.sin(2.0 * t)[:, None] * [1.0, 0.5, 0.0]
    for start, length, strength in ((5000, 160, 12.0), (6000, 2000, 7.0), (9000, 13000, 40.0)):
        rows = slice(start, start + length)
        move.mag[rows] += qt.rotate(qt.conjugate(move.quat[rows]), np.array([0.3, 1.0, 0.6]) * strength)
    s = joined(still(5.0, 200.0), move, still(10.0, 200.0, move.quat[-1]))
    s.gyr[:] += 0.5 * DEG * rng.normal(size=s.gyr.shape)
    s.acc[:] += 0.1 * rng.normal(size=s.acc.shape)
    s.mag[:] += 1.0 * rng.normal(size=s.mag.shape)
    s.gyr[6000:6100] += 40.0 * DEG  # a turn that was none
    s.dt[[3000, 4400]] = [0.2, 0.4]
    return s.biased(0.8, -0.5, 0.3)


@cache
def usual() -> Floats:
    return follow(eventful()).quat


@cache
def smoothed(params: SmoothedParams = OFFLINE) -> Floats:
    s = turning(60.0, speed=0.5).biased(0.3, 0.2, 0.1)
    s.mag[2000:2500] += 20.0
    s.mag[:] += np.random.default_rng(1).normal(size=s.mag.shape)
    t = np.arange(6000) * 0.01
    s.acc[:] += 3.0 * np.sin(2.0 * t)[:, None]
    s.gyr[:, 2] += 0.05 * DEG * np.sin(0.1 * t)
    return estimate(s.gyr, s.acc, s.mag, 100.0, "smoothed", params)


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_of_the_filter_is_felt(name: str) -> None:
    changed = [follow(eventful(), replace(LIVE, **{name: factor * getattr(LIVE, name)})).quat for factor in (0.25, 4.0)]
    least = 3e-4 if name == "bias_vertical" else 0.02  # that one is meant to be weak
    assert max(np.degrees(qt.angle(quat, usual())).max() for quat in changed) > least


@pytest.mark.parametrize("name", SMOOTHED_NAMES)
def test_every_parameter_of_the_smoother_is_felt(name: str) -> None:
    value = getattr(OFFLINE, name)
    changed = [smoothed(replace(OFFLINE, **{name: type(value)(value * factor)})) for factor in (0.25, 10.0)]
    assert max(np.degrees(qt.angle(quat, smoothed())).max() for quat in changed) > 0.01


def test_the_smoother_feels_the_parameters_of_its_two_passes() -> None:
    other = replace(OFFLINE, live=replace(LIVE, bias_start=0.02 * DEG))
    assert np.degrees(qt.angle(smoothed(other), smoothed())).max() > 0.02


def test_higher_means_what_the_parameters_say() -> None:
    def tilted(**changes: float) -> float:
        s = still(40.0)
        s.gyr[2000:2100, 0] = 30.0 * DEG
        quat = follow(s, replace(LIVE, **changes), mag=False).quat
        return float(np.degrees(qt.angle(quat[2900], s.quat[2900])))

    assert tilted(beta=0.2) < tilted() < tilted(tau_acc=9.0)
    s = still(10.0).biased(0.4, 0.0, 0.0)
    late = [follow(s, replace(LIVE, rest_time=x)).filter.status.bias_sigma[0, 0] for x in (0.5, 1.5, 5.0)]
    assert late == sorted(late)
    s = turning(30.0)
    s.mag[:] += np.random.default_rng(0).normal(size=s.mag.shape) * 2.0
    off = [np.std(qt.angle(follow(s, replace(LIVE, tau_mag=x)).quat, s.quat)[1000:]) for x in (1.0, 100.0)]
    assert off[0] > 2.0 * off[1]


def test_a_longer_step_than_allowed_is_a_gap_and_no_shorter_one() -> None:
    s = turning(10.0)
    s.dt[500] = 0.2
    for max_step, held in ((0.25, False), (0.15, True)):
        quat = follow(s, replace(LIVE, max_step=max_step)).quat
        assert (quat[500] == quat[499]).all() == held


@pytest.mark.parametrize("value", [0.0, -1.0, np.nan, np.inf])
@pytest.mark.parametrize("name", NAMES)
def test_a_parameter_that_makes_no_sense_is_refused_by_name(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"^{name} must be positive and finite"):
        replace(LIVE, **{name: value})


@pytest.mark.parametrize("value", [0, -1, np.nan, np.inf])
@pytest.mark.parametrize("name", SMOOTHED_NAMES)
def test_a_smoother_that_makes_no_sense_is_refused_by_name(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"^{name} must be positive and finite"):
        replace(OFFLINE, **{name: value})


def test_half_a_round_is_refused() -> None:
    with pytest.raises(ValueError, match="rounds must be a whole number"):
        replace(OFFLINE, rounds=2.5)


def documented() -> dict[str, dict[str, str]]:
    """Return what the source says below each field of each class."""
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    said: dict[str, dict[str, str]] = {}
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            said[node.name] = {}
            for field, text in zip(node.body, node.body[1:], strict=False):
                if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr):
                    said[node.name][ast.unparse(field.target)] = ast.literal_eval(text.value)
    return said


def test_every_parameter_is_documented_with_its_unit_and_where_its_default_comes_from() -> None:
    said = documented()
    assert list(said["AdaptiveParams"]) == NAMES
    assert [name for name in said["SmoothedParams"] if name != "live"] == SMOOTHED_NAMES
    for text in said["AdaptiveParams"].values():
        assert re.search(r"\[(rad|s|m/s2|1|rad/s)\b.*\]", text), text
        assert re.search(r"\[(VQF|T|P)\]", text), text


@pytest.mark.parametrize("name", ["adaptive", "smoothed", "params", "kernels/adaptive", "kernels/field"])
def test_no_parameter_is_named_that_does_not_exist(name: str) -> None:
    text = (Path(module.__file__).parent / f"{name}.py").read_text(encoding="utf-8")
    known = {*NAMES, *SMOOTHED_NAMES, "adaptive", "smoothed", "state", "kept", "age", "tau", "lean", "count"}
    words = set(re.findall(r"`([a-z_]+)`", text))
    assert words <= known, words - known


THEIRS = {
    "tau_acc": "tauAcc", "tau_mag": "tauMag", "rest_gyr": "restThGyr", "rest_acc": "restThAcc", "rest_time": "restMinT",
    "rest_tau": "restFilterTau", "bias_start": "biasSigmaInit", "bias_limit": "biasClip",
    "bias_motion": "biasSigmaMotion", "bias_vertical": "biasVerticalForgettingFactor", "bias_rest": "biasSigmaRest",
    "mag_norm": "magNormTh", "mag_dip": "magDipTh", "mag_tau": "magCurrentTau", "mag_ref_tau": "magRefTau",
    "mag_clear": "magMinUndisturbedTime", "mag_reject": "magMaxRejectionTime", "mag_first": "magNewFirstTime",
    "mag_new": "magNewTime", "mag_new_rate": "magNewMinGyr",
}  # fmt: skip
IN_DEGREES = {"restThGyr", "biasSigmaInit", "biasClip", "biasSigmaMotion", "biasSigmaRest", "magDipTh", "magNewMinGyr"}


@pytest.mark.parametrize("name", NAMES)
def test_defaults_that_are_said_to_be_those_of_vqf_are(name: str) -> None:
    text = documented()["AdaptiveParams"][name]
    if "[VQF]" not in text:
        assert name not in THEIRS
        return
    theirs = VQF(0.01).params
    if name == "bias_walk":  # theirs: 0.1 deg/s within so many seconds
        value = 0.1 / np.sqrt(theirs["biasForgettingTime"])
    else:
        value = theirs[THEIRS[name]]
    said = re.search(r"\[VQF\] ([0-9.]+)", text)
    if said:
        assert float(said[1]) == pytest.approx(value)
    else:
        assert getattr(LIVE, name) == pytest.approx(value * (DEG if THEIRS[name] in IN_DEGREES else 1.0))
