"""Commands on what happens now: `record` a visit, `replay` one. The work is imported when it is wanted."""

import asyncio
from typing import Annotated

import typer

from api.commands.terminal import ConfigOption, DataDirOption, Problem, settings_of


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(record)
    app.command()(replay)


def record(
    title: Annotated[str, typer.Option(help="Title of the session.")] = "",
    subject: Annotated[str | None, typer.Option(help="Who wears the sensors.")] = None,
    seconds: Annotated[
        float | None, typer.Option("--for", help="Stop after so many seconds; default: until Ctrl-C.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Record what a running gateway receives, until Ctrl-C. Prints the session's id alone on its last line."""
    from api.commands.recording import record_visit

    typer.echo(asyncio.run(record_visit(settings_of(config), title, subject, seconds)))


def replay(
    session: Annotated[str, typer.Argument(help="Session id, as `kinestream sessions` lists them.")],
    speed: Annotated[str, typer.Option(help="Pace: 1 as it was, 4 four times as fast, max as fast as it goes.")] = "1",
    keep: Annotated[bool, typer.Option("--record", help="Record the replay as a session of its own.")] = False,
    radio: Annotated[
        bool,
        typer.Option(
            "--radio", help="Through virtual sensors and the virtual radio, with a dashboard, as if worn now."
        ),
    ] = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Play a recorded session as if it were live.

    Prints the id of the replay alone on its last line; by radio, the id of the recording if it is kept.
    """
    settings = settings_of(config, data_dir)
    pace = _pace(speed)
    if radio:
        if pace != 1.0:
            raise Problem("--radio plays at the pace of life: sensors and radio have clocks; leave --speed out")
        from api.commands.radio_replay import replay_by_radio

        recording = replay_by_radio(settings, session, keep=keep)
        if recording:
            typer.echo(recording)
        return
    from api.commands.direct_replay import replay_directly

    typer.echo(asyncio.run(replay_directly(settings, session, pace, keep=keep)))


def _pace(speed: str) -> float:
    try:
        pace = float("inf") if speed == "max" else float(speed)
    except ValueError:
        pace = 0.0
    if not pace > 0:
        raise Problem(f"--speed takes a number above zero or max, not {speed}")
    return pace
