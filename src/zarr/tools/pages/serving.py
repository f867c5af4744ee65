"""A hierarchy over HTTP, for browsers and programs on this machine: nothing can be changed."""

from __future__ import annotations

import hashlib
import ipaddress
import logging
import re
import threading
import time
from contextlib import suppress
from html import escape
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, NamedTuple, Self
from urllib.parse import quote, unquote_to_bytes

from zarr._async.run import run
from zarr.abc.store import OffsetByteRequest, RangeByteRequest, SuffixByteRequest
from zarr.hierarchy.documents import DOCUMENTS
from zarr.storage.client import Requests
from zarr.storage.keys import check_key
from zarr.storage.local import LocalStore
from zarr.storage.path import StorePath
from zarr.tools.nodes import node_of
from zarr.tools.pages.reporting import report
from zarr.tools.text import printable

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from types import TracebackType

    from zarr.abc.store import ByteRequest
    from zarr.tools.nodes import Source
    from zarr.types import StorageOptions

__all__ = ["Server", "serve"]

logger = logging.getLogger("zarr.serve")

_IDLE = 60.0
"""Seconds after which a connection without a request is closed."""
_FRESH = 30.0
"""Seconds for which a report is shown again."""
_LONGEST_BODY = 1 << 16
"""Bytes of a body that is read, and not looked at."""
_RANGE = re.compile(r"bytes=(\d*)-(\d*)\s*", re.IGNORECASE)
_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^\s/?#@,;'\"]+", re.IGNORECASE)
_HERE = re.compile(r"https?://(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?", re.IGNORECASE)
"""The origins of pages that this machine serves."""


class Refused(Exception):
    """A request that is answered by a status alone."""

    def __init__(self, status: HTTPStatus, why: str = "", **headers: str) -> None:
        super().__init__(why)
        self.status = status
        self.headers = headers


class Answer(NamedTuple):
    """An answer with a body, which HEAD is not sent."""

    status: HTTPStatus
    kind: str
    body: bytes
    size: int
    headers: dict[str, str]


class Server:
    """A server on this machine; a context manager that closes it. Made by `zarr.tools.serve`.

    Attributes
    ----------
    url : str
        The address of the hierarchy: a browser shows the report there, and `zarr.open` opens it.
    """

    def __init__(self, place: StorePath, host: str, port: int, origin: str) -> None:
        self._place = place
        self._origin = origin
        self._told: set[str] = set()
        self._lock = threading.Lock()
        self._page: tuple[float, bytes] | None = None
        kind = type("_Bound", (_Handler,), {"served": self})
        numeric = "127.0.0.1" if host == "localhost" else host
        family = ipaddress.ip_address(numeric).version
        listener = type("_Listener", (_Listener,), {"address_family": _FAMILIES[family]})
        self._http = listener((numeric, port), kind)
        self.port: int = self._http.server_address[1]
        shown = f"[{numeric}]" if family == 6 else numeric
        self.url = f"http://{shown}:{self.port}"
        self._hosts = {f"{name}:{self.port}" for name in (shown, "localhost", host)}
        self._own = {f"http://{each}" for each in self._hosts}
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, name="zarr_serve"
        )
        self._thread.daemon = True
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop to listen. A request that is being answered ends; nothing is waited for twice."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def wait(self) -> None:
        """Wait until the server is closed by another thread, or until Ctrl-C."""
        while self._thread.is_alive():
            self._thread.join(0.5)

    def __repr__(self) -> str:
        return f"<Server of {self._place} at {self.url}>"

    # Called by the threads that answer.

    def check_host(self, host: str | None) -> None:
        """Refuse a request that was made for another name.

        A page of somebody else, whose name was made to lead to this machine, has its own name.
        """
        if host is None or host.lower() not in self._hosts:
            raise Refused(HTTPStatus.MISDIRECTED_REQUEST, "this server has another name")

    def cross_origin(self, asking: str | None) -> dict[str, str]:
        """The headers that say whether the page that asks may read the answer.

        Parameters
        ----------
        asking
            The origin of the page, as the browser tells it.
        """
        if self._origin == "*":
            return {"Access-Control-Allow-Origin": "*"} | _EXPOSED
        # Neither by a script nor, unread, in a picture or a frame.
        headers = {"Vary": "Origin", "Cross-Origin-Resource-Policy": "same-origin"}
        if asking is None or asking in self._own:
            return headers
        if asking == self._origin or (not self._origin and _HERE.fullmatch(asking)):
            return headers | {"Access-Control-Allow-Origin": asking} | _EXPOSED
        if asking not in self._told and len(self._told) < _TOLD:
            self._told.add(asking)
            logger.warning(
                "a page of %s may not read what is served: --origin %s would let it",
                *(printable(asking),) * 2,
            )
        return headers

    def answer(self, target: str, asked_range: str | None, *, body: bool) -> Answer:
        """Answer a request for a target, as it stands in the first line of the request."""
        key = self._key(target)
        if not key:
            return self._whole(self._report(), "text/html; charset=utf-8")
        if key.endswith("/"):
            return self._whole(self._listing(key), "text/html; charset=utf-8")
        try:
            return self._value(key, asked_range, body=body)
        except Refused as refused:
            # Browsers ask for it by themselves, and complain in the console if it is not there.
            if key == "favicon.ico" and refused.status == HTTPStatus.NOT_FOUND:
                return self._whole(b"", "image/x-icon")
            raise

    @staticmethod
    def _key(target: str) -> str:
        """The key that a target names, or the prefix: that ends with a slash, or is empty."""
        path = target.partition("?")[0].partition("#")[0]
        if not path.startswith("/"):
            raise Refused(HTTPStatus.BAD_REQUEST, "expected a path")
        try:
            key = unquote_to_bytes(path[1:]).decode("utf-8")
        except UnicodeDecodeError:
            raise Refused(HTTPStatus.BAD_REQUEST, "the path is not UTF-8") from None
        try:
            return key and check_key(key.removesuffix("/")) and key
        except ValueError:
            raise Refused(HTTPStatus.NOT_FOUND) from None

    def _run(self, coro: Coroutine[Any, Any, Any]) -> Any:
        return run(coro, waits=self._place.store.traits.needs_event_loop)

    def _full(self, key: str) -> str:
        return f"{self._place.path}/{key}" if self._place.path else key

    @staticmethod
    def _whole(text: bytes, kind: str) -> Answer:
        headers = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-cache"}
        return Answer(HTTPStatus.OK, kind, text, len(text), headers)

    def _report(self) -> bytes:
        with self._lock:
            now = time.monotonic()
            if self._page is None or now - self._page[0] > _FRESH:
                page = self._run(report(self._place)).page
                names = self._run(self._names(""))
                # Programs that list by links find the names here.
                footer = f'<nav aria-label="Keys"><h2>Keys</h2>{_links(names)}</nav>'
                page = page.replace("</main>", f"</main>{footer}", 1)
                self._page = time.monotonic(), page.encode("utf-8", "replace")
            return self._page[1]

    async def _names(self, prefix: str) -> list[str]:
        """The names directly below a prefix; those that have others below end with a slash."""
        requests = Requests(self._place.store)
        if not requests.store.supports_listing:
            return []
        path = self._full(prefix).strip("/")
        found = []
        async for name in requests.list_dir(path):
            plain = name.rstrip("/")
            full = f"{path}/{plain}" if path else plain
            is_key = plain in DOCUMENTS or await requests.exists(full)
            found.append(plain if is_key else f"{plain}/")
        return sorted(found)

    def _listing(self, prefix: str) -> bytes:
        names = self._run(self._names(prefix))
        if not names:
            raise Refused(HTTPStatus.NOT_FOUND)
        title = escape(prefix)
        text = (
            f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
            '<meta name="color-scheme" content="light dark"><link rel="icon" href="data:,"></head>'
            f"<body><h1>{title}</h1>{_links(names)}</body></html>\n"
        )
        return text.encode("utf-8", "replace")

    def listed(self, target: str, *, all_below: bool) -> Answer:
        """Answer a request for a listing, as WebDAV has it: clients of HTTP list in this way."""
        prefix = self._key(target).strip("/")
        found = self._run(self._entries(prefix, all_below=all_below))
        if not found:
            raise Refused(HTTPStatus.NOT_FOUND)
        rows = "".join(
            f"<D:response><D:href>/{escape(quote(key, safe='/'))}</D:href><D:propstat><D:prop>"
            f"<D:getlastmodified>{_NO_DATE}</D:getlastmodified>"
            + (
                "<D:resourcetype><D:collection/></D:resourcetype>"
                if size is None
                else f"<D:getcontentlength>{size}</D:getcontentlength><D:resourcetype/>"
            )
            + "</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>"
            for key, size in found
        )
        text = f'<?xml version="1.0" encoding="utf-8"?>\n<D:multistatus xmlns:D="DAV:">{rows}'
        body = f"{text}</D:multistatus>\n".encode("utf-8", "replace")
        return Answer(
            HTTPStatus.MULTI_STATUS, "application/xml; charset=utf-8", body, len(body), {}
        )

    async def _entries(self, prefix: str, *, all_below: bool) -> list[tuple[str, int | None]]:
        """Keys with sizes, and prefixes with None: directly below a prefix, or all below it."""
        requests = Requests(self._place.store)
        above = f"{prefix}/" if prefix else ""
        found: list[tuple[str, int | None]] = []
        if all_below and requests.store.supports_listing:
            cut = len(self._full(above)) - len(above)
            listing = requests.list_values(self._full(above))
            found += [(info.key[cut:], info.size) async for info in listing]
        elif not all_below:
            for name in await self._names(prefix):
                key = f"{above}{name}"
                size = None if name.endswith("/") else await requests.getsize(self._full(key))
                found.append((key, size))
        return [(above, None), *found] if found else []

    def _value(self, key: str, asked_range: str | None, *, body: bool) -> Answer:
        requests, full = Requests(self._place.store), self._full(key)
        kind = "application/json" if key.rpartition("/")[2] in DOCUMENTS else _BYTES
        headers = {"Accept-Ranges": "bytes", "Cache-Control": "no-cache"}
        wanted = _parsed(asked_range)
        if wanted is None and body:
            value, version = self._run(requests.get_versioned(full))
            if value is None:
                raise Refused(HTTPStatus.NOT_FOUND)
            data = value.to_bytes()
            return Answer(HTTPStatus.OK, kind, data, len(data), headers | _tag(version))
        try:
            size: int = self._run(requests.getsize(full))
        except (FileNotFoundError, IsADirectoryError):
            raise Refused(HTTPStatus.NOT_FOUND) from None
        if wanted is None:
            return Answer(HTTPStatus.OK, kind, b"", size, headers)
        start, stop = _within(wanted, size)
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
        if not body:
            return Answer(HTTPStatus.PARTIAL_CONTENT, kind, b"", stop - start, headers)
        value, version = self._run(requests.get_versioned(full, RangeByteRequest(start, stop)))
        if value is None:
            raise Refused(HTTPStatus.NOT_FOUND)
        data = value.to_bytes()
        if len(data) != stop - start:  # it was replaced by a shorter value meanwhile
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "the value was changed meanwhile")
        return Answer(HTTPStatus.PARTIAL_CONTENT, kind, data, len(data), headers | _tag(version))


_EXPOSED = {"Access-Control-Expose-Headers": "Accept-Ranges, Content-Length, Content-Range, ETag"}
_TOLD = 16
_BYTES = "application/octet-stream"
_NO_DATE = "Thu, 01 Jan 1970 00:00:00 GMT"


def _tag(version: object) -> dict[str, str]:
    """A header that tells versions of a value apart, if the store does."""
    if version is None or type(version) is object:
        return {}
    digest = hashlib.sha256(repr(version).encode("utf-8", "replace")).hexdigest()[:24]
    return {"ETag": f'"{digest}"'}


def _links(names: list[str]) -> str:
    links = "".join(
        f'<li><a href="{escape(quote(name, safe="/"))}">{escape(_printable(name))}</a></li>'
        for name in names
    )
    return f"<ul>{links}</ul>"


def _printable(text: str) -> str:
    return "".join(each if each.isprintable() else "\ufffd" for each in text)


def _parsed(header: str | None) -> ByteRequest | None:
    """The one range of a header; None for all of the value, also where several are asked for."""
    found = _RANGE.fullmatch(header) if header else None
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:
        return SuffixByteRequest(int(found[2]))
    start = int(found[1])
    if not found[2]:
        return OffsetByteRequest(start)
    return RangeByteRequest(start, int(found[2]) + 1) if int(found[2]) >= start else None


def _within(wanted: ByteRequest, size: int) -> tuple[int, int]:
    """The first byte and the one behind the last, of a value of so many bytes."""
    match wanted:
        case RangeByteRequest(start, end):
            stop = min(end, size)
        case OffsetByteRequest(start):
            stop = size
        case SuffixByteRequest(suffix):
            start, stop = max(0, size - suffix), size
    if start >= stop:
        headers = {"Content-Range": f"bytes */{size}"}
        raise Refused(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, **headers)
    return start, stop


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    allow_reuse_address = True

    def handle_error(self, request: object, client_address: object) -> None:
        logger.debug("a connection broke off", exc_info=True)


_FAMILIES = {4: ThreadingHTTPServer.address_family}
with suppress(ImportError, AttributeError):
    from socket import AF_INET6

    _FAMILIES[6] = AF_INET6


class _Handler(BaseHTTPRequestHandler):
    """Answers the requests of one connection."""

    served: Server
    protocol_version = "HTTP/1.1"
    server_version = "zarr"
    sys_version = ""
    timeout = _IDLE

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_OPTIONS(self) -> None:
        try:
            self.served.check_host(self.headers.get("Host"))
        except Refused as refused:
            self._refuse(refused)
            return
        self.send_response(HTTPStatus.NO_CONTENT)
        headers = self._cross_origin() | {"Allow": "GET, HEAD, OPTIONS"}
        if "Access-Control-Allow-Origin" in headers:
            headers |= {
                "Access-Control-Allow-Methods": "GET, HEAD",
                "Access-Control-Allow-Headers": "Range, If-None-Match, Content-Type",
                "Access-Control-Allow-Private-Network": "true",
                "Access-Control-Max-Age": "600",
            }
        self._send(headers)

    def _cross_origin(self) -> dict[str, str]:
        return self.served.cross_origin(self.headers.get("Origin"))

    def _not_allowed(self) -> None:
        # The body of such a request is not read: the connection ends with the answer.
        self.close_connection = True
        self._refuse(Refused(HTTPStatus.METHOD_NOT_ALLOWED, Allow="GET, HEAD, OPTIONS"))

    do_POST = do_PUT = do_DELETE = do_PATCH = _not_allowed

    def do_PROPFIND(self) -> None:
        length = self.headers.get("Content-Length") or "0"
        if not length.isdecimal() or int(length) > _LONGEST_BODY:
            self._not_allowed()
            return
        self.rfile.read(int(length))  # which properties are asked for: all are told
        self._answer(body=True)

    def _found(self, *, body: bool) -> Answer:
        self.served.check_host(self.headers.get("Host"))
        if self.command == "PROPFIND":
            return self.served.listed(self.path, all_below=self.headers.get("Depth") != "1")
        return self.served.answer(self.path, self.headers.get("Range"), body=body)

    def _answer(self, *, body: bool) -> None:
        try:
            answer = self._found(body=body)
        except Refused as refused:
            self._refuse(refused)
            return
        except PermissionError:
            self._refuse(Refused(HTTPStatus.NOT_FOUND))
            return
        except Exception:
            logger.warning("%s %r failed", self.command, self.path, exc_info=True)
            self._refuse(Refused(HTTPStatus.BAD_GATEWAY, "the store cannot be read"))
            return
        self.send_response(answer.status)
        self._send(
            answer.headers
            | self._cross_origin()
            | {
                "Content-Type": answer.kind,
                "Content-Length": str(answer.size),
                "X-Content-Type-Options": "nosniff",
                "Referrer-Policy": "no-referrer",
            }
        )
        if body:
            self.wfile.write(answer.body)

    def _refuse(self, refused: Refused) -> None:
        text = b"" if refused.status == HTTPStatus.NOT_FOUND else str(refused).encode()
        self.send_response(refused.status)
        self._send(
            refused.headers
            | self._cross_origin()
            | {"Content-Type": "text/plain; charset=utf-8", "Content-Length": str(len(text))}
        )
        if self.command != "HEAD":
            self.wfile.write(text)

    def _send(self, headers: dict[str, str]) -> None:
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        logger.debug("%s", _printable(format % args))


async def serve(
    source: Source,
    *,
    path: str = "",
    host: str = "127.0.0.1",
    port: int = 0,
    origin: str = "*",
    storage_options: StorageOptions | None = None,
) -> Server:
    """Serve a hierarchy over HTTP to browsers and programs on this machine.

    The front page is the report, see `report`; below it each key has its value, for GET with
    ranges and for HEAD, and each prefix a list of links. Nothing can be changed, and nothing
    outside of the hierarchy is reached: keys are checked, and symbolic links that lead out of a
    directory are refused. Requests must name this machine, so that a page whose name was made to
    lead here gets nothing.

    Parameters
    ----------
    source : str, Path, dict, Store, group or array
        The hierarchy.
    path : str, default: ""
        A path below it.
    host : str, default: "127.0.0.1"
        An address of this machine that no other reaches: ``"127.0.0.1"``, ``"::1"`` or
        ``"localhost"``.
    port : int, default: 0
        The port; 0 takes a free one.
    origin : str, default: "*"
        The origin whose pages may read the answers, such as ``"https://viewer.example"``. With
        ``"*"`` the pages of all web sites that are open in a browser here may, as those of a
        viewer; with ``""`` only those that this machine serves, as at ``http://localhost:3000``.
    storage_options : dict, optional
        Settings for the store that a URL names.

    Returns
    -------
    Server
        It listens until it is closed.

    Raises
    ------
    FileNotFoundError
        If there is no node.
    ValueError
        If others could reach the address, or `origin` is none.

    Examples
    --------
    >>> import numpy as np, zarr
    >>> from urllib.request import urlopen
    >>> array = zarr.create_array({}, data=np.arange(4))
    >>> with zarr.tools.serve(array) as server, urlopen(server.url + "/zarr.json") as answer:
    ...     answer.status, answer.headers["Content-Type"]
    (200, 'application/json')
    """
    if host != "localhost":
        try:
            loops = ipaddress.ip_address(host).is_loopback
        except ValueError:
            loops = False
        if not loops:
            raise ValueError(
                f"expected an address that only this machine reaches, as 127.0.0.1, found {host!r}"
            )
    origin = origin.rstrip("/")
    if origin not in ("", "*") and not _ORIGIN.fullmatch(origin):
        raise ValueError(f"expected an origin, as https://viewer.example, or *, found {origin!r}")
    node = await node_of(source, path, storage_options=storage_options)
    place, store = node.store_path, node.store_path.store
    if isinstance(store, LocalStore):
        place = StorePath(store.confined(), place.path)
    return Server(place, host, port, origin)
