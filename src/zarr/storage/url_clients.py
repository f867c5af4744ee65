"""Which client serves a URL: obstore where it surely means the same as fsspec would, else fsspec.

obstore is faster. But it does not know all that the file systems of fsspec know: the profiles of
AWS, buckets in other regions, credentials of many kinds. So it is used for a URL only if all that
was given can be told to it.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from zarr.storage.fsspec import FsspecStore
from zarr.storage.local import LocalStore
from zarr.storage.obstore import ALLOWED_EXCEPTIONS, ObjectStore
from zarr.storage.zip import RemoteZipStore
from zarr.urls import links_of, local_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from zarr.abc.store import Store
    from zarr.types import StorageOptions


def store_of_url(url: str, options: StorageOptions | None, read_only: bool) -> Store:
    """Make the store that a URL names.

    Parameters
    ----------
    url : str
        The URL, or a chain of URLs.
    options : dict, optional
        Settings, as fsspec's file system for the URL takes them; and `allowed_exceptions`, the
        errors by which the service says that a key is not there.
    read_only : bool
        Whether writing is refused.

    Returns
    -------
    ObjectStore, FsspecStore, or RemoteZipStore for a zip file that is only read

    Raises
    ------
    ImportError
        If neither of the packages that could serve it is installed.
    """
    given = dict(options or {})
    chain = len(links_of(url)) > 1
    if read_only and url.startswith(("zip::", "zip://::")):
        return _zip(url.partition("::")[2], given)
    allowed = given.pop("allowed_exceptions", ALLOWED_EXCEPTIONS)
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    made = None
    if not chain and find_spec("obstore") is not None:
        make = _KINDS.get(scheme)
        # A query, or a name and password, is for fsspec.
        if make is not None and parts.netloc and "@" not in parts.netloc and "?" not in url:
            made = make(url, dict(given))
    if made is not None:
        return ObjectStore(made, read_only=read_only, allowed_exceptions=allowed)
    if scheme in ("s3", "s3a") and not chain:
        # Its client would make each request five times, and so would we.
        given.setdefault("config_kwargs", {"retries": {"total_max_attempts": 1}})
    return FsspecStore.from_url(
        url, storage_options=given, read_only=read_only, allowed_exceptions=allowed
    )


def _zip(url: str, options: StorageOptions) -> RemoteZipStore:
    """The entries of a zip file at a URL: one request for each value, unlike fsspec's."""
    local = local_path(url)
    if local is not None and not options:
        directory, name = os.path.split(local)
        return RemoteZipStore(LocalStore(directory, read_only=True), name)
    address, query, rest = url.partition("?")
    directory, _, name = address.rpartition("/")
    scheme = url.partition("://")[0]
    if len(links_of(url)) == 1 and isinstance(options.get(scheme), dict):
        options = options[scheme]
    if query:  # as of a signed URL: it belongs to the file
        file: Store = FsspecStore.from_url(directory, storage_options=options, read_only=True)
        return RemoteZipStore(file, f"{name}?{rest}")
    return RemoteZipStore(store_of_url(directory, options, True), name)


# Each returns None where the options say what obstore does not understand.


def _http(url: str, options: StorageOptions) -> object:
    if options or "#" in url or "%" in url:
        return None
    from obstore.store import HTTPStore

    return HTTPStore.from_url(url.rstrip("/"), client_options={"allow_http": True})


def _s3(url: str, options: StorageOptions) -> object:
    client = dict(options.pop("client_kwargs", None) or {})
    endpoint = client.pop("endpoint_url", None) or options.pop("endpoint_url", None)
    options.pop("endpoint_url", None)
    region = client.pop("region_name", None)
    settings = {
        "access_key_id": options.pop("key", None),
        "secret_access_key": options.pop("secret", None),
        "session_token": options.pop("token", None),
        "endpoint": endpoint,
        "region": region or (_region_of_environment() if endpoint is None else None),
    }
    anonymous = bool(options.pop("anon", False))
    if options or client:
        return None
    keys = settings["access_key_id"], settings["secret_access_key"]
    if any(keys) and not all(keys):
        return None
    if find_spec("s3fs") is not None:
        # s3fs finds the region of a bucket, and credentials in the files of AWS.
        in_environment = "AWS_ACCESS_KEY_ID" in os.environ and "AWS_PROFILE" not in os.environ
        if not (all(keys) or anonymous or in_environment) or not (region or endpoint):
            return None
    from obstore.store import S3Store

    given = {name: value for name, value in settings.items() if value is not None}
    if anonymous:
        for name in ("access_key_id", "secret_access_key", "session_token"):
            given.pop(name, None)
        given["skip_signature"] = True
    if endpoint is not None and endpoint.startswith("http://"):
        given["client_options"] = {"allow_http": True}
    bucket, prefix = _split(url)
    return S3Store(bucket, prefix=prefix, **given)


def _region_of_environment() -> str | None:
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")


def _gcs(url: str, options: StorageOptions) -> object:
    token = options.pop("token", None)
    if options or token not in (None, "anon", "google_default"):
        return None
    from obstore.store import GCSStore

    bucket, prefix = _split(url)
    if token == "anon":
        return GCSStore(bucket, prefix=prefix, skip_signature=True)
    # Without credentials gcsfs reads public data.
    return None if find_spec("gcsfs") is not None else GCSStore(bucket, prefix=prefix)


def _azure(url: str, options: StorageOptions) -> object:
    account = options.pop("account_name", None)
    settings = {
        "account_key": options.pop("account_key", None),
        "sas_key": options.pop("sas_token", None),
    }
    anonymous = options.pop("anon", None) is True
    given = {name: value for name, value in settings.items() if value is not None}
    if options or account is None or len(given) + anonymous != 1:
        return None
    from obstore.store import AzureStore

    if anonymous:
        given["skip_signature"] = True
    container, prefix = _split(url)
    return AzureStore(container, prefix=prefix, account_name=account, **given)


def _split(url: str) -> tuple[str, str | None]:
    """The bucket of a URL, and the path in it; no character of the path means anything else."""
    bucket, _, path = url.partition("://")[2].partition("/")
    return bucket, path.strip("/") or None


_KINDS: dict[str, Callable[[str, StorageOptions], Any]] = {
    "http": _http,
    "https": _http,
    "s3": _s3,
    "s3a": _s3,
    "gs": _gcs,
    "gcs": _gcs,
    "abfs": _azure,
    "az": _azure,
}
