"""Where the numbers of `validate` go for programs: a file, or standard output."""

import json
from pathlib import Path

import typer

from api.commands.terminal import Problem

STDOUT = Path("-")


def write(output: Path, numbers: dict[str, object]) -> None:
    """Write a JSON object; raises `Problem` where the file cannot be written."""
    text = json.dumps(numbers, allow_nan=False)
    if output == STDOUT:
        typer.echo(text)
        return
    try:
        output.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise Problem(f"cannot write {output} ({error.strerror}): choose another file with --json") from None
