"""The InfluxDB home: its lines by hand, and the same questions as to the SQLite home put to a real server."""

import contextlib
import os
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusion.estimates import Batch, Event
from gateway.store.influx import InfluxAddress, InfluxHome, InfluxProblem
from gateway.store.influx_lines import address, batch_lines, event_line, series_of
from gateway.store.interface import SeriesHome

T0 = 1_790_000_000_000_000_000
MS = 1_000_000
ORIGIN = {"gateway": "local", "session": "20260921-1413-abcd", "subject": "S 01"}
NAMES = [
    ("knee_flexion_left", "deg"),
    ("trunk_inclination", "deg"),
    ("truth_knee_flexion_right", "deg"),
    ("quat_thigh_left_w", "1"),
    ("quat_pelvis_z", "1"),
    ("emg_rectus_femoris_left", "V"),
    ("emg_biceps_brachii_right", "counts"),
    ("activation_rectus_femoris_left", "1"),
    ("quality_posture", "1"),
]


@pytest.mark.parametrize(("name", "unit"), NAMES)
def test_every_series_is_found_again_where_it_was_put(name: str, unit: str) -> None:
    where = address(name, unit)
    assert series_of(where.measurement, {"side": "", **dict(where.tags)}, where.field)[::2] == (name, unit)


def test_lines_follow_the_schema() -> None:
    names = ("knee_flexion_left", "quat_thigh_left_w", "quat_thigh_left_x", "emg_vastus_lateralis_left")
    values = np.array([[12.5, 1.0, 0.25, 1e-7], [np.nan, np.nan, 0.5, np.nan]])
    t = np.array([T0, T0 + 10 * MS])
    lines = list(batch_lines(Batch("joints", t, 10 * MS, names, ("deg", "1", "1", "V"), values), ORIGIN))
    rest = "session=20260921-1413-abcd,side=left,subject=S\\ 01"
    assert lines == [
        f"joint_angle,gateway=local,joint=knee_flexion,{rest} deg=12.5 {T0}",
        f"orientation,gateway=local,segment=thigh,{rest} w=1.0,x=0.25 {T0}",
        f"orientation,gateway=local,segment=thigh,{rest} x=0.5 {T0 + 10 * MS}",
        f"emg,gateway=local,muscle=vastus_lateralis,{rest} envelope_v=1e-07 {T0}",
    ]


def test_an_event_line_quotes_its_data() -> None:
    event = Event(T0, "mark", T0 + 5, {"text": 'said "stop", \\ twice'})
    assert event_line(event, {"gateway": "g", "session": "s", "subject": ""}) == (
        'event,gateway=g,name=mark,session=s data="{\\"text\\":\\"said \\\\\\"stop\\\\\\", \\\\\\\\ twice\\"}"'
        f",end={T0 + 5}i {T0}"
    )


@given(st.text(max_size=20))
def test_no_subject_breaks_out_of_its_tag(subject: str) -> None:
    batch = Batch("joints", np.array([T0]), MS, ("trunk_inclination",), ("deg",), np.array([[1.0]]))
    (line,) = batch_lines(batch, {"subject": subject})
    assert "\n" not in line
    unescaped = line.replace("\\ ", "").replace("\\,", "").replace("\\=", "")
    assert unescaped.split(" ")[-2:] == ["deg=1.0", str(T0)]
    assert unescaped.count(" ") == 2


# A real server


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxAddress]:
    """A server named by KINESTREAM_TEST_INFLUXDB_URL, else one of our own."""
    names = {key: os.environ.get(f"KINESTREAM_TEST_INFLUXDB_{key.upper()}") for key in ("token", "org", "bucket")}
    if url := os.environ.get("KINESTREAM_TEST_INFLUXDB_URL"):
        yield InfluxAddress(url, **{key: value for key, value in names.items() if value is not None})
        return
    folder, port = tmp_path_factory.mktemp("influxdb"), free_port()
    settings = {
        "META_DIR": str(folder / "meta"),
        "DATA_DIR": str(folder / "data"),
        "DATA_WAL_DIR": str(folder / "wal"),
        "HTTP_BIND_ADDRESS": f"127.0.0.1:{port}",
        "BIND_ADDRESS": f"127.0.0.1:{free_port()}",
        "REPORTING_DISABLED": "true",
    }
    environment = {**os.environ, **{f"INFLUXDB_{key}": value for key, value in settings.items()}}
    with subprocess.Popen(["influxd", "-config", os.devnull], env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            address = InfluxAddress(f"http://127.0.0.1:{port}")
            create_database(address)
            yield address
        finally:
            process.terminate()


def create_database(server: InfluxAddress) -> None:
    request = urllib.request.Request(f"{server.url}/query?q=CREATE+DATABASE+{server.bucket}", b"", method="POST")
    end = time.monotonic() + 30
    while True:
        try:
            urllib.request.urlopen(request, timeout=1).close()
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


@pytest.fixture
def home(server: InfluxAddress) -> Iterator[InfluxHome]:
    home = InfluxHome(server, "local", lambda session: "S 01" if session.startswith("2026") else None)
    with contextlib.closing(home):
        yield home


@pytest.mark.needs("influxdb")
def test_series_and_events_come_back_from_a_server(home: InfluxHome) -> None:
    stored: SeriesHome = home
    session = f"2026-{time.monotonic_ns()}"
    t = T0 + np.arange(1000, dtype=np.int64) * 10 * MS
    names, units = zip(*NAMES, strict=True)
    values = np.arange(1000.0)[:, None] + np.arange(len(names)) / 10
    values[500:510, 0] = np.nan
    stored.write(session, [Batch("joints", t, 10 * MS, names, units, values)], [])
    infos = {info.name: info for info in stored.series(session)}
    assert {name: infos[name].unit for name in infos} == dict(NAMES)
    assert infos["knee_flexion_left"].count == 990
    trunk = infos["trunk_inclination"]
    assert (trunk.first, trunk.last, trunk.minimum, trunk.maximum, trunk.topic) == (
        T0,
        int(t[-1]),
        0.1,
        999.1,
        "joints",
    )
    assert trunk.rate_hz == pytest.approx(100)
    for column, name in enumerate(names):
        data = stored.read(session, name, int(t[100]), int(t[200]))
        assert data.value is not None
        np.testing.assert_array_equal(data.t, t[100:200])
        np.testing.assert_allclose(data.value, values[100:200, column])
    for points in (1, 7, 100):
        few = stored.read(session, "trunk_inclination", max_points=points)
        assert few.minimum is not None
        assert few.maximum is not None
        assert 0 < few.t.size <= points
        assert (few.minimum.min(), few.maximum.max()) == (0.1, 999.1)
    with pytest.raises(LookupError, match="no series knee"):
        stored.read(session, "knee")


@pytest.mark.needs("influxdb")
def test_events_of_one_moment_stay_apart(home: InfluxHome) -> None:
    events = [
        Event(T0, "burst", T0 + 5 * MS, {"muscle": "a_left", "peak": 1e-4}),
        Event(T0, "burst", T0 + 6 * MS, {"muscle": "b_left", "peak": 2e-4}),
        Event(T0 + 10 * MS, "mark", None, {"text": 'a "quoted" \\ word'}),
    ]
    session = f"2026-{time.monotonic_ns()}"
    home.write(session, [], events)
    found = list(home.events(session))
    assert sorted(found[:2], key=lambda event: event.end or 0) == events[:2]
    assert found[2] == events[2]
    assert list(home.events(session, T0 + 1)) == events[2:]
    assert list(home.events("another's ' or 1=1")) == []


@pytest.mark.needs("influxdb")
def test_a_refusal_of_the_server_is_said(server: InfluxAddress) -> None:
    elsewhere = InfluxHome(InfluxAddress(server.url, server.token, server.org, "nowhere"), "g", lambda _: None)
    with contextlib.closing(elsewhere), pytest.raises(InfluxProblem, match="nowhere"):
        elsewhere.write("s", [], [Event(T0, "mark")])


def test_a_server_that_is_away_is_said() -> None:
    home = InfluxHome(InfluxAddress(f"http://127.0.0.1:{free_port()}"), "g", lambda _: None)
    with pytest.raises(InfluxProblem, match="cannot be reached"):
        home.write("s", [], [Event(T0, "mark")])


def test_a_newer_server_is_written_by_the_client_with_its_token() -> None:
    seen: list[tuple[str, str | None, bytes]] = []

    class Newer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            seen.append((self.path, self.headers["Authorization"], body))
            self._answer()

        def _answer(self) -> None:
            self.send_response(204)
            self.send_header("X-Influxdb-Version", "v2.7.11")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Newer) as listener:
        thread = threading.Thread(target=listener.serve_forever)
        thread.start()
        address = InfluxAddress(f"http://127.0.0.1:{listener.server_port}", "secret", "clinic", "body")
        with contextlib.closing(InfluxHome(address, "g", lambda _: None)) as home:
            home.write("s", [], [Event(T0, "mark")])
        listener.shutdown()
        thread.join()
    path, token, body = seen[0]
    assert path == "/api/v2/write?org=clinic&bucket=body&precision=ns"
    assert token == "Token secret"
    assert body == f'event,gateway=g,name=mark,session=s data="{{}}" {T0}'.encode()
