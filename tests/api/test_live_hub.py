"""Who follows what: sessions, gateways, and the bounds of what is remembered. No broker is needed for that."""

from typing import Any

import orjson
import pytest

from api.live.gateways import GATEWAY_LIMIT
from api.live.hub import CLIENT_LIMIT, FEED_LIMIT, PAYLOAD_LIMIT, Follower, Hub, TooManyClients


@pytest.fixture
def hub() -> Hub:
    return Hub("1.0")


def status(hub: Hub, gateway: str = "a", session: str = "live", **more: Any) -> None:
    message = {"gateway": gateway, "online": True, "session": session, **more}
    hub.receive(f"kinestream/v1/{gateway}/status", orjson.dumps(message))


def rows(hub: Hub, *names: str, gateway: str = "a", session: str = "live", topic: str = "joints") -> None:
    message = {"t0": 0, "dt": 1, "names": names, "units": ["deg"] * len(names), "values": [[1.0] * len(names)]}
    hub.receive(f"kinestream/v1/{gateway}/{session}/{topic}", orjson.dumps(message))


def texts(follower: Follower) -> list[dict[str, Any]]:
    """Empty the mailbox; return the control messages."""
    found = []
    while (message := follower.mailbox.take()) is not None:
        if isinstance(message, str):
            found.append(orjson.loads(message))
    return found


def frames(follower: Follower) -> int:
    """Empty the mailbox; return how many frames were in it."""
    count = 0
    while (message := follower.mailbox.take()) is not None:
        count += isinstance(message, bytes)
    return count


def test_without_a_gateway_the_session_is_null_until_one_comes(hub) -> None:
    with hub.follow(None, None) as follower:
        assert texts(follower) == [{"hello": {"version": "1.0", "session": None, "channels": [], "gateways": []}}]
        status(hub)
        assert [next(iter(message)) for message in texts(follower)] == ["session", "channels", "status"]
        rows(hub, "x")
        assert frames(follower) == 1


def test_a_newcomer_learns_the_channels_of_a_session_that_nobody_followed(hub) -> None:
    status(hub)
    rows(hub, "x", "y")
    rows(hub, "emg_x", topic="emg")
    assert hub.frames == 0, "nothing is encoded for nobody"
    with hub.follow(None, None) as follower:
        channels = texts(follower)[0]["hello"]["channels"]
    assert [(channel["index"], channel["name"], channel["topic"]) for channel in channels] == [
        (0, "x", "joints"),
        (1, "y", "joints"),
        (2, "emg_x", "emg"),
    ]


def test_a_batch_is_encoded_once_for_all_who_follow(hub) -> None:
    status(hub)
    with hub.follow(None, None) as one, hub.follow("live", "a") as two, hub.follow("other", None) as three:
        rows(hub, "x")
        assert hub.frames == 1
        assert (frames(one), frames(two), frames(three)) == (1, 1, 0)


def test_the_default_is_the_first_gateway_that_is_online_and_stays_when_another_comes(hub) -> None:
    status(hub, "b")
    with hub.follow(None, None) as follower:
        status(hub, "a")
        texts(follower)
        rows(hub, "x", gateway="b")
        assert frames(follower) == 1
        hub.receive("kinestream/v1/b/status", b'{"gateway":"b","online":false}')
        texts(follower)
        rows(hub, "x", gateway="a")
        assert frames(follower) == 1, "its gateway went away, the other one is there"


def test_live_of_one_gateway_is_not_live_of_another(hub) -> None:
    status(hub, "a")
    status(hub, "b")
    with hub.follow("live", "b") as follower:
        rows(hub, "x", gateway="a")
        assert frames(follower) == 0
        rows(hub, "x", gateway="b")
        assert frames(follower) == 1


def test_a_replay_is_found_at_the_gateway_that_plays_it(hub) -> None:
    status(hub, "a")
    status(hub, "b", replays=[{"id": "replay-1", "of": "s"}])
    with hub.follow("replay-1", None) as follower:
        rows(hub, "x", gateway="b", session="replay-1")
        assert frames(follower) == 1


def test_a_session_that_starts_to_stream_after_it_was_asked_for_is_followed(hub) -> None:
    status(hub, "a")
    status(hub, "b")
    with hub.follow("later", None) as follower:
        status(hub, "b", session="later")
        rows(hub, "x", gateway="b", session="later")
        assert frames(follower) == 1


def test_whoever_named_a_session_stays_with_it_when_the_gateway_goes_on_to_another(hub) -> None:
    status(hub, session="s1")
    with hub.follow("s1", None) as follower:
        status(hub, session="s2")
        assert all("session" not in message for message in texts(follower))


def test_losing_the_bus_shows_every_gateway_as_offline_and_its_sensors_as_lost(hub) -> None:
    status(hub, sensors=[{"id": "thigh", "state": "streaming"}], replays=[{"id": "r"}])
    with hub.follow(None, None) as follower:
        texts(follower)
        hub.lose_bus()
        (message,) = texts(follower)
    assert message["status"]["online"] is False
    assert message["status"]["sensors"] == [{"id": "thigh", "state": "lost"}]
    assert message["status"]["replays"] == []
    assert message["status"]["session"] == "live", "what it did stays known"


def test_a_cleared_status_removes_the_gateway(hub) -> None:
    status(hub)
    hub.receive("kinestream/v1/a/status", b"")
    assert hub.gateways.statuses() == []


def test_the_topic_says_which_gateway_it_is_whatever_the_message_says(hub) -> None:
    hub.receive("kinestream/v1/a/status", b'{"gateway":"b","online":true}')
    assert [entry["gateway"] for entry in hub.gateways.statuses()] == ["a"]


def test_what_is_remembered_is_bounded_and_what_is_followed_is_kept(hub) -> None:
    status(hub)
    rows(hub, "first", session="s0")
    with hub.follow("s0", None) as follower:
        for number in range(FEED_LIMIT * 3):
            rows(hub, "x", session=f"s{number + 1}")
            status(hub, f"gateway{number}")
        assert len(hub.gateways.statuses()) == GATEWAY_LIMIT
        assert len(hub._feeds) <= FEED_LIMIT
        texts(follower)
        rows(hub, "first", session="s0")
        assert frames(follower) == 1


def test_a_message_longer_than_any_real_one_is_not_looked_at(hub) -> None:
    hub.receive("kinestream/v1/a/status", b'{"online":true,"x":"' + b"x" * PAYLOAD_LIMIT + b'"}')
    assert hub.gateways.statuses() == []


def test_there_is_an_end_to_how_many_may_watch_and_leaving_makes_room(hub) -> None:
    hub.followers.update(Follower(None, None) for _ in range(CLIENT_LIMIT - 1))
    with hub.follow(None, None), pytest.raises(TooManyClients, match=str(CLIENT_LIMIT)), hub.follow(None, None):
        pass
    with hub.follow(None, None):
        assert len(hub.followers) == CLIENT_LIMIT


def test_what_departed_clients_missed_stays_counted(hub) -> None:
    status(hub)
    with hub.follow(None, None):
        for _ in range(1000):
            rows(hub, "x")
    assert hub.dropped > 400
