"""Commands under `mvc`: find what a muscle's amplitude is divided by. The work is imported when it is wanted."""

import asyncio
import json
from typing import TYPE_CHECKING, Annotated

import typer

from api.commands.sessions import SessionArgument, chosen, home_of, mendable
from api.commands.terminal import ConfigOption, DataDirOption, Problem, screen, settings_of, show_table
from fusion.estimates import Json

if TYPE_CHECKING:
    from gateway.store.normalisers import Normaliser

HELP = """Measure maximum voluntary contractions (MVC), and use them.

The protocol, per muscle: sensors on, muscle relaxed, `kinestream mvc rest`. Then push as hard as you can against
something that does not give way, with `kinestream mvc trial MUSCLE` running; rest 60 s or more; three trials in all.
If the third is still 10 % above the second, do another. The MVC is the best half second of the best trial;
activation is a fraction of it, and goes above 1 where a movement is stronger than the trials were.
"""

Muscles = Annotated[list[str], typer.Argument(help="Muscle and side, as `channels` of the sensor name it.")]


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown")
    for command in (rest, trial, stop, forget, use, show):
        group.command()(command)
    app.add_typer(group, name="mvc", help=HELP)


def rest(config: ConfigOption = None) -> None:
    """Measure 5 s of rest of all muscles, and grade their noise: below 5 uV good, above 10 uV to be mended."""
    _measure(config, {"what": "rest"}, "rest", 5.0)


def trial(
    muscles: Muscles,
    seconds: Annotated[float, typer.Option(min=1.0, max=30.0, help="How long to push: 3 to 5 s are usual.")] = 5.0,
    config: ConfigOption = None,
) -> None:
    """Measure one trial: push as hard as you can from now on. Says what it was worth and whether to do another."""
    _measure(config, {"what": "mvc", "muscles": list[Json](muscles), "seconds": seconds}, "mvc", seconds)


def stop(config: ConfigOption = None) -> None:
    """End the trial that is running; it counts as far as it went."""
    _ask(config, {"what": "mvc_stop"})


def forget(muscles: Muscles, config: ConfigOption = None) -> None:
    """Forget the trials of these muscles, as after an electrode was moved."""
    _ask(config, {"what": "mvc_forget", "muscles": list[Json](muscles)})


def use(
    session: SessionArgument,
    muscle: Annotated[list[str] | None, typer.Option(help="Only this muscle; may be given again.")] = None,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Use the MVC of another session for the muscles worn now. Electrodes must sit where they sat then."""
    with home_of(config, data_dir) as home, mendable():
        origin = chosen(home, session)
    more: dict[str, Json] = {"muscles": list[Json](muscle)} if muscle else {}
    reply = _ask(config, {"what": "mvc_given", "from_session": origin, **more})
    taken = reply["muscles"]
    screen.print(f"taken from {origin}: {', '.join(map(str, taken)) if isinstance(taken, list) else taken}")


def show(
    session: SessionArgument = "last",
    as_json: Annotated[bool, typer.Option("--json", help="Print for programs.")] = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Show what the muscles of a session were normalised by."""
    with home_of(config, data_dir) as home, mendable():
        session = chosen(home, session)
        found = home.normalisers(session)
    if as_json:
        typer.echo(json.dumps({"session": session, "mvc": [_plain(one) for one in found]}))
        return
    if not found:
        screen.print(f"session {session} has none: it ended without a trial, or is being recorded")
        return
    rows = [
        (one.muscle, told(one.value, one.unit), one.by, " ".join(told(x, one.unit) for x in one.trials), one.origin)
        for one in found
    ]
    show_table(("muscle", "value", "by", "trials", "from"), rows)


def told(value: float, unit: str) -> str:
    """Return an amplitude as people say it."""
    return f"{value * 1e6:.1f} uV" if unit == "V" else f"{value:.4g} {unit}"


def _plain(one: "Normaliser") -> dict[str, Json]:
    return {
        "muscle": one.muscle,
        "value": one.value,
        "unit": one.unit,
        "by": one.by,
        "trials": list[Json](one.trials),
        "origin": one.origin,
        "amplitude": dict(one.amplitude),
    }


def _ask(config: ConfigOption, command: dict[str, Json]) -> dict[str, Json]:
    from api.commands.measuring import ask

    return asyncio.run(ask(settings_of(config), command))


def _measure(config: ConfigOption, command: dict[str, Json], name: str, seconds: float) -> None:
    """Measure, say each result in a line, and end with 2 if one of them is to be repeated for a reason."""
    from api.commands.measuring import measure

    results = asyncio.run(measure(settings_of(config), command, name, seconds))
    refused = False
    for result in results:
        value, unit = result.get("value", result.get("rms")), str(result.get("unit"))
        shown = told(value, unit) if isinstance(value, int | float) else "nothing"
        grade, reason = result.get("grade"), result.get("reason")
        screen.print(": ".join(str(part) for part in (result["muscle"], shown, grade, reason) if part))
        refused |= value is None or grade == "redo"
    typer.echo(json.dumps({"results": results}))
    if refused:
        raise Problem("not all of it counts: see above, and repeat")
