"""Write the locks: what runs, the simulators' extra, what develops, the benchmarks' peers. Called by `make lock`."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
UV = Path(sys.executable).with_name("uv")
STAGES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("run.txt", ()),
    ("sim.txt", ("--extra", "radio-sim", "-c", "run.txt")),
    ("dev.txt", ("--extra", "radio-sim", "--group", "../pyproject.toml:dev", "-c", "sim.txt")),
    ("bench.txt", ("--group", "../pyproject.toml:bench", "-c", "dev.txt")),
)
OPTIONS = (
    "--quiet",
    "--upgrade",
    "--universal",
    "--python-version=3.11",
    "--generate-hashes",
    "--no-emit-index-url",
    "--no-annotate",
    "--no-header",
)

for name, more in STAGES:
    command = [str(UV), "pip", "compile", *OPTIONS, "../pyproject.toml", "build.in", *more, "-o", name]
    subprocess.run(command, cwd=HERE, check=True)
