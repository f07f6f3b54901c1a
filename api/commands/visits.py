"""Commands on what happens now: `record` a visit, `replay` one."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable
from typing import Annotated

import typer

from api.bus import Bus, CommandFailed
from api.commands.processes import is_free
from api.commands.radio_replay import replay_by_radio
from api.commands.terminal import ConfigOption, DataDirOption, Problem, progress_bar, screen, settings_of
from fusion.estimates import Batch, Event
from gateway.app import version
from gateway.bus.broker import PortTaken, embedded_broker
from gateway.bus.client import BusClient
from gateway.bus.messages import batch_message, event_message
from gateway.hosttime import HostClock
from gateway.recorder import Recorder
from gateway.records import Record
from gateway.replay import open_replay, play
from gateway.settings import Settings
from gateway.store.home import SqliteHome
from gateway.store.interface import SessionInfo
from gateway.tasks import end

REACH_S = 3.0
"""A broker on this machine or in this house answers within [s]."""


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
    typer.echo(asyncio.run(_record(settings_of(config), title, subject, seconds)))


async def _record(settings: Settings, title: str, subject: str | None, seconds: float | None) -> str:
    gateway = settings.gateway.id
    stop = _stop_signal()
    async with _connected(settings) as bus:
        try:
            answer = await bus.ask(gateway, "record", {"title": title, "subject": subject})
            session = str(answer["session"])
            screen.print(f"recording {session}; Ctrl-C stops it")
            with progress_bar("recording") as progress:
                await _until(stop, seconds, progress)
            await bus.ask(gateway, "stop", {})
        except CommandFailed as failure:
            raise Problem(str(failure)) from None
        return session


@contextlib.asynccontextmanager
async def _connected(settings: Settings) -> AsyncIterator[Bus]:
    """Reach the bus that a running gateway is on.

    Raises:
        Problem: There is none.
    """
    bus = Bus(settings.bus, lambda *_: None, lambda: None)
    talking = asyncio.create_task(bus.run())
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(REACH_S):
                while bus.problem:  # noqa: ASYNC110 - a moment, once
                    await asyncio.sleep(0.05)
        if bus.problem:
            raise Problem(f"no gateway can be reached at {bus.where}: start one with `kinestream serve`")
        yield bus
    finally:
        await end([talking])


def _stop_signal() -> asyncio.Event:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, stop.set)
    return stop


async def _until(stop: asyncio.Event, seconds: float | None, progress: Callable[[float], None]) -> None:
    """Wait for the signal, or for the time to pass."""
    clock = HostClock()
    began = clock.now()
    while not stop.is_set() and (seconds is None or clock.now() - began < seconds * 1e9):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.1):
                await stop.wait()
        if seconds:
            progress((clock.now() - began) / 1e9 / seconds)


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
    """Play a recorded session as if it were live. Prints the id of the replay alone on its last line."""
    settings = settings_of(config, data_dir)
    pace = _pace(speed)
    if radio:
        if pace != 1.0:
            raise Problem("--radio plays at the pace of life: sensors and radio have clocks; leave --speed out")
        typer.echo(replay_by_radio(settings, session, keep=keep))
        return
    typer.echo(asyncio.run(_replay(settings, session, pace, keep)))


def _pace(speed: str) -> float:
    try:
        pace = float("inf") if speed == "max" else float(speed)
    except ValueError:
        pace = 0.0
    if not pace > 0:
        raise Problem(f"--speed takes a number above zero or max, not {speed}")
    return pace


async def _replay(settings: Settings, session: str, speed: float, keep: bool) -> str:
    clock, home = HostClock(), SqliteHome(settings.data_dir)
    try:
        plan, reader = open_replay(home, session, speed, clock)
    except (LookupError, ValueError, OSError) as error:
        raise Problem(str(error.args[0]) if isinstance(error, LookupError) else str(error)) from None
    bus = BusClient(settings.bus, f"kinestream-replay-{plan.id}")
    recorder = _recorder(settings, home, plan.id, session, reader.info, plan.first + plan.shift) if keep else None
    gateway = settings.gateway.id

    def sink(records: list[Record], batches: list[Batch], events: list[Event]) -> None:
        for batch in batches:
            bus.publish(batch_message(gateway, plan.id, batch))
        for event in events:
            bus.publish(event_message(gateway, plan.id, event))
        if recorder:
            recorder.add(records, batches, events)

    async with _broker_if_needed(settings), asyncio.TaskGroup() as group:
        talking = group.create_task(bus.run())
        writing = group.create_task(recorder.run()) if recorder else None
        with progress_bar("replaying") as progress:
            showing = group.create_task(_show(lambda: plan.position / max(plan.last - plan.first, 1), progress))
            await play(plan, reader.records(), clock, sink)
            await end([showing])
        if recorder and writing:
            recorder.finish()
            await writing
        await bus.flushed()
        await end([talking])
    reader.close()
    return plan.id


async def _show(fraction: Callable[[], float], progress: Callable[[float], None]) -> None:
    while True:
        progress(fraction())
        await asyncio.sleep(0.2)


def _recorder(
    settings: Settings, home: SqliteHome, replay: str, origin: str, was: SessionInfo, started: int
) -> Recorder:
    info = SessionInfo(
        replay, was.title, was.subject, "replay", "recording", started, None, settings.gateway.id, version(), origin
    )
    return Recorder(replay, home.create(info), settings.store.flush_s)


@contextlib.asynccontextmanager
async def _broker_if_needed(settings: Settings) -> AsyncIterator[None]:
    """Run the embedded broker if it is wanted and nobody else does: a replay then works on its own."""
    if settings.bus.embedded and is_free("127.0.0.1", settings.bus.port):
        try:
            async with embedded_broker(settings.bus.port):
                yield
        except PortTaken as problem:
            raise Problem(str(problem)) from None
    else:
        yield
