"""`kinestream validate orientation`: our orientation methods, and others, against the optical truth of BROAD.

What computes is imported where it is used, so that `--help` is quick.
"""

from collections.abc import Sequence
from dataclasses import asdict, astuple
from itertools import groupby
from math import isfinite
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.commands.terminal import Problem, complain, progress_bar, screen, show_table
from api.commands.validation.output import STDOUT, write
from gateway.version import version

if TYPE_CHECKING:
    from api.commands.validation.contenders import Contender, Mean, Result, Score

SOURCE = "BROAD, doi:10.3390/data6070072"
COLUMNS = ("total", "heading", "incl.", "6-axis drift", "6-axis incl.", "ns")


def orientation(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A BROAD checkout, or a folder with its .hdf5 files.")],
    method: Annotated[
        list[str] | None, typer.Option(help="Measure this method of ours, such as madgwick; repeatable; default: all.")
    ] = None,
    with_peers: Annotated[
        bool, typer.Option("--peers", help="Also the libraries vqf, ahrs and imufusion, those that are installed.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the numbers for programs; - prints them only.")
    ] = None,
) -> None:
    """Measure the orientation methods against the optical truth of the BROAD benchmark.

    Get its trials with `git clone https://github.com/dlaidig/broad`, then `kinestream validate orientation broad`.

    Per trial and method: root mean square errors [deg] while the sensor moves, as Laidig et al. define them
    (doi:10.3390/data6070072): total; heading, the turn about the vertical; inclination, the tilt that remains.
    Then of the estimate without magnetometer how fast the heading drifts [deg/min] and the inclination error [deg],
    and the time that a sample takes with magnetometer [ns]. Means follow, also of the undisturbed and the disturbed.

    A file that cannot be used is named and left out, and the exit code is then 1.
    """
    paths = _trials(folder)
    contenders = _contenders(method, with_peers=with_peers)
    if output and output != STDOUT:
        _check_writable(output)
    results, problems = _measure_all(paths, contenders)
    if not results:
        raise Problem(
            problems[0] if len(problems) == 1 else f"no file of {folder} can be used; the first: {problems[0]}"
        )
    if output:
        _write(output, results, problems)
    if output != STDOUT:
        _show(results)
    for problem in problems:
        complain(f"{problem} (left out)")
    if problems:
        raise typer.Exit(1)


def _trials(folder: Path) -> list[Path]:
    from gateway.files.broad import find_trials
    from gateway.files.problem import ImportProblem

    try:
        return find_trials(folder)
    except (ImportProblem, OSError) as problem:
        raise Problem(str(problem)) from None


def _contenders(methods: Sequence[str] | None, *, with_peers: bool) -> "list[Contender]":
    """Return who takes part, and say which library cannot."""
    from api.commands.validation.contenders import ours
    from api.commands.validation.peers import peers
    from fusion.orientation import METHODS

    for name in methods or ():
        if name not in METHODS:
            raise Problem(f"there is no orientation method {name}: choose from {', '.join(METHODS)}")
    others, missing = peers() if with_peers else ([], [])
    if missing:
        screen.print(f"Not installed and left out: {', '.join(missing)}. To compare: pip install {' '.join(missing)}")
    return [*ours(methods or METHODS), *others]


def _check_writable(output: Path) -> None:
    """Find out before the work whether there will be a place for its result."""
    try:
        with output.open("a"):
            pass
    except OSError as error:
        raise Problem(f"cannot write {output} ({error.strerror}): choose another file with --json") from None


def _measure_all(paths: Sequence[Path], contenders: "Sequence[Contender]") -> "tuple[list[Result], list[str]]":
    """Measure one trial after the other; returns what was measured and what is wrong with files."""
    from api.commands.validation.contenders import measure
    from gateway.files.broad import read_trial
    from gateway.files.problem import ImportProblem

    results, problems = [], []
    with progress_bar("measuring") as progress:
        for i, path in enumerate(paths):
            try:
                trial = read_trial(path)
            except ImportProblem as problem:
                problems.append(str(problem))
                continue
            for j, contender in enumerate(contenders):
                results.append(measure(contender, trial))
                progress((i + (j + 1) / len(contenders)) / len(paths))
    return results, problems


def _show(results: "Sequence[Result]") -> None:
    """Print one table for each trial, then for the means: narrow enough for 80 columns, whatever the trials' names."""
    from api.commands.validation.contenders import means

    titled: list[tuple[str, Result | Mean]] = [(result.trial, result) for result in results]
    titled += [(f"mean: {mean.group} ({mean.trials})", mean) for mean in means(results)]
    screen.print("RMS errors while the sensor moves [deg], drift [deg/min], time of a sample [ns]:", markup=False)
    for title, group in groupby(titled, key=itemgetter(0)):
        screen.print(f"\n{title}", style="bold", markup=False)
        show_table(("method", *COLUMNS), [(row.method, *_cells(row.score)) for _, row in group])


def _cells(score: "Score") -> list[str]:
    *errors, ns = astuple(score)
    return [*(f"{error:6.2f}" for error in errors), f"{ns:6.0f}"]


def _write(output: Path, results: "Sequence[Result]", problems: Sequence[str]) -> None:
    from api.commands.validation.contenders import means

    write(
        output,
        {
            "source": SOURCE,
            "version": version(),
            "trials": [_entry(result) for result in results],
            "means": [_entry(mean) for mean in means(results)],
            "problems": list(problems),
        },
    )


def _entry(row: "Result | Mean") -> dict[str, object]:
    """Return a row as one flat object; what is no number is null."""
    words = {name: value for name, value in asdict(row).items() if name != "score"}
    return words | {name: value if isfinite(value) else None for name, value in asdict(row.score).items()}
