"""The home of derived series in InfluxDB: line protocol in, InfluxQL out, the pair that versions 1.8, 2 and 3 share.

Writing goes through influxdb-client, except to servers before 1.8, which know `/write` only; the server's version is
asked once. Reading is plain HTTP at `/query`, because the client speaks Flux there.
"""

import json
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from influxdb_client import InfluxDBClient, WritePrecision
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.rest import ApiException
from numpy.typing import NDArray
from urllib3.exceptions import HTTPError

from fusion.estimates import Batch, Event
from gateway.store.influx_lines import Address, address, batch_lines, event_line, series_of
from gateway.store.interface import SeriesData, SeriesInfo
from gateway.store.reader import UnknownSeries

TIMEOUT_S = 10.0
PAGE = 5000
"""Lines in one request, as InfluxDB recommends."""
FIELDS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "joint_angle": (("joint", "side"), ("deg",)),
    "orientation": (("segment", "side"), ("w", "x", "y", "z")),
    "emg": (("muscle", "side"), ("envelope_v", "envelope_counts", "activation")),
    "sensor_health": (("sensor",), ("quality",)),
}
"""Measurement to its own tags and its fields."""


class InfluxProblem(OSError):
    """The database did not take or give what was asked."""


@dataclass(frozen=True, slots=True)
class InfluxAddress:
    """Which database, and how to be let in."""

    url: str = "http://127.0.0.1:8086"
    token: str = ""
    org: str = "kinestream"
    bucket: str = "kinestream"
    """The bucket; of version 1 the database."""


class InfluxHome:
    """Derived series and events of the sessions of one gateway."""

    def __init__(self, server: InfluxAddress, gateway: str, subject_of: Callable[[str], str | None]) -> None:
        """Prepare; nothing is asked of the server yet.

        Args:
            subject_of: Returns the subject of a session, for the tags.
        """
        self._server = server
        self._gateway = gateway
        self._subject_of = subject_of
        self._write: Callable[[list[str]], None] | None = None
        self._client: InfluxDBClient | None = None

    def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            self._client.close()

    def write(self, session: str, batches: Sequence[Batch], events: Sequence[Event]) -> None:
        """Store rows durably before returning; raises `InfluxProblem`."""
        origin = {"gateway": self._gateway, "session": session, "subject": self._subject_of(session) or ""}
        lines = [line for batch in batches for line in batch_lines(batch, origin)]
        lines += [event_line(event, origin) for event in events]
        if self._write is None:
            self._write = self._way_to_write()
        for at in range(0, len(lines), PAGE):
            self._write(lines[at : at + PAGE])

    def series(self, session: str) -> list[SeriesInfo]:
        """List what is stored of a session."""
        found = []
        for measurement, (tags, fields) in FIELDS.items():
            for field in fields:
                found += self._described(session, measurement, tags, field)
        return sorted(found, key=lambda info: (info.topic, info.name))

    def read(
        self, session: str, name: str, start: int | None = None, stop: int | None = None, max_points: int | None = None
    ) -> SeriesData:
        """Return a series from start (inclusive) to stop (exclusive); raises `UnknownSeries`."""
        where, unit, info = self._find(session, name)
        begin, end = info.first if start is None else start, info.last + 1 if stop is None else stop
        condition = f"{_condition(session, where)} AND time >= {begin} AND time < {end}"
        if max_points is not None and self._count(where, condition) > max_points:
            width = -(-max(min(end, info.last + 1) - max(begin, info.first), 1) // max_points)
            offset = max(begin, info.first) % width
            rows = self._rows(
                f'SELECT MIN("{where.field}"), MAX("{where.field}") FROM "{where.measurement}" WHERE {condition}'
                f" GROUP BY time({width}ns, {offset}ns) fill(none)"
            )
            t, low, high = _columns(rows, 3)
            return SeriesData(name, unit, t, minimum=low, maximum=high)
        rows = self._rows(f'SELECT "{where.field}" FROM "{where.measurement}" WHERE {condition}')
        t, value = _columns(rows, 2)
        return SeriesData(name, unit, t, value=value)

    def events(self, session: str, start: int | None = None, stop: int | None = None) -> Iterator[Event]:
        """Return the events that begin in the interval, in order of time."""
        limits = [f"time >= {start}"] if start is not None else []
        limits += [f"time < {stop}"] if stop is not None else []
        condition = " AND ".join([f"session = {_literal(session)}", *limits])
        for t, name, end, data in self._rows(f'SELECT "name", "end", "data" FROM "event" WHERE {condition}'):
            yield Event(t, name, end, json.loads(data))

    def _described(self, session: str, measurement: str, tags: Sequence[str], field: str) -> list[SeriesInfo]:
        """Describe the series of one field of a session."""
        tail = f'FROM "{measurement}" WHERE session = {_literal(session)} GROUP BY {", ".join(tags)}'
        totals = self._groups(f'SELECT COUNT("{field}"), MIN("{field}"), MAX("{field}") {tail}')
        firsts = self._groups(f'SELECT FIRST("{field}") {tail}')
        lasts = self._groups(f'SELECT LAST("{field}") {tail}')
        out = []
        for key, (_, count, low, high) in totals.items():
            name, topic, unit = series_of(measurement, dict(zip(tags, key, strict=True)), field)
            first, last = firsts[key][0], lasts[key][0]
            rate_hz = (count - 1) * 1e9 / (last - first) if last > first else 0.0
            out.append(SeriesInfo(name, topic, unit, rate_hz, count, first, last, low, high))
        return out

    def _find(self, session: str, name: str) -> tuple[Address, str, SeriesInfo]:
        known = self.series(session)
        for info in known:
            if info.name == name:
                return address(name, info.unit), info.unit, info
        raise UnknownSeries(session, name, [info.name for info in known])

    def _count(self, where: Address, condition: str) -> int:
        rows = self._rows(f'SELECT COUNT("{where.field}") FROM "{where.measurement}" WHERE {condition}')
        return int(rows[0][1]) if rows else 0

    def _rows(self, query: str) -> list[Any]:
        """Return the rows of a query without groups, each with its time [ns] first."""
        return [row for series in self._query(query) for row in series["values"]]

    def _groups(self, query: str) -> dict[tuple[str, ...], Any]:
        """Return the one row of each group by the values of its tags."""
        return {tuple(series["tags"].values()): series["values"][0] for series in self._query(query)}

    def _query(self, query: str) -> list[Any]:
        parameters = urllib.parse.urlencode({"db": self._server.bucket, "q": query, "epoch": "ns"})
        answer = json.loads(self._http("GET", f"/query?{parameters}")[0])
        result = answer["results"][0]
        if "error" in result:
            raise InfluxProblem(f"InfluxDB at {self._server.url} refused a query: {result['error']}")
        series: list[Any] = result.get("series", [])
        return series

    def _way_to_write(self) -> Callable[[list[str]], None]:
        """Ask the server which of the two ways it knows."""
        version = self._http("GET", "/ping")[1].get("X-Influxdb-Version", "")
        found = re.match(r"v?1\.(\d+)", version)
        return self._write_1 if found and int(found[1]) < 8 else self._write_2

    def _write_1(self, lines: list[str]) -> None:
        parameters = urllib.parse.urlencode({"db": self._server.bucket, "precision": "ns"})
        self._http("POST", f"/write?{parameters}", "\n".join(lines).encode())

    def _write_2(self, lines: list[str]) -> None:
        server = self._server
        if self._client is None:
            self._client = InfluxDBClient(server.url, server.token, org=server.org, timeout=round(TIMEOUT_S * 1000))
        try:
            self._client.write_api(SYNCHRONOUS).write(server.bucket, server.org, lines, WritePrecision.NS)
        except (ApiException, HTTPError) as error:
            raise InfluxProblem(f"InfluxDB at {server.url} did not take the data: {error}") from error

    def _http(self, method: str, path: str, body: bytes | None = None) -> tuple[bytes, Mapping[str, str]]:
        headers = {"Authorization": f"Token {self._server.token}"} if self._server.token else {}
        request = urllib.request.Request(f"{self._server.url}{path}", body, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
                return answer.read(), answer.headers
        except urllib.error.HTTPError as error:
            with error:
                reason = error.read().decode(errors="replace").strip()
            raise InfluxProblem(f"InfluxDB at {self._server.url} answered {error.code}: {reason}") from error
        except OSError as error:
            raise InfluxProblem(f"InfluxDB at {self._server.url} cannot be reached: {error}") from error


def _condition(session: str, where: Address) -> str:
    tags = {"side": "", **dict(where.tags)} if where.measurement != "sensor_health" else dict(where.tags)
    return " AND ".join(f'"{key}" = {_literal(value)}' for key, value in {"session": session, **tags}.items())


def _literal(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _columns(rows: list[Any], width: int) -> tuple[Any, ...]:
    """Return the time column as int64 and the others as float64."""
    table: list[NDArray[Any]] = [np.array([row[0] for row in rows], np.int64)]
    return (*table, *(np.array([row[i] for row in rows], np.float64) for i in range(1, width)))
