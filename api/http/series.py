"""Recorded series and events: what there is, and stretches of it as JSON, CSV or Arrow."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Header, Path, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict

from api.history import Stretch, finite, moment, points_in, seconds
from api.http.errors import ApiError, invalid, responses
from api.http.examples import EVENTS, SERIES, SERIES_BOUNDS, SERIES_LIST
from api.http.sessions import SessionId
from api.http.tables import MEDIA_TYPES, Format, chosen, encode
from gateway.store.home import SqliteHome
from gateway.store.interface import SeriesHome, SeriesInfo

POINTS_LIMIT = 2_000_000
"""Most points in one answer: ten hours at 60 Hz, some 40 MB of JSON."""
WHEN = "Seconds from the session's start, or ISO 8601."
From = Annotated[str | None, Query(alias="from", max_length=64, description=WHEN, examples=["12.5"])]
To = Annotated[str | None, Query(max_length=64, description=f"{WHEN} Not included.", examples=["2026-11-22T23:12:00Z"])]
SeriesName = Annotated[str, Path(max_length=128, description="As in the list.", examples=["knee_flexion_left"])]
ANSWERS: dict[int | str, dict[str, object]] = {
    200: {
        "description": "The points; `t`, `min`, `max` where `max_points` is fewer than there are.",
        "content": {
            "application/json": {
                "examples": {"points": {"value": SERIES}, "bounds": {"value": SERIES_BOUNDS}},
            },
            "text/csv": {"schema": {"type": "string"}, "example": "t,value\n0,4.1\n0.016667,\n"},
            "application/vnd.apache.arrow.stream": {"schema": {"type": "string", "format": "binary"}},
        },
    }
}


class Series(BaseModel):
    """One stored series."""

    name: str
    topic: str
    unit: str
    rate_hz: float
    n: int
    t0: float
    """First point [s from the session's start]."""
    t1: float
    min: float | None
    """None where no point has a value."""
    max: float | None


class SeriesList(BaseModel):
    """What is stored of a session."""

    model_config = ConfigDict(json_schema_extra={"example": SERIES_LIST})
    series: list[Series]


class Event(BaseModel):
    """Something that happened."""

    t: float
    """Seconds from the session's start."""
    end: float | None
    """None for an instant."""
    name: str
    data: Mapping[str, object]


class Events(BaseModel):
    """What happened in a session, in order of time."""

    model_config = ConfigDict(json_schema_extra={"example": EVENTS})
    events: list[Event]


def router(home: SqliteHome, stored: SeriesHome) -> APIRouter:
    """Return the routes; they are plain functions, which FastAPI runs in threads.

    Args:
        home: Knows the sessions.
        stored: Knows their series; the same object unless they are kept in InfluxDB.
    """
    routes = APIRouter(tags=["sessions"])

    @routes.get(
        "/sessions/{session}/series", operation_id="listSeries", summary="Stored series", responses=responses(404, 422)
    )
    def series(session: SessionId) -> SeriesList:
        started = _started(home, session)
        return SeriesList(series=[_described(info, started) for info in stored.series(session)])

    @routes.get(
        "/sessions/{session}/series/{name}",
        operation_id="readSeries",
        summary="A stretch of one series",
        response_class=Response,
        responses=ANSWERS | responses(404, 413, 422),
    )
    def read(
        session: SessionId,
        name: SeriesName,
        begin: From = None,
        to: To = None,
        max_points: Annotated[int | None, Query(ge=1, le=POINTS_LIMIT, description="Answer at most so many.")] = None,
        format: Annotated[Format | None, Query(description="Wins over the Accept header.")] = None,  # noqa: A002
        accept: Annotated[str, Header(include_in_schema=False)] = "",
    ) -> Response:
        started = _started(home, session)
        stretch = _stretch(begin, to, started)
        if max_points is None:
            _check_size(stored, session, name, stretch)
        data = stored.read(session, name, stretch.start, stretch.stop, max_points)
        form = chosen(format, accept)
        return Response(
            encode(data, started, form), media_type=MEDIA_TYPES[form], headers=_headers(session, name, form)
        )

    @routes.get(
        "/sessions/{session}/events", operation_id="listEvents", summary="Events", responses=responses(404, 422)
    )
    def events(session: SessionId, begin: From = None, to: To = None) -> Events:
        started = _started(home, session)
        stretch = _stretch(begin, to, started)
        return Events(
            events=[
                Event(
                    t=seconds(event.t, started),
                    end=None if event.end is None else seconds(event.end, started),
                    name=event.name,
                    data=event.data,
                )
                for event in stored.events(session, stretch.start, stretch.stop)
            ]
        )

    return routes


def _started(home: SqliteHome, session: str) -> int:
    with home.open(session) as reader:
        return reader.info.started


def _stretch(begin: str | None, to: str | None, started: int) -> Stretch:
    times: dict[str, int | None] = {}
    for parameter, text in (("from", begin), ("to", to)):
        try:
            times[parameter] = None if text is None else moment(text, started)
        except ValueError as error:
            raise invalid(parameter, str(error)) from None
    try:
        return Stretch(times["from"], times["to"])
    except ValueError as error:
        raise invalid("to", str(error)) from None


def _check_size(stored: SeriesHome, session: str, name: str, stretch: Stretch) -> None:
    expected = sum(points_in(info, stretch) for info in stored.series(session) if info.name == name)
    if expected > POINTS_LIMIT:
        raise ApiError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"The series {name} has about {expected} points there, and one answer holds {POINTS_LIMIT}: "
            "ask for a shorter stretch with from and to, or for fewer points with max_points.",
        )


def _described(info: SeriesInfo, started: int) -> Series:
    return Series(
        name=info.name,
        topic=info.topic,
        unit=info.unit,
        rate_hz=info.rate_hz,
        n=info.count,
        t0=seconds(info.first, started),
        t1=seconds(info.last, started),
        min=finite(info.minimum),
        max=finite(info.maximum),
    )


def _headers(session: str, name: str, form: Format) -> dict[str, str]:
    """Let a browser save CSV and Arrow under a name that says what they are, and caches tell the formats apart."""
    plain = "".join(letter if (letter.isalnum() and letter.isascii()) or letter in "_-" else "_" for letter in name)
    saved = {} if form == "json" else {"content-disposition": f'attachment; filename="{session}_{plain}.{form}"'}
    return {"vary": "accept", **saved}
