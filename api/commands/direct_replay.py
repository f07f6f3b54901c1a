"""What `kinestream replay` does without a radio: records through an engine, onto the bus, kept if asked."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from api.commands.processes import is_free
from api.commands.terminal import Problem, progress_bar, require_folder
from fusion.estimates import Batch, Event
from gateway.bus.broker import PortTaken, embedded_broker
from gateway.bus.client import BusClient
from gateway.bus.messages import batch_message, event_message
from gateway.hosttime import HostClock
from gateway.records import Record
from gateway.settings import Settings
from gateway.store.home import SqliteHome
from gateway.store.interface import SessionInfo
from gateway.store.reader import SessionReader
from gateway.tasks import end
from gateway.version import version
from gateway.visits.recorder import Recorder
from gateway.visits.replay import UNPLAYABLE, Replay, open_replay, play


async def replay_directly(settings: Settings, session: str, speed: float, *, keep: bool) -> str:
    """Play a session to its end; returns the replay's id.

    Raises:
        Problem: There is no such session, it holds nothing or cannot be played, or the disk does not take the replay.
    """
    root, clock = require_folder(settings.data_dir), HostClock()
    try:
        home = SqliteHome(root)
        plan, reader = open_replay(home, session, speed, clock)
        recorder = _recorder(settings, home, plan.id, session, reader.info, plan.first + plan.shift) if keep else None
    except UNPLAYABLE as error:
        raise Problem(_words(error)) from None
    failed: Exception | None = None
    try:
        await _play(settings, plan, reader, clock, recorder)
    except* UNPLAYABLE as errors:
        failed = _first(errors)
    finally:
        reader.close()
    if failed:
        raise Problem(f"session {session} cannot be replayed to its end: {_words(failed)}")
    if recorder and recorder.problem:
        raise Problem(recorder.problem)
    return plan.id


async def _play(
    settings: Settings, plan: Replay, reader: SessionReader, clock: HostClock, recorder: Recorder | None
) -> None:
    """Play onto the bus and into the recorder; the recording is complete only if all of it was played."""
    bus = BusClient(settings.bus, f"kinestream-replay-{plan.id}")
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
        playing = group.create_task(play(plan, reader.records(), clock, sink))
        writing = group.create_task(recorder.run()) if recorder else None
        with progress_bar("replaying") as progress:
            showing = group.create_task(_show(lambda: plan.position / max(plan.last - plan.first, 1), progress))
            await asyncio.wait([playing, *([writing] if writing else [])], return_when=asyncio.FIRST_COMPLETED)
            await end([playing, showing])  # writing ends first where the disk is full: no sense in going on
        if recorder and writing and not playing.cancelled() and not playing.exception():
            recorder.finish()
            await writing
        await bus.flushed()
        await end([talking])


def _first(error: Exception) -> Exception:
    """Return the first of the errors in a group, however deep."""
    return _first(error.exceptions[0]) if isinstance(error, ExceptionGroup) else error


def _words(error: Exception) -> str:
    return str(error.args[0]) if isinstance(error, LookupError) and error.args else str(error)


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
