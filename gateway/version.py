"""Which Kinestream this is."""

import importlib.metadata


def version() -> str:
    """Return the installed version."""
    return importlib.metadata.version("kinestream")
