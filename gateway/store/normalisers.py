"""What the muscles of a session were normalised by, and whether that can be used in another session."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from fusion.estimates import Event, Json

AMPLITUDE = (
    "emg_amplitude",
    "emg_high_pass_hz",
    "emg_low_pass_hz",
    "emg_notch",
    "emg_envelope_hz",
    "emg_rms_s",
)
"""The parameters of the pipeline that an amplitude depends on; those a session does not know do not count."""
ONLY_OF = {"emg_envelope_hz": "envelope", "emg_rms_s": "rms"}
"""Parameters of one kind of amplitude alone."""


@dataclass(frozen=True, slots=True)
class Normaliser:
    """One muscle's, as it was at the end of a session."""

    muscle: str
    value: float
    """Amplitude, in `unit`."""
    unit: str
    by: str
    """mvc: trials in this session; given: taken from `origin`; peak: the session's largest amplitude in a burst."""
    amplitude: Mapping[str, Json]
    """The parameters that the amplitude was computed with."""
    trials: tuple[float, ...] = field(default=())
    """What the accepted trials were worth."""
    origin: str | None = None
    """The session that a given value came from."""


def normalisers_of(events: Iterable[Event], settings: Mapping[str, Json]) -> list[Normaliser]:
    """Return what each muscle was normalised by last, in order of their names."""
    last = {str(event.data.get("muscle")): event.data for event in events if event.name == "normalised"}
    amplitude = amplitude_of(settings)
    return [_normaliser(muscle, last[muscle], amplitude) for muscle in sorted(last) if _is_known(last[muscle])]


def amplitude_of(settings: Mapping[str, Json]) -> dict[str, Json]:
    """Return the parameters that an amplitude depends on."""
    kind = settings.get("emg_amplitude", "envelope")
    return {key: settings[key] for key in AMPLITUDE if key in settings and ONLY_OF.get(key, kind) == kind}


def why_unfit(found: Normaliser, settings: Mapping[str, Json], unit: str | None) -> str | None:
    """Say why a value cannot be used with these parameters of the pipeline and this unit (None: not known yet)."""
    if found.by == "peak":
        return f"{found.muscle} has no MVC there, only the peak of that session, which is no maximum of another task"
    if unit is not None and unit != found.unit:
        return f"{found.muscle} was measured in {found.unit} and comes in {unit} now"
    now = amplitude_of(settings)
    for key, value in found.amplitude.items():
        if key in now and now[key] != value:
            return f"{found.muscle} was measured with {key} = {value}, now it is {now[key]}: measure anew"
    return None


def _is_known(data: Mapping[str, Json]) -> bool:
    value = data.get("value")
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def _normaliser(muscle: str, data: Mapping[str, Json], amplitude: Mapping[str, Json]) -> Normaliser:
    value, trials, origin = data["value"], data.get("trials"), data.get("from")
    assert isinstance(value, int | float), "looked at before"
    return Normaliser(
        muscle,
        float(value),
        str(data.get("unit", "")),
        str(data.get("by")),
        amplitude,
        tuple(float(x) for x in trials if isinstance(x, int | float)) if isinstance(trials, list) else (),
        origin if isinstance(origin, str) else None,
    )
