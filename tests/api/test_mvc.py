"""`kinestream mvc`: against a gateway on a real broker, and on the real store."""

import asyncio
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from fusion.estimates import Event
from gateway.store.home import SqliteHome
from gateway.store.interface import SessionInfo
from tests.api.running import KINESTREAM, environment, kinestream, one_sentence
from tests.api.test_commands import answering

START = 1_790_000_000_000_000_000
BICEPS = "biceps_left"
GOOD = {
    "muscle": BICEPS, "trial": 1, "value": 2e-4, "best": 2e-4, "unit": "V", "again": True, "reason": "trial 1 of 3"
}  # fmt: skip
BAD = {**GOOD, "value": None, "reason": "it did not contract clearly"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with a session whose biceps was measured, and one without."""
    given = {"muscle": BICEPS, "by": "mvc", "value": 2e-4, "unit": "V", "trials": [1.5e-4, 2e-4]}
    with SqliteHome(tmp_path / "data") as store:
        for n, (name, events) in enumerate((("one", [Event(START, "normalised", data=given)]), ("two", []))):  # type: ignore[arg-type]
            writer = store.create(SessionInfo(name, "", None, "live", "recording", START + n, None, "local", "0"), {})
            writer.write([], events)
            writer.close("complete")
    return tmp_path


async def run(root: Path, port: int, *arguments: str) -> tuple[int, str, str]:
    """Run a command against the broker and return its exit code and what it said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, *KINESTREAM[1:], "mvc", *arguments, cwd=root,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env=environment(root, KINESTREAM_BUS__PORT=str(port)),
    )  # fmt: skip
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def measured(gateway: Any, root: Path, port: int, event: Mapping[str, Any], name: str, *arguments: str) -> Any:
    """Run a command that measures; the gateway tells the event half a second after it was asked."""

    def reply(command: Mapping[str, Any]) -> Mapping[str, Any]:
        telling.append(asyncio.create_task(tell()))
        return {"ok": True, "muscles": [BICEPS]}

    async def tell() -> None:
        await asyncio.sleep(0.5)
        await gateway.send("live/events", {"t": START, "end": START, "name": name, "data": event}, qos=1)

    telling: list[asyncio.Task[None]] = []
    async with answering(gateway, reply):
        return await run(root, port, *arguments)


async def test_a_trial_is_asked_and_its_result_told_to_people_and_programs(gateway, broker, home) -> None:
    code, out, err = await measured(gateway, home, broker, GOOD, "mvc", "trial", BICEPS, "--seconds", "1")
    assert (code, json.loads(out)) == (0, {"results": [GOOD]})
    assert f"{BICEPS}: 200.0 uV: trial 1 of 3" in err
    (asked,) = gateway.commands
    assert {**asked, "id": None} == {
        "id": None, "do": "calibrate", "what": "mvc", "muscles": [BICEPS], "seconds": 1.0
    }  # fmt: skip


async def test_a_trial_that_does_not_count_ends_with_2_and_the_reason(gateway, broker, home) -> None:
    code, _, err = await measured(gateway, home, broker, BAD, "mvc", "trial", BICEPS, "--seconds", "1")
    assert code == 2
    assert f"{BICEPS}: nothing: it did not contract clearly" in err
    assert "repeat" in err.splitlines()[-1]


async def test_a_rest_shows_noise_and_grade(gateway, broker, home) -> None:
    data = {"muscle": BICEPS, "rms": 4.2e-6, "unit": "V", "grade": "good", "reason": ""}
    code, _, err = await measured(gateway, home, broker, data, "rest", "rest")
    assert (code, f"{BICEPS}: 4.2 uV: good" in err) == (0, True)


async def test_what_a_gateway_refuses_and_samples_that_do_not_come_are_said(gateway, broker, home) -> None:
    async with answering(gateway, lambda _: {"ok": False, "kind": "unknown", "error": "no sensor gives EMG of x"}):
        code, _, err = await run(home, broker, "trial", "x")
    assert (code, err) == (2, "kinestream: no sensor gives EMG of x\n")
    async with answering(gateway, lambda _: {"ok": True, "muscles": [BICEPS]}):
        code, _, err = await run(home, broker, "trial", BICEPS, "--seconds", "1")
    assert (code, f"no samples of {BICEPS} came" in err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        (("use", "one"), {"what": "mvc_given", "from_session": "one"}),
        (("use", "last", "--muscle", BICEPS), {"what": "mvc_given", "from_session": "two", "muscles": [BICEPS]}),
        (("stop",), {"what": "mvc_stop"}),
        (("forget", BICEPS), {"what": "mvc_forget", "muscles": [BICEPS]}),
    ],
)
async def test_commands_without_a_result(gateway, broker, home, arguments, asked) -> None:
    async with answering(gateway, lambda _: {"ok": True, "muscles": [BICEPS]}):
        code, _, err = await run(home, broker, *arguments)
    assert code == 0, err
    assert [{k: v for k, v in c.items() if k not in ("id", "do")} for c in gateway.commands] == [asked]


def test_what_a_session_has_is_shown(home: Path) -> None:
    shown = kinestream("mvc", "show", "one", home=home).stderr
    assert all(part in shown for part in (BICEPS, "200.0 uV", "150.0 uV", "mvc"))
    (one,) = json.loads(kinestream("mvc", "show", "one", "--json", home=home).stdout)["mvc"]
    assert (one["muscle"], one["value"], one["trials"]) == (BICEPS, 2e-4, [1.5e-4, 2e-4])
    assert "session two has none" in kinestream("mvc", "show", home=home).stderr
    assert "there is no session on" in one_sentence(kinestream("mvc", "show", "on", home=home, code=2))


def test_the_help_teaches_the_protocol_and_nothing_runs_is_said(home: Path) -> None:
    said = " ".join(kinestream("mvc", "--help", home=home).stdout.split())
    for part in ("maximum voluntary contractions", "three trials", "60 s or more", "half second", "above 1"):
        assert part in said, part
    (home / "kinestream.toml").write_text("[bus]\nport = 1\n")
    assert "kinestream serve" in one_sentence(kinestream("mvc", "trial", BICEPS, home=home, code=2))
