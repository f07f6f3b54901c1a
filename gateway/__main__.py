"""`python -m gateway`: reads the settings, runs the gateway until it is told to stop."""

import argparse
import asyncio
import gc
import logging
import signal
import sys
from pathlib import Path

from gateway.app import Gateway
from gateway.bus.broker import PortTaken
from gateway.settings import Settings, SettingsProblem, load
from gateway.supervised import on_end_of_input


def main() -> int:
    """Run the gateway; 0: stopped as asked, 2: the user has something to mend."""
    parser = argparse.ArgumentParser(prog="python -m gateway", description="Connect sensors, compute, publish, record.")
    parser.add_argument("--config", type=Path, help="settings file (default: kinestream.toml here, if there is one)")
    parser.add_argument("--until-eof", action="store_true", help="end when standard input closes")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s gateway %(levelname)s %(message)s", stream=sys.stderr)
    for talkative in ("bumble", "bleak"):
        logging.getLogger(talkative).setLevel(logging.CRITICAL)  # what matters of theirs is said by our own lines
    try:
        settings = load(arguments.config)
        asyncio.run(_run(settings, until_eof=arguments.until_eof))
    except (SettingsProblem, PortTaken) as problem:
        print(f"kinestream gateway: {problem}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"kinestream gateway: {error}: choose another data folder with KINESTREAM_HOME", file=sys.stderr)
        return 2
    return 0


async def _run(settings: Settings, *, until_eof: bool) -> None:
    gateway = Gateway(settings)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if until_eof:
        on_end_of_input(lambda: _tell(loop, stop))
    await gateway.run(stop, _ready)


def _ready() -> None:
    """Say so. What is loaded by now stays; searching it for garbage would stop the radio for a tenth of a second."""
    gc.collect()
    gc.freeze()
    print("ready", flush=True)


def _tell(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """Set the event from another thread."""
    loop.call_soon_threadsafe(stop.set)


if __name__ == "__main__":
    sys.exit(main())
