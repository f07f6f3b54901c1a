"""The trials of BROAD that a script was told to measure on."""

import sys
from pathlib import Path
from typing import NoReturn

from gateway.files.broad import Trial, find_trials, read_trial
from gateway.files.problem import ImportProblem


def trials_of(script: str, least: int = 1) -> list[Trial]:
    """Return the trials of the folder that the command line names; ends with a sentence and 2 where it cannot."""
    if len(sys.argv) != 2:
        fail(f"usage: python -m {script} DIR")
    try:
        trials = [read_trial(path) for path in find_trials(Path(sys.argv[1]))]
    except ImportProblem as problem:
        fail(str(problem))
    if len(trials) < least:
        fail(f"{len(trials)} trial is too few: {least} are the least")
    return trials


def fail(sentence: str) -> NoReturn:
    """End with 2."""
    print(sentence, file=sys.stderr)
    raise SystemExit(2)
