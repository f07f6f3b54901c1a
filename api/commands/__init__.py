"""The command line: `kinestream COMMAND`. Each module holds the commands of one errand."""

import logging
import sys

import typer

from api.commands.calibration import register as register_calibration
from api.commands.mvc import register as register_mvc
from api.commands.service import register as register_service
from api.commands.sessions import register as register_sessions
from api.commands.setup import register as register_setup
from api.commands.terminal import Problem, complain
from api.commands.validation import register as register_validation
from api.commands.visits import register as register_visits

app = typer.Typer(
    name="kinestream",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="Body-worn motion and muscle sensors: joint angles, muscle activation and haptic cues, live.\n\n"
    "Try it without hardware: `kinestream demo`. With sensors: `kinestream scan`, then `kinestream serve`.",
)
for register in (
    register_service,
    register_setup,
    register_visits,
    register_mvc,
    register_sessions,
    register_calibration,
    register_validation,
):
    register(app)


def main() -> None:
    """Run the command line; 0: done, 1: our fault, 2: something for the user to mend."""
    logging.getLogger().addHandler(logging.NullHandler())  # problems are told once, as sentences
    try:
        app()
    except Problem as problem:
        complain(str(problem))
        sys.exit(problem.code)
    except KeyboardInterrupt:
        sys.exit(130)
