"""Running the command line as its user does, and reading what it says."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
KINESTREAM = [sys.executable, "-c", "from api.commands import main; main()"]


def environment(home: Path, **variables: str) -> dict[str, str]:
    """Return the variables of a command in a home of its own."""
    return {"PATH": "/usr/bin:/bin", "KINESTREAM_HOME": str(home / "data"), "PYTHONPATH": str(ROOT)} | variables


def kinestream(*arguments: object, home: Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run a command in a home of its own and check its exit code."""
    done = subprocess.run(
        [*KINESTREAM, *map(str, arguments)],
        capture_output=True, text=True, timeout=110, check=False, cwd=home, env=environment(home),
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    return done


def one_sentence(done: subprocess.CompletedProcess[str]) -> str:
    """Return what was said of a mistake: one line, no traceback."""
    said = done.stderr.strip()
    assert said.startswith("kinestream: ")
    assert "\n" not in said
    return said
