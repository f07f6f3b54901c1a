"""Commands on recorded sessions: `import`, `sessions`, `analyse`, `export`.

What computes is imported where it is used: the numerical libraries take two seconds, which `--help` must not.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from api.commands.terminal import (
    ConfigOption,
    DataDirOption,
    Problem,
    progress_bar,
    screen,
    settings_of,
    show_table,
    unusable,
)
from fusion.estimates import Json
from gateway.version import version

if TYPE_CHECKING:
    from gateway.store.home import SqliteHome

SessionArgument = Annotated[
    str, typer.Argument(help="Session id, as `kinestream sessions` lists them; `last` for the one recorded last.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(name="import")(import_)
    app.command()(sessions)
    app.command()(analyse)
    app.command()(export)


def import_(
    paths: Annotated[list[Path], typer.Argument(help="A folder with a session.toml, or one or more recorded files.")],
    segment: Annotated[
        list[str] | None, typer.Option(help="Body segment of a file, one for each inertial file, in order.")
    ] = None,
    muscle: Annotated[
        list[str] | None, typer.Option(help="Muscle and side of a file's EMG channels, in order.")
    ] = None,
    pose: Annotated[
        Literal["standing", "sitting"] | None,
        typer.Option(help="How the wearer is at rest at the start, if that is known; otherwise movement tells."),
    ] = None,
    title: Annotated[str, typer.Option(help="Title of the session.")] = "",
    subject: Annotated[str | None, typer.Option(help="Who it is.")] = None,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Bring recorded files in as a session: session.toml folders, Xsens, Movella DOT, OpenSignals, tables.

    Prints the session's id alone on its last line.
    """
    from gateway.analysis import derive
    from gateway.files.importer import ImportProblem, import_files

    home = home_of(config, data_dir)
    try:
        with progress_bar("importing") as progress:
            session = import_files(
                home,
                paths,
                segments=segment or [],
                muscles=muscle or [],
                pose=pose,
                title=title,
                subject=subject,
                progress=progress,
            )
        with progress_bar("computing") as progress:
            derive(home, session, version(), progress)
    except (ImportProblem, OSError) as problem:
        raise Problem(str(problem)) from None
    typer.echo(session)


def sessions(
    query: Annotated[str, typer.Argument(help="Show only sessions with this in id, title or subject.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print for programs.")] = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """List recorded sessions, the newest first."""
    home = home_of(config, data_dir)
    found, total = home.sessions(query, limit)
    rows = [
        {
            "id": info.id,
            "title": info.title,
            "subject": info.subject,
            "kind": info.kind,
            "state": info.state,
            "started": datetime.fromtimestamp(info.started / 1e9, UTC).isoformat(timespec="seconds"),
            "duration_s": None if info.ended is None else round((info.ended - info.started) / 1e9, 1),
        }
        for info in found
    ]
    if as_json:
        typer.echo(json.dumps({"sessions": rows, "total": total}))
        return
    if not rows:
        screen.print(
            "No sessions yet. Record one with `kinestream record`, or bring files in with `kinestream import`."
        )
        return
    show_table(("id", "title", "subject", "kind", "state", "started", "seconds"), [list(row.values()) for row in rows])
    if total > len(rows):
        screen.print(f"{len(rows)} of {total}: show more with --limit.")


def analyse(
    session: SessionArgument,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything for programs.")] = False,
    refined: Annotated[
        bool, typer.Option("--refined", help="With offline numbers instead of live ones: zero-phase EMG.")
    ] = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Compute a session again from its raw packets; the numbers are those of the live run, or refined ones."""
    from gateway.analysis import analyse as analyse_session

    home = home_of(config, data_dir)
    with mendable(), progress_bar("computing") as progress:
        result = analyse_session(home, chosen(home, session), progress, refined=refined)
    if as_json:
        typer.echo(json.dumps(result, allow_nan=False))
        return
    _show(result)


def export(
    session: SessionArgument,
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder to write into; made if it is missing.")],
    fmt: Annotated[Literal["csv", "parquet"], typer.Option("--format", "-f", help="File format.")] = "csv",
    raw: Annotated[bool, typer.Option("--raw", help="Also the raw samples of every sensor.")] = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Write a session's series and events as tables: joints, orientation, emg, quality, events."""
    from gateway.files.export import export as export_session

    home = home_of(config, data_dir)
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Problem(f"cannot write into {output} ({error.strerror}): choose another folder with -o") from None
    with mendable(), progress_bar("exporting") as progress:
        written = export_session(home, chosen(home, session), fmt, output, raw=raw, progress=progress)
    for path in written:
        typer.echo(str(path))


def home_of(config: Path | None, data_dir: Path | None) -> "SqliteHome":
    """Open the home of sessions that the settings name.

    Raises:
        Problem: It cannot be used.
    """
    from gateway.store.home import SqliteHome

    root = settings_of(config, data_dir).data_dir
    try:
        return SqliteHome(root)
    except OSError as error:
        raise Problem(unusable(root, error)) from None


def chosen(home: "SqliteHome", session: str) -> str:
    """Turn `last` into an id."""
    if session != "last":
        return session
    newest, _ = home.sessions(limit=1)
    if not newest:
        raise Problem("there are no sessions yet: record or import one first")
    return newest[0].id


@contextmanager
def mendable() -> Iterator[None]:
    """Turn what the user can mend into a sentence."""
    try:
        yield
    except LookupError as error:
        raise Problem(str(error.args[0]) if error.args else str(error)) from None
    except (OSError, ValueError) as error:
        raise Problem(str(error)) from None


def _show(result: dict[str, Json]) -> None:
    """Print a session's summary for people."""
    refined = result["refined"]
    which = f" for {', '.join(map(str, refined))}" if isinstance(refined, list) and refined else ""
    screen.print(
        f"[bold]{result['session']}[/bold] {result['title']} ({result['state']}, computed as {result['mode']}{which})"
    )
    series = result["series"]
    rows = [row for row in (series if isinstance(series, list) else []) if isinstance(row, dict)]
    shown = [row for row in rows if not str(row["name"]).startswith("quat_")]
    keys = ("name", "unit", "rate_hz", "n", "min", "mean", "max")
    show_table(
        ("series", "unit", "Hz", "values", "min", "mean", "max"), [[_cell(row[k]) for k in keys] for row in shown]
    )
    for title in ("metrics", "quality"):
        entries = result[title]
        for name, entry in entries.items() if isinstance(entries, dict) else []:
            assert isinstance(entry, dict)
            reasons = entry.get("reasons")
            said = "; ".join(str(reason) for reason in reasons) if isinstance(reasons, list) else str(entry.get("note"))
            screen.print(f"{name}: {entry.get('value', entry.get('verdict'))}  [dim]{said}[/dim]")
    calibration = result["calibration"]
    if isinstance(calibration, dict) and calibration.get("message"):
        screen.print(f"calibration: {calibration['message']}")
    lights = calibration.get("lights") if isinstance(calibration, dict) else None
    for joint, told in lights.items() if isinstance(lights, dict) else []:
        assert isinstance(told, dict)
        if told["light"] != "green":
            screen.print(f"{joint}: [{told['light']}]{told['light']}[/{told['light']}]  {told['reason']}")
    problems = result["problems"]
    for problem in problems if isinstance(problems, list) else []:
        screen.print(f"[red]{problem}[/red]")


def _cell(value: Json) -> str:
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
