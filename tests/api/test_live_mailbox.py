"""The mailbox of one client."""

from hypothesis import given
from hypothesis import strategies as st

from api.live.mailbox import EVENT_LIMIT, FRAME_LIMIT, Mailbox


def drain(mailbox: Mailbox) -> list[str | bytes]:
    messages = []
    while (message := mailbox.take()) is not None:
        messages.append(message)
    return messages


@given(st.lists(st.integers(0, 300), max_size=20))
def test_what_is_not_delivered_is_counted_and_the_newest_survive(bursts: list[int]) -> None:
    mailbox = Mailbox()
    sent = 0
    for burst in bursts:
        mailbox.put_frames(index.to_bytes(4, "little") for index in range(sent, sent + burst))
        sent += burst
        assert len(mailbox) <= FRAME_LIMIT
    messages = drain(mailbox)
    frames = [message for message in messages if isinstance(message, bytes)]
    notices = [message for message in messages if isinstance(message, str)]
    assert frames == [index.to_bytes(4, "little") for index in range(sent - len(frames), sent)]
    assert mailbox.dropped_total == sent - len(frames)
    assert notices == ([f'{{"dropped":{mailbox.dropped_total}}}'] if mailbox.dropped_total else [])


def test_a_client_that_never_reads_holds_a_bounded_number_of_messages() -> None:
    mailbox = Mailbox()
    for index in range(10_000):
        mailbox.put_frames([b"frame"])
        mailbox.put_event("event")
        mailbox.put_state("status local", f"status {index}")
        mailbox.put_state("channels", f"channels {index}")
    assert len(mailbox) <= FRAME_LIMIT + EVENT_LIMIT + 2


def test_a_slow_reader_is_told_of_losses_rarely_and_of_all_of_them() -> None:
    mailbox = Mailbox()
    notices = 0
    for _ in range(2000):
        mailbox.put_frames([b"a", b"b"])  # twice as fast as it reads
        notices += isinstance(mailbox.take(), str)
    assert 0 < notices < 20


def test_channels_go_before_the_frames_that_need_them_and_hello_before_all() -> None:
    mailbox = Mailbox()
    mailbox.put_frames([b"frame"])
    mailbox.put_state("status local", "status")
    mailbox.put_state("channels", "channels")
    mailbox.put_state("hello", "hello")
    assert drain(mailbox) == ["hello", "channels", "status", b"frame"]


def test_only_the_latest_status_waits() -> None:
    mailbox = Mailbox()
    mailbox.put_state("status a", "old")
    mailbox.put_state("status b", "other")
    mailbox.put_state("status a", "new")
    assert drain(mailbox) == ["new", "other"]


def test_another_session_voids_what_waits_of_the_previous_one() -> None:
    mailbox = Mailbox()
    mailbox.put_frames([b"old"])
    mailbox.put_event("old")
    mailbox.put_state("channels", "old")
    mailbox.put_session("session", "channels")
    mailbox.put_frames([b"new"])
    assert drain(mailbox) == ["session", "channels", b"new"]
