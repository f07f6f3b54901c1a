"""What muscles were normalised by: from the events of a session into the catalogue, out of it, and into another one."""

from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from fusion.estimates import Event
from fusion.settings import PipelineSettings
from gateway.store.home import SqliteHome, UnknownSession
from gateway.store.interface import SessionInfo
from gateway.store.normalisers import Normaliser, amplitude_of, why_unfit

T0 = 1_790_000_000_000_000_000
SETTINGS = asdict(PipelineSettings())
MVC = {"muscle": "biceps_left", "by": "mvc", "value": 2e-4, "unit": "V", "trials": [1.5e-4, 2e-4]}
PEAK = {"muscle": "triceps_left", "by": "peak", "value": 1e-4, "unit": "V"}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[SqliteHome]:
    home = SqliteHome(tmp_path / "data")
    yield home
    home.close()


def session(home: SqliteHome, *data: dict[str, object], subject: str | None = "S01", start: int = T0) -> str:
    info = SessionInfo(home.new_id(start), "", subject, "live", "recording", start, None, "local", "0")
    writer = home.create(info, SETTINGS)
    writer.write([], [Event(start + i, "normalised", data=one) for i, one in enumerate(data)])  # type: ignore[arg-type]
    assert home.normalisers(info.id) == []
    writer.close("complete")
    return info.id


def test_the_last_value_of_each_muscle_is_kept_when_the_session_ends(home: SqliteHome) -> None:
    forgotten = {"muscle": "gone_left", "by": "peak", "value": None, "unit": "V"}
    given = {"muscle": "soleus_left", "by": "given", "value": 3e-4, "unit": "V", "from": "before"}
    one = session(home, {**MVC, "value": 1.5e-4}, PEAK, MVC, {**MVC, "muscle": "gone_left"}, forgotten, given)
    amplitude = amplitude_of(SETTINGS)
    assert amplitude["emg_envelope_hz"] == 6.0
    assert home.normalisers(one) == [
        Normaliser("biceps_left", 2e-4, "V", "mvc", amplitude, (1.5e-4, 2e-4)),
        Normaliser("soleus_left", 3e-4, "V", "given", amplitude, (), "before"),
        Normaliser("triceps_left", 1e-4, "V", "peak", amplitude),
    ]


def test_computing_again_replaces_and_removing_removes(home: SqliteHome) -> None:
    one = session(home, MVC, PEAK)
    writer = home.reopen(one)
    writer.clear_estimates("1", SETTINGS)
    writer.write([], [Event(T0, "normalised", data={**MVC, "value": 5e-4})])  # type: ignore[dict-item]
    writer.close(None)
    assert [(n.muscle, n.value) for n in home.normalisers(one)] == [("biceps_left", 5e-4)]
    home.discard(one)
    assert home.catalogue.normalisers(one) == []
    with pytest.raises(UnknownSession):
        home.normalisers(one)


def test_a_subject_has_them_by_session_the_latest_first(home: SqliteHome) -> None:
    first, second = session(home, MVC), session(home, PEAK, start=T0 + 10**12)
    session(home, start=T0 + 2 * 10**12)
    session(home, MVC, subject="S02", start=T0 + 3 * 10**12)
    found = home.catalogue.normalisers_of_subject("S01")
    assert [(info.id, [n.muscle for n in these]) for info, these in found] == [
        (second, ["triceps_left"]), (first, ["biceps_left"])
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "settings", "unit", "said"),
    [
        ({}, {}, "V", None),
        ({}, {}, None, None),
        ({}, {"burst_ratio": 9.0}, "V", None),
        ({}, {"emg_rms_s": 0.5}, "V", None),
        ({"by": "given"}, {}, "V", None),
        ({"by": "peak"}, {}, "V", "no MVC there"),
        ({}, {}, "counts", "was measured in V and comes in counts now"),
        ({}, {"emg_high_pass_hz": 30.0}, "V", "emg_high_pass_hz = 20.0, now it is 30.0"),
    ],
)
def test_a_value_fits_where_unit_and_amplitude_are_the_same(change, settings, unit, said) -> None:
    found = replace(Normaliser("biceps_left", 2e-4, "V", "mvc", amplitude_of(SETTINGS)), **change)
    why = why_unfit(found, {**SETTINGS, **settings}, unit)
    assert why is None if said is None else said in str(why)


def test_of_two_kinds_of_amplitude_each_has_its_own_parameters() -> None:
    both = {"emg_envelope_hz": 6.0, "emg_rms_s": 0.1}
    assert amplitude_of({**both, "emg_amplitude": "rms"}) == {"emg_amplitude": "rms", "emg_rms_s": 0.1}
    assert amplitude_of(both) == {"emg_envelope_hz": 6.0}
