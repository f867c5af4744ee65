"""URLs from which anybody may read values of an HTTP server or of an S3 bucket for a while.

The engine fetches whole chunks from them, without Python in between.
"""

from __future__ import annotations

import os
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

_VALID = timedelta(hours=1)
# These say where a bucket is and who asks, or are about writing: an address has room for them.
_S3 = frozenset(
    {
        "access_key_id",
        "bucket",
        "checksum_algorithm",
        "conditional_put",
        "copy_if_not_exists",
        "default_region",
        "endpoint",
        "region",
        "secret_access_key",
        "session_token",
        "skip_signature",
        "token",
        "unsigned_payload",
        "virtual_hosted_style_request",
    }
)
_CLIENT = frozenset({"allow_http", "http1_only"})
_PROXIES = frozenset({"all_proxy", "aws_proxy_url", "http_proxy", "https_proxy"})
# The characters that stand for themselves in an address.
_PLAIN = re.compile(r"[A-Za-z0-9._~/-]+")


async def presigned_urls(obstore: ModuleType, store: Any, keys: Sequence[str]) -> list[str] | None:
    """Return the URLs of keys, or None if there are none.

    Parameters
    ----------
    obstore
        The library.
    store
        A store of obstore.
    keys
        Which values.
    """
    kind = type(store)
    if kind not in (obstore.store.HTTPStore, obstore.store.S3Store):
        return None
    client = store.client_options or {}
    if not client.keys() <= _CLIENT or not _PROXIES.isdisjoint(map(str.lower, os.environ)):
        return None
    if kind is obstore.store.HTTPStore:
        found: list[str] | None = _below(store.url, keys)
    else:
        found = await _in_bucket(obstore, store, keys)
    insecure = str(client.get("allow_http", "")).lower() == "true"
    if found and not found[0].startswith("https://" if not insecure else ("https://", "http://")):
        return None
    return found


def _below(url: str, keys: Sequence[str]) -> list[str] | None:
    if not url or not all(map(_PLAIN.fullmatch, keys)) or not {*"?#@%"}.isdisjoint(url):
        return None
    base = url.rstrip("/")
    return [f"{base}/{key}" for key in keys]


async def _in_bucket(obstore: ModuleType, store: Any, keys: Sequence[str]) -> list[str] | None:
    config = store.config
    if not config.keys() <= _S3 or store.credential_provider is not None:
        return None
    try:
        if str(config.get("skip_signature", "")).lower() != "true":
            signed: list[str] = await obstore.sign_async(store, "GET", list(keys), _VALID)
            return signed
        # Nobody in particular asks: the address without a signature.
        named = {**config, "access_key_id": "-", "secret_access_key": "-"}
        del named["skip_signature"]
        twin = type(store)(prefix=store.prefix, config=named, client_options=store.client_options)
        (one,) = await obstore.sign_async(twin, "GET", ["0"], _VALID)
    except (obstore.exceptions.BaseError, ValueError, TypeError):
        return None
    base = one.partition("?")[0].removesuffix("/0")
    return [f"{base}/{key}" for key in keys] if all(map(_PLAIN.fullmatch, keys)) else None
