"""Who may ask: the token, the address that is bound, and requests that a foreign web page makes in the user's browser.

Without a token the service listens on loopback only. That alone does not keep other people's pages out: a page may
resolve its own name to 127.0.0.1 (DNS rebinding), open a WebSocket to any address, or post a form. So without a token
the Host header must name this machine, and an Origin header, where there is one, must be the service's own.
With a token, which no foreign page has, neither matters, and a reverse proxy may use any name.
"""

import hmac
import ipaddress
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

import orjson
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.settings import ApiSettings

LOCAL_NAMES = ("localhost",)
GUARDED = ("/api", "/metrics", "/docs", "/openapi.json")
"""What needs the token, and everything below; the dashboard's files and the health checks do not."""
MISSING_TOKEN = (
    "This server needs a token: send the header `Authorization: Bearer <token>` with the value of api.token."
)
WRONG_TOKEN = "The token is not the one of this server: compare it with api.token in its settings."
FOREIGN_HOST = (
    "This server answers only to the names of this machine, such as 127.0.0.1 or localhost: "
    "use one of them, or set a token (KINESTREAM_API__TOKEN) to serve other names."
)
FOREIGN_ORIGIN = "This request comes from the page of another site, and this server has no token that would allow it."


class RefusedBind(ValueError):
    """Listening there without a token would open the service to the network."""

    def __init__(self, host: str) -> None:
        super().__init__(
            f"Listening on {host} lets others on the network in, so it needs a token: set KINESTREAM_API__TOKEN "
            f"(or token in [api]) to a secret of at least 16 characters, or set api.host to 127.0.0.1."
        )
        self.host = host


def check_bind(settings: ApiSettings) -> None:
    """Refuse to listen beyond loopback without a token.

    Raises:
        RefusedBind: It would.
    """
    if settings.token is None and not is_local(settings.host):
        raise RefusedBind(settings.host)


def is_local(host: str) -> bool:
    """Say whether a host name or address, without a port, means this machine alone."""
    name = host.strip("[]").rstrip(".").lower()
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name in LOCAL_NAMES


class Guard:
    """ASGI middleware that lets pass what may be answered and refuses the rest in one sentence."""

    def __init__(self, app: ASGIApp, token: str | None) -> None:
        self._app = app
        self._token = token.encode() if token is not None else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            refusal = self._no_token(scope) if self._token is not None else _foreign(scope)
            if refusal is not None:
                await _refuse(scope, send, *refusal)
                return
        await self._app(scope, receive, send)

    def _no_token(self, scope: Scope) -> tuple[HTTPStatus, str] | None:
        if not _is_guarded(scope["path"]):
            return None
        given = _bearer(scope)
        if given is None:
            return HTTPStatus.UNAUTHORIZED, MISSING_TOKEN
        assert self._token is not None
        return None if hmac.compare_digest(given, self._token) else (HTTPStatus.UNAUTHORIZED, WRONG_TOKEN)


def _is_guarded(path: str) -> bool:
    return any(path == root or path.startswith(f"{root}/") for root in GUARDED)


def _bearer(scope: Scope) -> bytes | None:
    """Return the token of a request; a WebSocket may carry it as `?token=`, since a browser lets it set no header."""
    scheme, _, token = Headers(scope=scope).get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip().encode()
    if scope["type"] == "websocket":
        tokens = parse_qs(scope["query_string"].decode("latin-1")).get("token")
        return tokens[0].encode() if tokens else None
    return None


def _foreign(scope: Scope) -> tuple[HTTPStatus, str] | None:
    headers = Headers(scope=scope)
    host = headers.get("host", "")
    if not is_local(_name(host)):
        return HTTPStatus.MISDIRECTED_REQUEST, FOREIGN_HOST
    own = (f"http://{host}".lower(), f"https://{host}".lower())
    if headers.get("origin", own[0]).lower() not in own:
        return HTTPStatus.FORBIDDEN, FOREIGN_ORIGIN
    return None


def _name(host: str) -> str:
    """Return a Host header's name without its port; empty where it is malformed."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


async def _refuse(scope: Scope, send: Send, status: HTTPStatus, sentence: str) -> None:
    """Answer with an error; a WebSocket handshake is answered as the HTTP request that it is."""
    kind = "websocket.http.response" if scope["type"] == "websocket" else "http.response"
    headers = [(b"content-type", b"application/json")]
    if status == HTTPStatus.UNAUTHORIZED:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": f"{kind}.start", "status": int(status), "headers": headers})
    await send({"type": f"{kind}.body", "body": orjson.dumps({"detail": sentence})})
