"""What every gateway last said of itself: its sensors, what it records, what it replays.

A gateway that said goodbye (its last will), or whose broker is away, stays in the list as offline and its sensors as
lost, so that a screen shows what is missing instead of a picture that has stopped.
"""

from collections.abc import Iterator, Mapping

from fusion.estimates import Json

Status = Mapping[str, Json]
GATEWAY_LIMIT = 64
"""Most gateways that one API process shows; further ones are ignored."""


class Gateways:
    """The latest status of each gateway, by its id."""

    def __init__(self) -> None:
        self._statuses: dict[str, Status] = {}

    def __contains__(self, gateway: str) -> bool:
        return gateway in self._statuses

    def __getitem__(self, gateway: str) -> Status:
        return self._statuses[gateway]

    def statuses(self) -> list[Status]:
        """Return all, in order of id."""
        return [self._statuses[gateway] for gateway in sorted(self._statuses)]

    def update(self, gateway: str, status: Status) -> Status | None:
        """Take over a status; returns it as it is to be shown, None if there are too many gateways."""
        if gateway not in self._statuses and len(self._statuses) >= GATEWAY_LIMIT:
            return None
        shown = {**status, "gateway": gateway}
        self._statuses[gateway] = shown if is_online(shown) else _offline(self._statuses.get(gateway, shown))
        return self._statuses[gateway]

    def forget(self, gateway: str) -> None:
        """Remove a gateway whose retained status was cleared."""
        self._statuses.pop(gateway, None)

    def lose_all(self) -> list[Status]:
        """Mark all as offline because the broker is away; returns what changed."""
        changed = [gateway for gateway, status in self._statuses.items() if is_online(status)]
        for gateway in changed:
            self._statuses[gateway] = _offline(self._statuses[gateway])
        return [self._statuses[gateway] for gateway in changed]

    def default(self) -> str | None:
        """Return the gateway that is meant when none is named: the first that is online, else the first."""
        online = [gateway for gateway in sorted(self._statuses) if is_online(self._statuses[gateway])]
        return next(iter(online or sorted(self._statuses)), None)

    def playing(self, session: str) -> str | None:
        """Return the gateway that records or replays a session now."""
        for gateway, status in self._statuses.items():
            if status.get("session") == session or any(
                replay.get("id") == session for replay in parts(status, "replays")
            ):
                return gateway
        return None

    def of_sensor(self, sensor: str) -> tuple[str, Status] | None:
        """Return the gateway that knows a sensor, and the sensor's own entry; one that is online wins."""
        found = [(gateway, entry) for gateway, entry in self.sensors() if entry.get("id") == sensor]
        found.sort(key=lambda pair: not is_online(self._statuses[pair[0]]))
        return next(iter(found), None)

    def sensors(self) -> Iterator[tuple[str, Status]]:
        """Iterate over the sensors of all gateways."""
        for status in self.statuses():
            for entry in parts(status, "sensors"):
                yield str(status["gateway"]), entry


def is_online(status: Status) -> bool:
    """Say whether a gateway is there."""
    return status.get("online") is True


def session_of(status: Status) -> str | None:
    """Return the session that a gateway publishes now."""
    session = status.get("session")
    return session if isinstance(session, str) else None


def parts(status: Status, key: str) -> list[dict[str, Json]]:
    """Return the objects of a list in a status, leaving out what has another shape."""
    entries = status.get(key)
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


def _offline(status: Status) -> Status:
    sensors: list[Json] = [{**entry, "state": "lost"} for entry in parts(status, "sensors")]
    return {**status, "online": False, "sensors": sensors, "replays": []}
