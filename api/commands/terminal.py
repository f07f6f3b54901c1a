"""Talking to the person at the terminal: problems in one sentence, progress bars, tables."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from gateway.settings import Settings, SettingsProblem, load

screen = Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else 120)
"""For people; results for programs go to standard output."""

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", help="Settings file; default: kinestream.toml in this folder, if there is one."),
]
DataDirOption = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Folder of the sessions; default: the platform's folder for user data."),
]


class Problem(Exception):
    """Why a command cannot go on; the message is one sentence that says how to mend it."""

    def __init__(self, sentence: str, code: int = 2) -> None:
        """Keep what to say.

        code: Exit code; 2: something for the user to mend, 1: our fault.
        """
        super().__init__(sentence)
        self.code = code


def complain(sentence: str) -> None:
    """Print a problem."""
    print(f"kinestream: {sentence}", file=sys.stderr)


def trouble_with(root: Path) -> str | None:
    """Say in one sentence why a data folder cannot be used, after making it if it is missing; None if it can."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        probe = root / f".probe-{os.getpid()}"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        return unusable(root, error)
    return None


def unusable(root: Path, error: OSError) -> str:
    """Say in one sentence that a data folder cannot be used, and what to do."""
    why = error.strerror or error
    return f"the data folder {root} cannot be used ({why}): choose another with --data-dir or KINESTREAM_HOME"


def require_folder(root: Path) -> Path:
    """Return a data folder as an absolute path.

    Raises:
        Problem: It cannot be used.
    """
    if trouble := trouble_with(root):
        raise Problem(trouble)
    return root.absolute()


def settings_of(config: Path | None, data_dir: Path | None = None, **sections: object) -> Settings:
    """Load the settings for a command.

    Raises:
        Problem: They cannot be used.
    """
    overrides: dict[str, object] = {name: section for name, section in sections.items() if section}
    if data_dir is not None:
        overrides["data_dir"] = data_dir
    try:
        return load(config, overrides)
    except SettingsProblem as problem:
        raise Problem(str(problem)) from None


def show_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table whose first column, by which one names things, is never cut."""
    cells = [[Text("" if cell is None else str(cell)) for cell in row] for row in rows]  # names may hold brackets
    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, column in enumerate(columns):
        widest = max([len(column), *(len(row[number]) for row in cells)])
        table.add_column(column, no_wrap=number == 0, overflow="fold", min_width=widest if number == 0 else None)
    for row in cells:
        table.add_row(*row)
    screen.print(table)


@contextmanager
def progress_bar(title: str) -> Iterator[Callable[[float], None]]:
    """Show a bar while something long runs; yields the function that takes the fraction done."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=screen, transient=True) as progress:
        task = progress.add_task(title, total=1.0)
        yield lambda fraction: progress.update(task, completed=min(max(fraction, 0.0), 1.0))
