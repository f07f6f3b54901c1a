"""`python -m simulators`: virtual sensors on a virtual air in a process of its own, served as HCI over TCP.

Prints one line, `ready HOST:PORT`, once a gateway can connect with `radio.transport = "tcp-client:HOST:PORT"`.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from gateway.settings import default_data_dir
from simulators.scenes import SCENES, describe

PARENT_POLL_S = 0.25
END_POLL_S = 0.25
LINGER_S = 1.0
"""After the last packet of a session was due [s], so that it arrives."""
LEAD_IN_S = 5.0
"""The person first rests so long, as at the end of the script, while a gateway finds the sensors [s]."""


class CannotListen(OSError):
    """The address is taken, or not ours."""

    def __init__(self, address: str, error: OSError) -> None:
        super().__init__(f"cannot listen on {address}: {error.strerror}; choose another port with --listen")


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the command line's wishes."""
    parser = argparse.ArgumentParser(prog="python -m simulators", description=__doc__)
    parser.add_argument("--listen", default="127.0.0.1:9123", metavar="HOST:PORT", help="port 0 takes a free one")
    parser.add_argument("--scene", default="demo", choices=sorted(SCENES), help="who wears what")
    parser.add_argument("--session", help="play this recorded session instead of a scene, and end with it")
    parser.add_argument("--data-dir", type=Path, help="where sessions are kept; default: as the gateway's")
    parser.add_argument("--seed", type=int, default=0, help="of the person, the units and the faults")
    parser.add_argument("--speed", type=float, default=1.0, help="how many times as fast as life")
    parser.add_argument("--parent-pid", type=int, help="end when this process, which started us, has ended")
    parser.add_argument("--until-eof", action="store_true", help="obey JSON lines on standard input and end with it")
    parser.add_argument("--describe", action="store_true", help="print the scene's sensors as JSON and end")
    return parser.parse_args(argv)


async def serve(wishes: argparse.Namespace) -> None:
    """Run the air until told to stop."""
    stop = asyncio.Event()
    _on_signals(stop.set)  # first of all: what follows takes a second
    from simulators.control import obey
    from simulators.person import Person
    from simulators.radio.air import Air
    from simulators.radio.port import listen
    from simulators.recorded import all_played, recorded
    from simulators.sensors.sensor import AirClock
    from simulators.stage import stage

    host, _, port = wishes.listen.rpartition(":")
    air = Air(wishes.seed)
    if wishes.session:
        clock = AirClock(wishes.speed)
        sensors = recorded(wishes.data_dir or default_data_dir(), wishes.session, air, clock)
    else:
        person = Person(seed=wishes.seed)
        clock = AirClock(wishes.speed, person.script.period - LEAD_IN_S)
        sensors = stage(SCENES[wishes.scene], person, air, clock)
    try:
        server = await listen(air, host, int(port))
    except OSError as error:
        raise CannotListen(wishes.listen, error) from error
    for sensor in sensors:
        await sensor.start()
    async with server, asyncio.TaskGroup() as group:
        tasks = [group.create_task(sensor.run()) for sensor in sensors]
        if wishes.session:
            tasks.append(group.create_task(_watch_end(lambda: all_played(sensors), stop)))
        if wishes.parent_pid:
            tasks.append(group.create_task(_watch_parent(wishes.parent_pid, stop)))
        if wishes.until_eof:
            _read_lines(lambda line: _say(obey(line, sensors, clock)), stop.set)
        host, port = server.sockets[0].getsockname()[:2]
        print(f"ready {host}:{port}", flush=True)
        await stop.wait()
        for task in tasks:
            task.cancel()


def _say(answer: dict[str, object] | None) -> None:
    if answer is not None:
        print(json.dumps(answer), flush=True)


def _on_signals(stop: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, stop)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop))


async def _watch_end(ended: Callable[[], bool], stop: asyncio.Event) -> None:
    """Stop when a session was played to its end."""
    while not ended():  # noqa: ASYNC110 - looked at seldom, and only at the end of interest
        await asyncio.sleep(END_POLL_S)
    await asyncio.sleep(LINGER_S)
    stop.set()


async def _watch_parent(pid: int, stop: asyncio.Event) -> None:
    while os.getppid() == pid:  # noqa: ASYNC110  # the death of another process sets no event
        await asyncio.sleep(PARENT_POLL_S)
    stop.set()


def _read_lines(obey: Callable[[str], None], ended: Callable[[], None]) -> None:
    """Read standard input in a thread: no event loop can wait for it on every platform."""
    loop = asyncio.get_running_loop()

    def read() -> None:
        # By the descriptor: a thread that waits in the buffered reader makes the interpreter abort when it ends.
        rest = b""
        while more := os.read(sys.stdin.fileno(), 4096):
            *lines, rest = (rest + more).split(b"\n")
            for line in lines:
                loop.call_soon_threadsafe(obey, line.decode(errors="replace"))
        loop.call_soon_threadsafe(ended)

    threading.Thread(target=read, name="stdin", daemon=True).start()


def main() -> int:
    """Run the command."""
    wishes = arguments()
    if wishes.describe:
        print(json.dumps(describe(SCENES[wishes.scene]), indent=2))
        return 0
    try:
        asyncio.run(serve(wishes))
    except ModuleNotFoundError as error:
        if error.name is None or not error.name.startswith("bumble"):
            raise
        print('the virtual air needs Bumble: pip install "kinestream[radio-sim]"', file=sys.stderr)
        return 2
    except (LookupError, ValueError) as error:
        print(str(error.args[0]), file=sys.stderr)
        return 2
    except OSError as error:  # CannotListen, or a session that cannot be read
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
