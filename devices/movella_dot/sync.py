"""The messages by which DOTs are put on one clock, which the driver does not send by itself.

Synchronising cuts the link for 14 s, and sensors on one clock of their own gain little where `gateway.clock` already
maps each to the host's. The frame is MID, length, data, checksum; all its bytes sum to 0 modulo 256. It is written to
1517_7001 and answered on 1517_7002. (The checksum of the StartRecording example in XD0506P does not sum to zero.)
"""

MID_CONTROL = 2
START, STOP, STATUS = 1, 2, 8
STATUS_ANSWER, IS_SYNCED = 0x51, 4


def frame(data: bytes) -> bytes:
    """Return a message with these data."""
    body = bytes((MID_CONTROL, len(data))) + data
    return body + bytes((-sum(body) % 256,))


def unframe(message: bytes) -> bytes | None:
    """Return the data of a message, or None if it is none."""
    is_whole = len(message) >= 3 and message[0] == MID_CONTROL and message[1] == len(message) - 3
    return message[2:-1] if is_whole and sum(message) % 256 == 0 else None


def start_sync(root: str) -> bytes:
    """Return the message that makes a DOT follow the clock of the one at this address, such as "D4:CA:6E:F1:69:3D"."""
    return frame(bytes((START,)) + bytes.fromhex(root.replace(":", ""))[::-1])


def is_synced(answer: bytes) -> bool | None:
    """Say what the answer to `frame(bytes((STATUS,)))` means; None if it is none."""
    data = unframe(answer)
    if data is None or len(data) != 2 or data[0] != STATUS_ANSWER:
        return None
    return data[1] == IS_SYNCED
