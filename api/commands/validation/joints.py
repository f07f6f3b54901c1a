"""`kinestream validate joints`: a session's joint angles against the reference that was recorded beside them.

What computes is imported where it is used, so that `--help` is quick.
"""

from collections.abc import Sequence
from dataclasses import asdict
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.commands.sessions import SessionArgument, home_of
from api.commands.terminal import ConfigOption, DataDirOption, Problem, complain, progress_bar, screen, show_table
from api.commands.validation.output import STDOUT, write
from gateway.version import version

if TYPE_CHECKING:
    from fusion.body.compare import JointErrors
    from gateway.store.home import SqliteHome
    from gateway.store.interface import SeriesInfo, SessionInfo
    from gateway.store.reader import SessionReader

    Found = dict[str, JointErrors]

PREFIX = "truth_"
COLUMNS = ("series", "RMSE", "centred", "offset", "ROM", "drift", "lag", "r", "rows", "s")
LEGEND = (
    "Computed minus truth: RMSE, RMSE without offset, offset and error of the 2-98 % range [deg], drift [deg/min], "
    "lag [ms], correlation, share of the truth's rows that were compared, and over how long [s]:"
)
REMEDY = 'import it with a [[sensor]] of kind = "angle" in session.toml that has truth = true'


def joints(
    session: SessionArgument,
    output: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the numbers for programs; - prints them only.")
    ] = None,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Measure a session's joint angles against a reference that was recorded beside them.

    The reference is an angle sensor that session.toml marks with `truth = true`: its channel `knee_flexion_left` is
    kept as `truth_knee_flexion_left`, never used, and compared here with the computed `knee_flexion_left`.

    Per joint, of computed minus truth: root mean square error, the same without the mean offset, and the offset [deg];
    the error of the range of movement, from the 2nd to the 98th percentile [deg]; the slope of the error [deg/min]; how
    much later the computed angle is [ms]; Pearson's correlation; the share of the truth's rows that could be compared.

    A truth that cannot be compared is named, and the exit code is then 1.
    """
    home = home_of(config, data_dir)
    info, found, problems = _measured(home, _chosen(home, session))
    if not found:
        raise Problem(problems[0] if len(problems) == 1 else f"no truth can be compared; the first: {problems[0]}")
    if output:
        _write(output, info, found, problems)
    if output != STDOUT:
        _show(info, found)
    for problem in problems:
        complain(f"{problem} (left out)")
    if problems:
        raise typer.Exit(1)


def _chosen(home: "SqliteHome", session: str) -> str:
    """Turn `last` into an id."""
    if session != "last":
        return session
    newest, _ = home.sessions(limit=1)
    if not newest:
        raise Problem("there are no sessions yet: import one that has a truth")
    return newest[0].id


def _measured(home: "SqliteHome", session: str) -> "tuple[SessionInfo, Found, list[str]]":
    """Compare every truth of a session; returns what was measured by series, and what could not be."""
    from gateway.store.claim import Claimed

    try:
        _compute_missing(home, session)
        with home.open(session) as reader:
            found, problems = _compare_all(reader)
            return reader.info, found, [*problems, *(str(damage) for damage in reader.damaged)]
    except LookupError as error:
        raise Problem(str(error.args[0])) from None
    except (Claimed, OSError) as error:
        raise Problem(str(error)) from None


def _compute_missing(home: "SqliteHome", session: str) -> None:
    """Compute a session that has no series yet, and store them; those it has stay as they are."""
    from gateway.analysis import derive

    with home.open(session) as reader:
        is_computed = bool(reader.series())
        is_recording = reader.info.state == "recording"
    if not is_computed and not is_recording:
        with progress_bar("computing") as progress:
            derive(home, session, version(), progress)


def _compare_all(reader: "SessionReader") -> "tuple[Found, list[str]]":
    """Compare each truth with the computed series of its name."""
    angles = {info.name: info for info in reader.series() if info.topic == "joints"}
    truths = [name for name in angles if name.startswith(PREFIX)]
    computed = [name for name in angles if name not in truths]
    if not truths:
        raise Problem(f"session {reader.info.id} has no truth to compare with: {REMEDY}")
    found, problems = {}, []
    with progress_bar("comparing") as progress:
        for number, truth in enumerate(truths, 1):
            name = truth.removeprefix(PREFIX)
            if name not in computed:
                there = f"computed are {', '.join(computed)}" if computed else "no joint angle was computed"
                problems.append(f"there is no {name} to compare {truth} with: {there}")
                continue
            try:
                found[name] = _compare(reader, angles[name])
            except ValueError as error:
                problems.append(f"{name}: {error}; `kinestream analyse` says how far its calibration came")
            progress(number / len(truths))
    return found, problems


def _compare(reader: "SessionReader", info: "SeriesInfo") -> "JointErrors":
    """Compare one series with its truth; raises `ValueError` where they have too little in common."""
    import numpy as np

    from fusion.body.compare import compare

    both = [reader.read(name) for name in (info.name, PREFIX + info.name)]
    t = np.union1d(both[0].t, both[1].t)
    values = np.full((2, t.size), np.nan)
    for row, series in zip(values, both, strict=True):
        row[np.searchsorted(t, series.t)] = np.nan if series.value is None else series.value
    return compare(t, values[0], values[1], round(1e9 / info.rate_hz))


def _show(info: "SessionInfo", found: "Found") -> None:
    screen.print(f"{info.id} {info.title}", style="bold", markup=False)
    screen.print(LEGEND, markup=False)
    show_table(COLUMNS, [(name, *_cells(errors)) for name, errors in found.items()])


def _cells(errors: "JointErrors") -> list[str]:
    """Return the figures as the table has them; what cannot be told is empty."""
    e = errors
    degrees = (e.rmse_deg, e.rmse_without_offset_deg, e.offset_deg, e.rom_error_deg, e.drift_deg_min)
    lag = f"{e.lag_ms:.0f}" if isfinite(e.lag_ms) else ""
    correlation = f"{e.correlation:.3f}" if isfinite(e.correlation) else ""
    return [*(f"{value:.2f}" for value in degrees), lag, correlation, f"{e.compared:.0%}", f"{e.duration_s:.0f}"]


def _write(output: Path, info: "SessionInfo", found: "Found", problems: Sequence[str]) -> None:
    write(
        output,
        {
            "session": info.id,
            "subject": info.subject,
            "mode": "live",
            "version": info.version,
            "joints": [_entry(name, errors) for name, errors in found.items()],
            "problems": list(problems),
        },
    )


def _entry(name: str, errors: "JointErrors") -> dict[str, object]:
    """Return a joint as one flat object; what is no number is null."""
    numbers = {key: value if isfinite(value) else None for key, value in asdict(errors).items()}
    return {"series": name, "truth": PREFIX + name, **numbers}
