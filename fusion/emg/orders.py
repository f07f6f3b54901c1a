"""What control records ask of muscles, as JSON values: rests, trials, normalisers and targets."""

from collections.abc import Mapping
from typing import Any

from fusion.body.trust import words
from fusion.emg.mvc import TRIAL_S, Normalisers, refusal
from fusion.emg.zones import Zone
from fusion.estimates import Event
from fusion.plain import number, table


def calibrate(norms: Normalisers, units: Mapping[str, str], t: int, data: Mapping[str, Any]) -> list[Event]:
    """Begin or end at `t` [ns UTC] what finds a normaliser, or take or forget one; what makes no sense is left out.

    units: Unit of each muscle that a sensor gives EMG of.
    data: {what: "rest" | "mvc" | "mvc_stop" | "mvc_forget" | "mvc_given", muscles, seconds, values, from}.
    """
    given = data.get("muscles")
    asked = [m for m in given if isinstance(m, str)] if isinstance(given, list) else list(units)
    here = [muscle for muscle in asked if muscle in units]
    match data.get("what"):
        case "rest":
            return norms.begin(t, here, "rest", TRIAL_S)
        case "mvc":
            absent = [m for m in asked if m not in units]
            refused = [refusal(t, m, f"no sensor gives EMG of {words(m)}: place one, or name another") for m in absent]
            return refused + norms.begin(t, here, "mvc", number(data.get("seconds"), TRIAL_S))
        case "mvc_stop":
            norms.stop(t)
        case "mvc_forget":
            return norms.forget(t, asked)
        case "mvc_given":
            return _give(norms, units, t, table(data.get("values")), data.get("from"))
    return []


def zones_of(given: object) -> list[Zone]:
    """Read a list of zones; what is no zone is left out."""
    zones = []
    for item in given if isinstance(given, list) else []:
        try:
            zones.append(Zone.from_json(item))
        except ValueError:
            continue
    return zones


def _give(
    norms: Normalisers, units: Mapping[str, str], t: int, values: Mapping[str, Any], origin: object
) -> list[Event]:
    fitting, events = {}, []
    for muscle, said in values.items():
        unit = table(said).get("unit")
        if units.get(muscle, unit) == unit:
            fitting[str(muscle)] = said
        else:
            events.append(refusal(t, muscle, f"{words(muscle)} is measured in {units[muscle]}, the value is in {unit}"))
    return events + norms.give(t, fitting, origin if isinstance(origin, str) else None)
