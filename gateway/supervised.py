"""Ending with the parent: a part that `serve` or `demo` started must not outlive it, however it dies."""

import os
import sys
import threading
from collections.abc import Callable


def on_end_of_input(stop: Callable[[], None]) -> None:
    """Call `stop` from a thread once standard input closes, which happens when the process that holds it is gone."""

    def watch() -> None:
        # By the descriptor: a thread that waits in the buffered reader makes the interpreter abort when it ends.
        while os.read(sys.stdin.fileno(), 4096):
            pass
        stop()

    threading.Thread(target=watch, name="end of input", daemon=True).start()
