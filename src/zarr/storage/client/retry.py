"""Retries: which errors may pass, how often a request is made again, and after which pauses.

An answer is no error that passes: that a key is not there, that it may not be read, that a request
is wrong. Errors of other libraries are known by what they carry (the status of an answer) and by
their names, so that none of the libraries need be imported.
"""

from __future__ import annotations

import errno
import re
import time
from typing import Any

from zarr._async.run import stepping
from zarr.settings import config
from zarr.storage.keys import redacted

STATUSES = frozenset({408, 429, 500, 502, 503, 504})
"""The statuses of HTTP by which a service says: not now."""

_CODES = frozenset(
    {
        "BandwidthLimitExceeded",
        "InternalError",
        "OperationAborted",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServerBusy",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequests",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)
"""The names that S3 and its kin have for it."""

_ANSWERS = (
    FileExistsError,
    FileNotFoundError,
    IsADirectoryError,
    NotADirectoryError,
    PermissionError,
)
"""Errors of the system that tell how things are."""

_NUMBERS = frozenset(
    number
    for name in (
        "EAGAIN",
        "EBUSY",
        "ECONNABORTED",
        "ECONNREFUSED",
        "ECONNRESET",
        "EHOSTDOWN",
        "EHOSTUNREACH",
        "EINTR",
        "EIO",
        "ENETDOWN",
        "ENETRESET",
        "ENETUNREACH",
        "ENOBUFS",
        "ENOTCONN",
        "EPIPE",
        "EPROTO",
        "EREMOTEIO",
        "ESHUTDOWN",
        "ESTALE",
        "ETIMEDOUT",
    )
    if (number := getattr(errno, name, None)) is not None
)

# By library: names of classes, in any module of it, whose errors are of the connection.
_NAMES: dict[str, frozenset[str]] = {
    "aiohttp": frozenset({"ClientConnectionError", "ClientPayloadError", "ClientOSError"}),
    "azure": frozenset({"ServiceRequestError", "ServiceResponseError"}),
    "botocore": frozenset(
        {"ConnectionError", "HTTPClientError", "IncompleteReadError", "ResponseStreamingError"}
    ),
    "google": frozenset({"TransportError", "RetryError"}),
    "http": frozenset({"HTTPException"}),
    "httpcore": frozenset({"NetworkError", "ProtocolError", "TimeoutException"}),
    "httpx": frozenset({"TransportError"}),
    "paramiko": frozenset({"SSHException"}),
    "requests": frozenset({"ChunkedEncodingError", "ConnectionError", "Timeout"}),
    "socket": frozenset({"herror"}),
    "ssl": frozenset({"SSLEOFError", "SSLSyscallError", "SSLZeroReturnError"}),
    "urllib3": frozenset({"HTTPError"}),
}

# Of these, errors that another try does not change.
_LASTING = frozenset(
    {
        "AuthenticationException",
        "BadHostKeyException",
        "CertificateError",
        "ClientConnectorCertificateError",
        "ClientConnectorDNSError",
        "InvalidURL",
        "LocationParseError",
        "LocationValueError",
        "SSLCertVerificationError",
        "UnsupportedProtocol",
    }
)

# obstore has one class for whatever has no class of its own, and tells the rest in words.
_OBSTORE_REQUEST = re.compile(r"performing (\S+) (\S+) in ")
_OBSTORE_NOT_REACHED = re.compile(
    r"ConnectionRefused|HostUnreachable|NetworkUnreachable|failed to lookup address|dns error|"
    r"certificate|Name or service not known",
    re.IGNORECASE,
)
_OBSTORE_STATUS = re.compile(r"status code:? (\d{3})")
_OBSTORE_WORDS = re.compile(
    r"error sending request|error decoding response|timed ?out|connection|broken pipe|"
    r"incomplete ?message|body error",
    re.IGNORECASE,
)


class AnswerError(OSError):
    """An answer by which a service refuses, and that Python has no error for.

    Parameters
    ----------
    status
        The status of HTTP.
    message
        The request and the answer.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.status, *self.args)


class UnreachableError(ConnectionError):
    """Nobody listens at an address, or no host has that name."""


# Of libraries whose errors for this are no errors of the system.
_NOT_REACHED = frozenset(
    {"ClientConnectorDNSError", "EndpointConnectionError", "NameResolutionError", "gaierror"}
)
_NO_ROAD = frozenset(
    {
        errno.ECONNREFUSED,
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.ENETDOWN,
        errno.ENETUNREACH,
    }
)


def is_unreachable(error: BaseException) -> bool:
    """Whether no server was there to be asked.

    Parameters
    ----------
    error
        The error that was raised.
    """
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, UnreachableError) or not _NOT_REACHED.isdisjoint(_names(found)):
            return True
        if isinstance(found, OSError) and found.errno in _NO_ROAD:
            return True
        found = found.__cause__
    return False


def is_transient(error: BaseException) -> bool:
    """Whether a request that failed in this way may succeed if it is made again.

    Parameters
    ----------
    error
        The error that was raised.
    """
    if getattr(error, "tried_again", False):
        return False  # by the library that was asked, as it was told to
    status = _status(error)
    if status is not None:
        return status in STATUSES
    code = _code(error)
    if code is not None and code in _CODES:
        return True
    if isinstance(error, _ANSWERS) or not isinstance(error, Exception):
        return False
    names = _names(error)
    if names & _LASTING:
        return False
    if isinstance(error, ConnectionError | TimeoutError):
        return True
    if any(
        _NAMES[root] & {kind.__name__ for kind in type(error).__mro__ if _root(kind) == root}
        for root in {_root(kind) for kind in type(error).__mro__} & _NAMES.keys()
    ):
        return True
    if _root(type(error)) == "obstore":
        known = of_obstore(error)
        return known is not error and is_transient(known)
    return isinstance(error, OSError) and _is_of_the_network(error)


def _is_of_the_network(error: OSError) -> bool:
    if type(error).__name__ == "gaierror":
        return "temporary" in str(error).lower()
    if error.errno is not None:
        return error.errno in _NUMBERS
    if error.__cause__ is not None:  # s3fs and others say it in their own words
        return is_transient(error.__cause__)
    # No call of the system failed, so it is the word of some library for "it did not get through".
    return type(error) is OSError


def _root(kind: type) -> str:
    return kind.__module__.partition(".")[0].lstrip("_")


def _names(error: BaseException) -> set[str]:
    return {kind.__name__ for kind in type(error).__mro__}


def _status(error: BaseException) -> int | None:
    """The status of the answer of a service by HTTP, if the error has one."""
    for holder in (error, getattr(error, "response", None)):
        for name in ("status", "status_code", "http_status", "code"):
            value: object = getattr(holder, name, None)
            if isinstance(value, str) and value.isdecimal():
                value = int(value)
            if isinstance(value, int) and not isinstance(value, bool) and 400 <= value < 600:
                return int(value)
        if isinstance(holder, dict):
            value = (holder.get("ResponseMetadata") or {}).get("HTTPStatusCode")
            if isinstance(value, int) and value >= 400:
                return value
    return None


def _code(error: BaseException) -> str | None:
    """The name that the service gave to the error, if there is one."""
    response = getattr(error, "response", None)
    if isinstance(response, dict):
        code = (response.get("Error") or {}).get("Code")
        return code if isinstance(code, str) else None
    return None


def hidden_in(error: BaseException) -> BaseException | None:
    """Return the error behind "it is not there", if a library could not ask the service.

    Parameters
    ----------
    error
        An error that is to mean that there is no value.
    """
    cause = error.__cause__
    if cause is None:
        return None
    status = _status(cause)
    if status is not None:
        return None if status in (404, 410) else cause
    return cause if is_transient(cause) else None


def was_refused(error: BaseException) -> bool:
    """Whether a service certainly did nothing of a request, and may do it later."""
    return is_unreachable(error) or _status(error) in (429, 503)


def of_obstore(error: Exception) -> Exception:
    """The error of the system for one of obstore; that one itself where there is none.

    Parameters
    ----------
    error
        The error that obstore raised: its class is that of all kinds of faults, and its message
        has a dump of its insides.
    """
    text = str(error)
    said = text.partition("\n")[0]
    request = _OBSTORE_REQUEST.search(said)
    what = f"{request[1]} {redacted(request[2])}" if request else said
    kind = type(error).__name__
    found = _OBSTORE_STATUS.search(said)
    made: Any
    if kind in ("PermissionDeniedError", "UnauthenticatedError"):
        status = found[1] if found else "401" if kind == "UnauthenticatedError" else "403"
        made = PermissionError(
            f"{what}: the service refuses it ({status}{_words_of_service(said)}). Check the "
            "credentials. Some answer so for what is not there: then give the store "
            "allowed_exceptions=(FileNotFoundError, PermissionError)."
        )
    elif kind not in ("GenericError", "BaseError"):
        return error
    elif found:
        status = found[1]
        made = AnswerError(
            int(status), f"{what}: the service answered {status}{_words_of_service(said)}"
        )
    elif _OBSTORE_NOT_REACHED.search(text):
        made = UnreachableError(f"{what}: no server is reached there ({_reason(text)})")
    elif re.search(r"timed ?out", text, re.IGNORECASE):
        made = TimeoutError(f"{what}: no answer in time")
    elif _OBSTORE_WORDS.search(text):
        made = ConnectionError(f"{what}: {said.rpartition(' - ')[2]} ({_reason(text)})")
    else:
        return error
    if re.search(r"after [1-9]\d* retries", said):
        made.tried_again = True
    known: Exception = made
    return known


def _reason(text: str) -> str:
    """The innermost of what went wrong."""
    found = re.findall(r'message: "([^"]*)"|error: "([^"]*)"|kind: (\w+)', text)
    return next((next(filter(None, each)) for each in reversed(found)), "unknown")


def _words_of_service(said: str) -> str:
    """The words of the service besides the status."""
    code, message = (re.search(f"<{tag}>([^<]*)</{tag}>", said) for tag in ("Code", "Message"))
    words = [found[1] for found in (code, message) if found]
    return f", {': '.join(words)}" if words else ""


class Attempts:
    """How often a request was made, and whether it is made again."""

    __slots__ = ("_began", "_start", "made")

    def __init__(self, began: float) -> None:
        self.made = 0
        self._began = began
        self._start = time.monotonic()

    @property
    def seconds(self) -> float:
        """Since the first fault."""
        return time.monotonic() - self._start

    def pause(self, error: Exception) -> float | None:
        """After one more fault: seconds until the next attempt; None if there is to be none."""
        self.made += 1
        settings = config.settings
        if self.made >= settings.requests__attempts:
            return None
        pause = settings.requests__backoff * 2.0 ** (self.made - 1)
        pause = min(settings.requests__backoff_max, pause)
        from random import uniform  # late: few requests fail

        pause *= uniform(0.5, 1.0)  # programs that fail together return one by one
        # Nobody is there. A library may have taken its time to find out.
        latest = settings.requests__unreachable_after
        if is_unreachable(error) and time.monotonic() - self._began + pause > latest:
            return None
        return pause if may_begin(self.seconds + pause) else None


def may_begin(seconds: float) -> bool:
    """Whether a request may be made again so many seconds after the first attempt began."""
    left = config.settings.requests__give_up_after
    return left is None or seconds <= left


async def sleep(seconds: float) -> None:
    """Wait, on an event loop or without."""
    if stepping():
        time.sleep(seconds)
    else:
        import asyncio

        await asyncio.sleep(seconds)
