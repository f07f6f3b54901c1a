"""Commands to get going: `scan` for sensors, `doctor` for what stands in the way.

What needs radio, store or drivers is imported where it is used, so that `--help` is quick.
"""

import asyncio
import importlib.util
import json
import shutil
from typing import TYPE_CHECKING, Annotated

import typer

from api.commands.processes import is_free
from api.commands.terminal import (
    ConfigOption,
    DataDirOption,
    Problem,
    progress_bar,
    screen,
    settings_of,
    show_table,
    trouble_with,
)
from gateway.settings import Settings

if TYPE_CHECKING:
    from gateway.links.finder import Sighting

LOW_DISK = 2 * 10**9
"""Less free space than this is worth a word: some hours of a full body [bytes]."""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(scan)
    app.command()(doctor)


def scan(
    config: ConfigOption = None,
    seconds: Annotated[float, typer.Option(help="How long to listen.", min=1.0, max=120.0)] = 6.0,
    models: Annotated[bool, typer.Option("--models", help="List the models that are known, and end.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print for programs.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Also show devices that are not recognised.")] = False,
) -> None:
    """Look for sensors, and print what to write into kinestream.toml."""
    from bleak.exc import BleakError

    from devices import registry
    from gateway.links.finder import describe
    from gateway.radio import RadioUnavailable, reason

    if models:
        for driver in registry.DRIVERS:
            typer.echo(f"{driver.model:16} {driver.title} ({', '.join(sorted(driver.capabilities))})")
        return
    settings = settings_of(config)
    try:
        heard = asyncio.run(_listen(settings, seconds))
    except RadioUnavailable as error:
        raise Problem(str(error)) from None
    except (BleakError, OSError) as error:
        raise Problem(reason(error)) from None
    shown = [sighting for sighting in heard if sighting.driver or everything]
    if as_json:
        typer.echo(json.dumps([describe(sighting) for sighting in shown]))
        return
    if not shown:
        screen.print("No sensor was heard. Is it on, near, and not connected to a phone?")
        return
    words = [describe(sighting) for sighting in shown]
    keys = ("address", "name", "title", "rssi")
    show_table(("address", "name", "model", "dBm"), [[word[key] or "-" for key in keys] for word in words])
    screen.print("To use them, write into kinestream.toml (and give each its segment or channels):\n")
    for number, sighting in enumerate((s for s in shown if s.driver), 1):
        assert sighting.driver
        name = f"{sighting.driver.model}_{number}"
        typer.echo(
            f'[[sensor]]\nname = "{name}"\naddress = "{sighting.device.address}"\nmodel = "{sighting.driver.model}"'
        )


async def _listen(settings: Settings, seconds: float) -> "list[Sighting]":
    from devices import registry
    from gateway.links.finder import Sighting
    from gateway.radio import advertisement, open_radio

    heard: dict[str, Sighting] = {}
    async with open_radio(settings.radio.backend, settings.radio.transport) as radio:

        def on_device(device, data) -> None:  # type: ignore[no-untyped-def]  # bleak's own signature
            seen = advertisement(device, data)
            heard[device.address] = Sighting(device, seen, registry.recognise(seen))

        async with radio.scanner(on_device):
            with progress_bar("listening") as progress:
                for step in range(20):
                    await asyncio.sleep(seconds / 20)
                    progress((step + 1) / 20)
    return sorted(heard.values(), key=lambda sighting: -sighting.advertisement.rssi)


def doctor(config: ConfigOption = None, data_dir: DataDirOption = None) -> None:
    """Check what the service needs on this machine, and say what to do about each fault."""
    settings = settings_of(config, data_dir)
    faults = 0
    for name, check in (
        ("data folder", _check_disk),
        ("sessions", _check_sessions),
        ("ports", _check_ports),
        ("radio", _check_radio),
        ("virtual radio", _check_virtual),
    ):
        good, words = check(settings)
        faults += not good
        screen.print(f"[{'green' if good else 'red'}]{'ok  ' if good else 'look'}[/] {name}: {words}")
    if faults:
        raise typer.Exit(2)


Check = tuple[bool, str]


def _check_disk(settings: Settings) -> Check:
    if trouble := trouble_with(settings.data_dir):
        return False, trouble
    free = shutil.disk_usage(settings.data_dir).free
    return free > LOW_DISK, f"{settings.data_dir}, {free / 1e9:.0f} GB free"


def _check_sessions(settings: Settings) -> Check:
    from gateway.store.home import SqliteHome

    if trouble_with(settings.data_dir):
        return True, "not looked at: they need the data folder"
    try:
        home = SqliteHome(settings.data_dir)
        broken = [info.id for info in home.interrupted()]
        _, count = home.sessions(limit=1)
    except OSError as error:
        return False, str(error)
    if broken:
        return True, f"{count}; interrupted, kept and closed at the gateway's next start: {', '.join(broken)}"
    return True, f"{count}"


def _check_ports(settings: Settings) -> Check:
    taken = []
    if not is_free(settings.api.host, settings.api.port):
        taken.append(f"{settings.api.port} (api.port)")
    if settings.bus.embedded and not is_free("127.0.0.1", settings.bus.port):
        taken.append(f"{settings.bus.port} (bus.port)")
    if taken:
        return False, f"taken: {', '.join(taken)}; a running Kinestream has them, or choose others in kinestream.toml"
    return True, f"{settings.api.port} and {settings.bus.port} are free"


def _check_radio(settings: Settings) -> Check:
    from bleak.exc import BleakError

    from gateway.radio import RadioUnavailable, reason

    try:
        asyncio.run(_listen(settings, 0.2))
    except RadioUnavailable as error:
        return False, str(error)
    except (BleakError, OSError) as error:
        return False, reason(error)
    return True, f"the {settings.radio.backend} radio scans"


def _check_virtual(_: Settings) -> Check:
    if importlib.util.find_spec("bumble"):
        return True, "installed"
    return True, 'not installed; needed for demo and replay --radio only: pip install "kinestream[radio-sim]"'
