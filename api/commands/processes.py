"""Starting the parts of the service as processes, watching them, and ending them all together."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

from api.commands.terminal import Problem, screen
from gateway.settings import OTHER_VARIABLES, PREFIX

READY_S = 60.0
"""The first start on a slow machine compiles the kernels [s]."""
END_S = 2.5
"""After this long [s] a part that does not end is killed."""
SPARE_S = 0.4
"""Of this time, what the last one to end has for itself [s]."""
POLL_S = 0.1
ANSWER_S = 2.0
"""A part on this machine answers a request within [s]."""
DIRECTLY = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""What runs on this machine is never asked through the proxy that `http_proxy` names."""


class StartProblem(Problem):
    """A part of the service ended."""


class Processes:
    """The parts of the service; all end when the context does, and when this process dies.

    Each part watches its standard input and ends when that closes, so that nothing outlives even a killed parent.
    """

    def __init__(self, logs: Path, environment: Mapping[str, str], *, echo: bool = False) -> None:
        """Prepare.

        environment: All variables that the parts see.
        """
        self._logs = logs
        self._environment = environment
        self._echo = echo
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._ready: dict[str, threading.Event] = {}
        self._listeners: list[threading.Thread] = []
        self._ended = threading.Event()

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._stop) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end_all()
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._ended.set()

    def start(self, name: str, module: list[str]) -> None:
        """Start `python -m module...`; what it logs goes to a file, or is shown with `echo`."""
        self._logs.mkdir(parents=True, exist_ok=True)
        with self._log(name).open("wb") as log:
            self._running[name] = subprocess.Popen(
                [sys.executable, "-m", *module, "--until-eof"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=None if self._echo else log,
                env=self._environment,
                start_new_session=True,
            )
        self._ready[name] = threading.Event()
        listener = threading.Thread(target=_listen, args=(self._running[name], self._ready[name]), daemon=True)
        listener.start()
        self._listeners.append(listener)

    def wait_until_served(self, address: str) -> None:
        """Wait until all parts have their ports and say so; that somebody answers at the address would not tell who.

        Raises:
            StartProblem: A part ended.
            Problem: It takes too long.
        """
        patience = time.monotonic() + READY_S
        while not self._ended.is_set() and not all(ready.is_set() for ready in self._ready.values()):
            self._check()
            self._ended.wait(POLL_S)
            if time.monotonic() > patience:
                raise Problem(f"{address} did not answer within {READY_S:.0f} s: see the logs in {self._logs}", 1)

    def wait_until_ready(self, address: str, patience_s: float = READY_S) -> str | None:
        """Wait until the api can do all of its work; returns in one sentence why it still cannot, None if it can.

        Raises:
            Problem: A part ended.
        """
        patience = time.monotonic() + patience_s
        missing = None
        while not self._ended.is_set():
            self._check()
            missing = _missing(address)
            if missing is None or time.monotonic() > patience:
                break
            self._ended.wait(POLL_S)
        return None if self._ended.is_set() else missing

    def wait(self, seconds: float | None, until_ended: str | None = None) -> None:
        """Wait for Ctrl-C, for the time to pass, or for the part `until_ended` to end in peace.

        Raises:
            Problem: A part ended by itself.
        """
        until = None if seconds is None else time.monotonic() + seconds
        while not self._ended.is_set() and (until is None or time.monotonic() < until):
            if until_ended and self._running[until_ended].poll() == 0:
                return
            self._check()
            self._ended.wait(POLL_S)

    def _check(self) -> None:
        for name, process in self._running.items():
            code = process.poll()
            if code is not None and not self._ended.is_set():
                raise StartProblem(self._last_words(name, code), 2 if code == 2 else 1)

    def _last_words(self, name: str, code: int) -> str:
        if code < 0:
            return f"the {name} was ended by signal {signal.Signals(-code).name}: see {self._logs}, and start again"
        lines = [] if self._echo else self._log(name).read_text(errors="replace").strip().splitlines()
        said = f": {lines[-1].removeprefix(f'kinestream {name}: ')}" if lines else ""
        return f"the {name} ended with code {code}{said}"

    def _log(self, name: str) -> Path:
        return self._logs / f"{name}.log"

    def _end_all(self) -> None:
        """Ask all to end, the last one started when the others have, as they may still talk to it."""
        alive = [process for process in self._running.values() if process.poll() is None]
        until = time.monotonic() + END_S
        for group in (alive[:-1], alive[-1:]):
            for process in group:
                process.terminate()
            for process in group:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(max(0.05, until - SPARE_S - time.monotonic()))
            until += SPARE_S
        for process in alive:
            if process.poll() is None:
                screen.print(f"process {process.pid} did not end in {END_S} s and is killed")
                process.kill()
                process.wait()
        for listener in self._listeners:
            listener.join(SPARE_S)
        for process in self._running.values():
            for pipe in (process.stdin, process.stdout):
                if pipe:
                    pipe.close()


def _listen(process: subprocess.Popen[bytes], ready: threading.Event) -> None:
    """Take what a part prints, so that it never waits for us; its first words are that it is ready."""
    assert process.stdout
    number = process.stdout.fileno()
    with suppress(OSError):
        while os.read(number, 4096):
            ready.set()


def _missing(address: str) -> str | None:
    """Ask the api why it cannot do its work."""
    try:
        with DIRECTLY.open(f"{address}readyz", timeout=ANSWER_S):
            return None
    except urllib.error.HTTPError as error:
        with error:
            return str(_detail(error.read()) or f"{address}readyz answers {error.code}")
    except OSError as error:
        return f"{address}readyz does not answer ({error})"


def _detail(answer: bytes) -> object:
    try:
        said = json.loads(answer)
    except ValueError:
        return None
    return said.get("detail") if isinstance(said, dict) else None


def without_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without what would beat a settings file that we write ourselves."""
    return {
        name: value
        for name, value in environment.items()
        if not name.upper().startswith(PREFIX) or name.upper().startswith(OTHER_VARIABLES)
    }


def address_of(host: str, port: int) -> str:
    """Return the address of a dashboard; IPv6 goes in brackets."""
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def is_free(host: str, port: int) -> bool:
    """Say whether a server could listen there."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        if os.name == "posix":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_port(wish: int, tries: int, taken: set[int]) -> int:
    """Return the wished port or the next free one, and remember it as taken.

    Raises:
        Problem: None of `tries` ports is free.
    """
    for port in range(wish, min(wish + tries, 65536)):
        if port not in taken and is_free("127.0.0.1", port):
            taken.add(port)
            return port
    raise Problem(f"no port from {wish} to {wish + tries - 1} is free: end what uses them or give another --port")


def require_free_port(host: str, port: int, what: str, variable: str, key: str) -> None:
    """Complain if a port is taken.

    Raises:
        Problem: It is.
    """
    if not is_free(host, port):
        raise Problem(
            f"port {port} for {what} is taken, perhaps by another Kinestream: "
            f"end that, or set {key} in kinestream.toml (or {variable}) to another port"
        )
