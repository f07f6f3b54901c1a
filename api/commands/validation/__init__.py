"""Commands under `validate`: our methods measured against recordings whose truth is known."""

import typer

from api.commands.validation.joints import joints
from api.commands.validation.orientation import orientation


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(no_args_is_help=True)
    group.command()(orientation)
    group.command()(joints)
    app.add_typer(group, name="validate", help="Measure our methods against recordings whose truth is known.")
