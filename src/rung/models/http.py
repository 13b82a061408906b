"""One POST of one JSON document: TLS, a limit of time and one of size, no redirects, nothing kept.

Covered: slow connects, slow and endless answers (one clock for the whole exchange), cut streams. Not covered: proxies
(HTTPS_PROXY is not read), and the time that looking up a host name takes.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rung.models.errors import Malformed, Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from urllib.parse import SplitResult

CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class Response:
    """What came back; retry_after: the header as it stands."""

    status: int
    body: bytes
    retry_after: str | None


@dataclass(frozen=True, slots=True)
class Limits:
    """connect, total: seconds. answer_bytes: of the body."""

    connect: float
    total: float
    answer_bytes: int


def post(url: SplitResult, body: bytes, *, headers: Mapping[str, str], limits: Limits) -> Response:
    """Returns the response, whatever its status.

    Raises:
      Unavailable: no connection, no answer in time, or a cut one; in doubt from the moment the request was sent.
      Malformed: the answer is no HTTP, or larger than the limit.
    """
    connection = _connected(url, limits)
    late = threading.Event()
    clock = threading.Timer(limits.total, _cut, (connection.sock, late))
    clock.daemon = True
    clock.start()
    try:
        connection.sock.settimeout(limits.total)
        connection.request("POST", url.path, body, dict(headers))
        response = connection.getresponse()
        return Response(response.status, _body(response, limits, late), response.getheader("Retry-After"))
    except (OSError, http.client.IncompleteRead, http.client.RemoteDisconnected) as error:
        if late.is_set() or isinstance(error, TimeoutError):
            raise Unavailable(f"{url.netloc} did not finish its answer in {limits.total:g} s", in_doubt=True) from None
        raise Unavailable(f"{url.netloc} cut the connection in the middle of the answer", in_doubt=True) from None
    except (http.client.HTTPException, ValueError) as error:
        if late.is_set():
            raise Unavailable(f"{url.netloc} did not finish its answer in {limits.total:g} s", in_doubt=True) from None
        raise Malformed(f"{url.netloc} does not speak HTTP ({type(error).__name__})", in_doubt=True) from None
    finally:
        clock.cancel()
        connection.close()


def _connected(url: SplitResult, limits: Limits) -> http.client.HTTPConnection:
    host, seconds = url.hostname or "", min(limits.connect, limits.total)
    connection = (
        http.client.HTTPSConnection(host, url.port, timeout=seconds, context=ssl.create_default_context())
        if url.scheme == "https"
        else http.client.HTTPConnection(host, url.port, timeout=seconds)
    )
    try:
        connection.connect()
    except ssl.SSLError as error:
        connection.close()
        raise Unavailable(f"no TLS connection to {url.netloc}: {error.reason or 'the handshake failed'}") from None
    except OSError as error:
        connection.close()
        reason = f"no connection within {seconds:g} s" if isinstance(error, TimeoutError) else error.strerror
        raise Unavailable(f"{url.netloc} is down: {reason or 'no connection'}") from None
    return connection


def _body(response: http.client.HTTPResponse, limits: Limits, late: threading.Event) -> bytes:
    parts: list[bytes] = []
    wanted, size = response.length, 0
    while size <= limits.answer_bytes and (wanted is None or wanted <= limits.answer_bytes):
        part = response.read1(CHUNK)
        if not part:
            if late.is_set() or (wanted is not None and size < wanted):
                raise ConnectionError
            return b"".join(parts)
        parts.append(part)
        size += len(part)
    raise Malformed(f"the answer is larger than {limits.answer_bytes:,} bytes", in_doubt=True)


def _cut(connected: socket.socket, late: threading.Event) -> None:
    late.set()
    try:
        connected.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it was closed in the meantime
