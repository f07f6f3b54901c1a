"""`kinestream calibrate`: a sensor's own errors from a session in which it was laid down and turned.

What computes is imported where it is used, so that `--help` is quick.
"""

import json
import os
import re
from collections.abc import Iterable, Mapping
from math import degrees
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.markup import escape

from api.commands.sessions import SessionArgument, chosen, home_of, mendable
from api.commands.terminal import ConfigOption, DataDirOption, Problem, progress_bar, screen, show_table

if TYPE_CHECKING:
    from fusion.calibration import Finding, Recording, SensorCalibration
    from gateway.files.part_list import PartList
    from gateway.store.home import SqliteHome

Method = Literal["rest", "ellipsoid", "ferraris"]
STANDARD_GRAVITY = 9.80665
PER_DEGREE = degrees(1.0)
DIRECTIONS = 26
"""So many directions a sensor can have seen: faces, edges and corners of a cube."""
LEFT: Mapping[str, Mapping[str, tuple[str, float, str]]] = {
    "rest": {
        "gyr": ("rates about the bias", PER_DEGREE, "deg/s RMS"),
        "between": ("bias between rests", PER_DEGREE, "deg/s RMS"),
    },
    "ellipsoid": {
        "acc": ("force of a rest against gravity", 1.0, "m/s2 RMS"),
        "mag": ("field against its mean", 1.0, "RMS, as sent"),
        "relative": ("field against its mean", 100.0, "% RMS"),
    },
    "ferraris": {
        "norm": ("force of a rest against gravity", 1.0, "m/s2 RMS"),
        "acc": ("the same along the axis: how crooked it lay", 1.0, "m/s2 RMS"),
        "gyr": ("rate left in a rest", PER_DEGREE, "deg/s RMS"),
        "turn": ("turn left open", PER_DEGREE, "deg RMS"),
    },
}
"""By method and residual: what it is, and by what it is multiplied to be in the unit that people read."""
BIASES = {
    "gyr_bias": ("bias of the gyroscope", PER_DEGREE, "deg/s"),
    "acc_bias": ("bias of the accelerometer", 1.0, "m/s2"),
    "mag_offset": ("offset of the magnetometer", 1.0, "as sent"),
}
SCALES = {"gyr_matrix": "gyroscope", "acc_matrix": "accelerometer", "mag_matrix": "magnetometer"}
SENSES = {"acc": "accelerometer", "mag": "magnetometer"}

Row = tuple[str, str, str]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(calibrate)


def calibrate(
    session: SessionArgument,
    sensor: Annotated[str, typer.Option("--sensor", help="The sensor's name in the session.")],
    method: Annotated[Method, typer.Option("--method", help="What was done to the sensor: see above.")],
    parts: Annotated[
        Path | None, typer.Option("--parts", help="For ferraris: JSON or TOML that says when its parts were.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="File to write; default: NAME.calibration.json.")
    ] = None,
    gravity: Annotated[
        float, typer.Option(min=9.7, max=9.9, help="Gravity where it was recorded [m/s2].")
    ] = STANDARD_GRAVITY,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Find a sensor's own errors (bias, scale, skewed axes) from a session, and write them into a file.

    Record or import a session of the sensor alone, off the body, and say with `--method` what you did with it:

    **rest**: it lay still for some seconds, anywhere. Gives the gyroscope's bias; worth repeating every day.

    **ellipsoid**: it lay still for a second or more in 20 or more orientations, on edges and corners too: the
    accelerometer. It was turned slowly through all orientations, away from iron: the magnetometer. One of both is
    enough; what the session does not allow is said.

    **ferraris**: it lay on its six sides and was turned about its three axes by a known angle: accelerometer and
    gyroscope. `--parts` says when, in seconds from the session's start: `x_p = [5.3, 12.4]` for the rest with x up,
    `x_a` with x down, `x_rot` for the turn about x, the same for y and z, and `angle_deg = -360` for the angle of
    the turns, negative if clockwise as seen from the axis' tip. `kinestream export SESSION --raw -o DIR` shows the
    times.

    What the file holds already and is not found anew stays: a new rest bias keeps the scales of last month. Then put
    the line that is printed into kinestream.toml.
    """
    if (method == "ferraris") != (parts is not None):
        raise Problem(
            "--method ferraris needs --parts FILE, which says when the six rests and three turns were: see --help"
            if parts is None
            else f"--parts belongs to --method ferraris: leave it out with {method}"
        )
    path = output or Path(re.sub(r"[^\w-]+", "_", sensor) + ".calibration.json")
    before = _before(path)
    listed = _listed(parts)
    recording, session = _recorded(home_of(config, data_dir), session, sensor)
    found, missing = _found(recording, method, listed, gravity)
    calibration, kept = _over(found.values(), before)
    _write(path, calibration)
    seconds = recording.t[-1] - recording.t[0]
    screen.print(f"{sensor} of {session}, {seconds:.0f} s at {recording.rate_hz:.4g} Hz", style="bold", markup=False)
    show_table(("found", "value", "unit"), [row for one in found.items() for row in _rows(method, *one)])
    for finding in found.values():
        for warning in finding.warnings:
            screen.print(f"[yellow]look[/yellow] {escape(warning)}")
    for sense, why in missing.items():
        screen.print(f"[yellow]not found[/yellow] {SENSES[sense]}: {escape(why)}")
    if kept:
        screen.print(f"Kept from before in {path}: {', '.join(kept)}.", markup=False)
    screen.print(
        f"Written to {path}. Put this line into {sensor}'s [[sensor]] entry of kinestream.toml (or of a session.toml, "
        "with the path from there):",
        markup=False,
    )
    folder = config.parent if config else Path()
    typer.echo(f"calibration = {json.dumps(Path(os.path.relpath(path, folder)).as_posix())}")


def _before(path: Path) -> "SensorCalibration | None":
    """Return what a file to be written holds already."""
    from gateway.files.calibration import UnusableCalibration, read_calibration

    if not path.exists():
        return None
    try:
        return read_calibration(path)
    except UnusableCalibration as problem:
        raise Problem(f"{problem}; or choose another file with -o") from None


def _listed(parts: Path | None) -> "PartList | None":
    from gateway.files.part_list import read_parts

    with mendable():
        return None if parts is None else read_parts(parts)


def _recorded(home: "SqliteHome", session: str, sensor: str) -> "tuple[Recording, str]":
    """Return the sensor's samples and the session's id."""
    from gateway.files.recorded import recording_of

    with mendable(), progress_bar("reading") as progress, home.open(chosen(home, session)) as reader:
        return recording_of(reader, sensor, progress), reader.info.id


def _found(
    recording: "Recording", method: Method, parts: "PartList | None", gravity: float
) -> "tuple[dict[str, Finding], dict[str, str]]":
    """Return the findings, and why others could not be made."""
    from fusion.calibration import of_orientations, of_parts, of_rests

    with mendable():
        if method == "rest":
            return {"gyr": of_rests(recording)}, {}
        if parts is not None:
            return {"both": of_parts(recording, parts.spans, parts.angle, gravity)}, {}
    found, missing = of_orientations(recording, gravity)
    if not found:
        raise Problem("nothing can be calibrated: " + "; ".join(f"{SENSES[s]}: {why}" for s, why in missing.items()))
    return found, missing


def _over(found: "Iterable[Finding]", before: "SensorCalibration | None") -> "tuple[SensorCalibration, list[str]]":
    """Return all findings together, over what was known before, and the names of what is kept of that."""
    from fusion.calibration import SensorCalibration

    new = SensorCalibration()
    for finding in found:
        new = finding.calibration.over(new)
    if before is None:
        return new, []
    kept = [name for name, value in before.to_json().items() if value is not None and getattr(new, name) is None]
    return new.over(before), kept


def _write(path: Path, calibration: "SensorCalibration") -> None:
    from gateway.files.calibration import write_calibration

    try:
        write_calibration(path, calibration)
    except OSError as error:
        raise Problem(f"cannot write {path} ({error.strerror}): choose another file with -o") from None


def _rows(method: Method, sense: str, finding: "Finding") -> list[Row]:
    """Return a finding as rows: what it leaves unexplained, what it saw, and the errors themselves."""
    kept = finding.calibration
    out = [
        (words, f"{size * factor:.3g}", unit)
        for name, (words, factor, unit) in LEFT[method].items()
        if (size := finding.residuals.get(name)) is not None
    ]
    seen = "directions seen" if sense not in SENSES else f"directions seen by the {SENSES[sense]}"
    out.append((seen, f"{finding.coverage * DIRECTIONS:.0f}", f"of {DIRECTIONS}"))
    for name, (words, factor, unit) in BIASES.items():
        if (bias := getattr(kept, name)) is not None:
            out.append((words, ", ".join(f"{x * factor:.4g}" for x in bias), unit))
    for name, words in SCALES.items():
        if (matrix := getattr(kept, name)) is not None:
            out.append((f"scale of the {words}", ", ".join(f"{x:.4f}" for x in matrix.diagonal()), "x, y, z"))
    return out
