"""The worked examples of docs/devices/open-profile.md, held against the code that they describe."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from devices.chunks import BatteryChunk, ButtonChunk, EmgChunk, ImuChunk
from devices.open_profile import (
    CONTROL,
    DATA,
    DESCRIPTION,
    DRIVER,
    EVENT,
    Encoder,
    OpenStream,
    describe,
    encode,
    parse_description,
)
from devices.open_profile.driver import IDENTIFY, START, STOP, haptic, set_rate
from devices.profile import BATTERY_LEVEL, Buzz, StreamOptions, Write

DOCUMENT = Path(__file__).parents[3] / "docs" / "devices" / "open-profile.md"
EXAMPLE = re.compile(r"```hex (\w+)\n(.*?)```\n```json\n(.*?)```", re.DOTALL)
CHARACTERISTICS = {
    "description": DESCRIPTION,
    "data": DATA,
    "battery": BATTERY_LEVEL,
    "event": EVENT,
    "control": CONTROL,
}


def examples(kind: str) -> list[tuple[bytes, dict[str, Any]]]:
    found = EXAMPLE.findall(DOCUMENT.read_text(encoding="utf-8"))
    return [(bytes.fromhex(data), json.loads(meaning)) for name, data, meaning in found if name == kind]


def described() -> tuple[bytes, list[OpenStream]]:
    ((data, meaning),) = examples("description")
    return data, [
        OpenStream(**(stream | {"fields": tuple(stream["fields"]), "scales": tuple(stream["scales"])}))
        for stream in meaning["streams"]
    ]


def test_every_block_of_bytes_is_an_example_of_a_known_kind() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert len(EXAMPLE.findall(text)) == text.count("```hex") >= 11
    assert {name for name, _, _ in EXAMPLE.findall(text)} == set(CHARACTERISTICS)


def test_the_description_is_what_its_bytes_say() -> None:
    data, streams = described()
    assert describe(streams) == data
    assert parse_description(data) == tuple(streams)


def test_the_data_are_what_their_bytes_say() -> None:
    parser = DRIVER.parser(StreamOptions())
    parser.feed(DESCRIPTION, described()[0])
    for data, meaning in examples("data"):
        (chunk,) = parser.feed(DATA, data)
        assert isinstance(chunk, ImuChunk | EmgChunk)
        assert chunk.timing.lost == meaning["lost"]
        assert (None if chunk.timing.ticks is None else chunk.timing.ticks.tolist()) == meaning["t"]
        for name in meaning.keys() & {"acc", "gyr", "emg"}:
            expected = np.array(meaning[name], dtype=float)
            np.testing.assert_allclose(getattr(chunk, name), expected, rtol=1e-6)
    assert parser.skipped == 0


def test_the_encoder_makes_the_same_bytes_of_the_data() -> None:
    streams = described()[1]
    for data, meaning in examples("data"):
        encoder = Encoder(streams)
        encoder.skip(meaning["stream"], meaning["sequence"])
        fields = {name: np.array(meaning[name], dtype=float) for name in meaning.keys() & {"acc", "gyr", "emg"}}
        assert encoder.packets(meaning["stream"], meaning["t"], fields) == [data]


def test_battery_and_event_are_what_their_bytes_say() -> None:
    ((battery, level),) = examples("battery")
    ((event, press),) = examples("event")
    assert encode(BatteryChunk(level["percent"])) == [(BATTERY_LEVEL, battery)]
    assert encode(ButtonChunk(press["action"], press["count"])) == [(EVENT, event)]


def test_control_writes_are_what_their_bytes_say() -> None:
    stream = described()[1][0]
    for data, meaning in examples("control"):
        writes = {
            "start": START,
            "stop": STOP,
            "identify": IDENTIFY,
            "haptic": haptic(Buzz(meaning.get("duration_s", 0), meaning.get("strength", 0))),
            "rate": set_rate(stream, meaning.get("rate_hz", 1)),
        }
        assert writes[meaning["do"]] == Write(CONTROL, data)
        assert DRIVER.permits(Write(CONTROL, data))


def test_the_document_names_the_uuid() -> None:
    assert DESCRIPTION.replace("0002", "xxxx", 1) in DOCUMENT.read_text(encoding="utf-8")


def test_the_python_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (source,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, Any] = {}
    exec(source, names)
    assert names["encoder"].description == describe([OpenStream(1, "imu", ("acc", "gyr"), 100.0)])
