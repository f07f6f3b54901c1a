"""From files to a session: samples become packets of the open profile, stamped with the file's own time.

So replay, analysis and export know one kind of input. Everything is read and checked before anything is written, and
the session appears when it is whole.
"""

import heapq
import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from devices.open_profile import DATA, DESCRIPTION, DRIVER, Encoder, OpenStream, span
from devices.open_profile.packets import DEFAULT_SIZE, HEAD
from fusion.body.segments import SEGMENTS
from fusion.estimates import Json
from gateway.files import movella_dot_csv, opensignals_h5, session_toml, xsens_txt
from gateway.files.alignment import aligned
from gateway.files.problem import ImportProblem
from gateway.files.table import is_parquet, text_of
from gateway.files.track import Track, named
from gateway.hosttime import HostClock
from gateway.records import Control, Packet, Record
from gateway.store.home import SqliteHome
from gateway.store.interface import SessionInfo

__all__ = ["ImportProblem", "import_files"]

STREAM = 1
PACKET_S = 0.05
"""A packet holds about so much, as a sensor's would."""
SLICE = 10_000
"""Samples of a sensor that are encoded at once."""
PAGE = 2000
"""Records that are written at once."""
READING = 0.3
"""Share of the time that reading takes, for the progress."""
SECOND = 1_000_000_000

Progress = Callable[[float], None]
"""Called with the fraction done."""


def import_files(
    home: SqliteHome,
    paths: Sequence[Path],
    *,
    segments: Sequence[str] = (),
    muscles: Sequence[str] = (),
    pose: str | None = None,
    title: str = "",
    subject: str | None = None,
    version: str = "",
    now: int | None = None,
    settings: Mapping[str, Json] | None = None,
    progress: Progress | None = None,
) -> str:
    """Make a session of a folder with a session.toml, or of one or more files of known formats; return its id.

    Args:
        segments: Where the inertial files were worn, in their order.
        muscles: Muscle and side of the EMG channels, in the order of files and channels.
        pose: The wearer's pose while at rest at the start, "standing" or "sitting": asks for a calibration by it.
        version: Of the pipeline that is about to compute the series.
        now: Where a session begins whose files say nothing [ns UTC]; None: now.
        settings: The parameters of that pipeline.

    Raises:
        ImportProblem: A file cannot be used; nothing is kept of it.
        OSError: The session cannot be written.
    """
    report = progress or (lambda _: None)
    described, tracks = _read(paths, segments, muscles, lambda part: report(READING * part))
    moment = (HostClock().now() if now is None else now) // SECOND * SECOND
    placed, notes = aligned(tracks, moment)
    start, end = min(int(track.t[0]) for track in placed), max(int(track.t[-1]) for track in placed)
    said = described.title if described else ""
    info = SessionInfo(
        home.new_id(start),
        title or said or " and ".join(dict.fromkeys(track.source for track in tracks)),
        subject or (described.subject if described else None),
        "import",
        "recording",
        start,
        None,
        "import",
        version,
        str(paths[0]),
    )
    with home.building(info, settings) as writer:
        records = records_of(placed, pose, (*notes, *(note for track in tracks for note in track.notes)))
        while page := list(itertools.islice(records, PAGE)):
            writer.append(page)
            last = page[-1]
            t = last.arrival if isinstance(last, Packet) else last.t
            report(READING + (1 - READING) * (t - start) / max(end - start, 1))
    report(1.0)
    return info.id


def records_of(tracks: Sequence[Track], pose: str | None = None, notes: Sequence[str] = ()) -> Iterator[Record]:
    """Yield the records of tracks whose times are UTC: what the sensors are, then their packets in order of time."""
    start = min(int(track.t[0]) for track in tracks)
    encoders = [_encoder(track) for track in tracks]
    for track, encoder in zip(tracks, encoders, strict=True):
        yield from _introduction(track, start)
        yield Packet(start, track.sensor, DESCRIPTION, encoder.description)
    if pose is not None:
        yield Control(start, "calibrate", None, {"what": "pose", "pose": pose})
    for note in notes:
        yield Control(start, "mark", None, {"text": note})
    last = start
    parts = [_packets(track, encoder) for track, encoder in zip(tracks, encoders, strict=True)]
    for packet in heapq.merge(*parts, key=lambda packet: packet.arrival):
        last = packet.arrival
        yield packet
    yield Control(last, "end", None, {"reason": "the files end"})


def _introduction(track: Track, start: int) -> Iterator[Control]:
    """Yield what a live sensor's link and the user's placement would say."""
    known: dict[str, Json] = {"model": DRIVER.model, "file": track.source}
    if track.calibration is not None:
        known["calibration"] = track.calibration.to_json()
    yield Control(start, "sensor", track.sensor, known)
    channels: dict[str, Json] = {str(channel): name for channel, name in track.channels.items()}
    placement: dict[str, Json] = {"segment": track.segment, "channels": channels, "truth": track.truth}
    yield Control(start, "placement", track.sensor, placement)
    yield Control(start, "clock", track.sensor, {"source": "file"})


def _encoder(track: Track) -> Encoder:
    try:
        if track.kind == "imu":
            stream = OpenStream(STREAM, "imu", tuple(track.fields), track.rate_hz)
        else:
            channels = track.fields[track.kind].shape[1]
            unit: Literal["counts"] | None = "counts" if track.counts else None
            stream = OpenStream(STREAM, track.kind, (track.kind,), track.rate_hz, channels=channels, unit=unit)
    except ValueError as error:
        raise ImportProblem(track.where, str(error)) from None
    samples = max(1, round(PACKET_S * track.rate_hz))
    full = HEAD.size + samples * stream.sample_size
    return Encoder([stream], max(HEAD.size + stream.sample_size, min(full, DEFAULT_SIZE)))


def _packets(track: Track, encoder: Encoder) -> Iterator[Packet]:
    for at in range(0, track.t.size, SLICE):
        part = slice(at, at + SLICE)
        values = {name: field[part] for name, field in track.fields.items()}
        for data in encoder.packets(STREAM, track.t[part], values):
            yield Packet(span(data)[1], track.sensor, DATA, data)


def _read(
    paths: Sequence[Path], segments: Sequence[str], muscles: Sequence[str], progress: Progress
) -> tuple[session_toml.SessionPart | None, list[Track]]:
    if not paths:
        raise ImportProblem("import", "no file is named: give a folder with a session.toml, or recorded files")
    described = [path for path in paths if path.is_dir() or path.suffix == ".toml"]
    if not described:
        return None, _read_vendor(paths, segments, muscles, progress)
    if len(paths) > 1 or segments or muscles:
        raise ImportProblem(
            described[0].name or str(described[0]),
            "a session.toml says which files it has and where they were worn: import it alone, without --segment",
        )
    path = described[0]
    return session_toml.read(path / session_toml.NAME if path.is_dir() else path, progress)


def _read_vendor(
    paths: Sequence[Path], segments: Sequence[str], muscles: Sequence[str], progress: Progress
) -> list[Track]:
    for segment in segments:
        if segment not in SEGMENTS:
            raise ImportProblem("--segment", f"there is no segment {segment}: use one of {', '.join(SEGMENTS)}")
    twice = next((segment for segment in segments if segments.count(segment) > 1), None)
    if twice:
        raise ImportProblem("--segment", f"{twice} is given twice: each inertial file needs a segment of its own")
    left, unnamed = list(segments), list(muscles)
    tracks: list[Track] = []
    for i, path in enumerate(paths):
        taken = {track.sensor for track in tracks}
        tracks.append(_read_one(path, left, unnamed, taken))
        progress((i + 1) / len(paths))
    for option, rest in (("--segment", left), ("--muscle", unnamed)):
        if rest:
            raise ImportProblem(option, f"no file is left for {', '.join(rest)}: name as many as there are")
    return tracks


def _read_one(path: Path, segments: list[str], muscles: list[str], taken: set[str]) -> Track:
    """Read one file; it takes its segment or its muscles from those left."""
    if opensignals_h5.is_opensignals(path):
        track = opensignals_h5.read(path, _free(path.stem, taken))
        count = track.fields["emg"].shape[1]
        given, muscles[:] = muscles[:count], muscles[count:]
        return named(track, given)
    segment = segments.pop(0) if segments else None
    text = "" if is_parquet(path) else text_of(path)
    if movella_dot_csv.is_movella_dot(text):
        name = segment or movella_dot_csv.tag_of(path) or path.stem
        return movella_dot_csv.read(path, _free(name, taken), segment)
    if xsens_txt.is_xsens(text):
        return xsens_txt.read(path, _free(segment or path.stem, taken), segment)
    raise ImportProblem(
        path.name,
        "this is no export of Xsens, of the Movella DOT app or of OpenSignals: "
        f"describe its columns in a {session_toml.NAME} beside it, and import the folder",
    )


def _free(name: str, taken: set[str]) -> str:
    """Return a sensor id made of a name, with a number if it is taken."""
    plain = re.sub(r"[^a-z0-9_-]+", "_", name.lower()).strip("_")[:36] or "sensor"
    return next(
        free for free in itertools.chain([plain], (f"{plain}_{i}" for i in itertools.count(2))) if free not in taken
    )
