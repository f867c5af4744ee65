"""Chunks that the engine fetches from a server by itself: no Python between the socket and them.

Only what goes smoothly is done here. A chunk whose answer did not come, or was not a plain one, is
left to those who ask the store: they wait, ask again, and say what is wrong.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, TypeAlias

from zarr import _core
from zarr._async.run import offload
from zarr.abc._traits import Notes
from zarr.settings import config
from zarr.storage.client import may_begin
from zarr.storage.client.limiter import many_in_flight

if TYPE_CHECKING:
    from zarr.abc.store import Store
    from zarr.storage.client import Requests

Left: TypeAlias = list[tuple[_core.ReadWant, bool]]
"""Chunks that were not read, and whether it was tried and they could not be decoded."""

_BATCH = 1024
# Stores of which a value was found at its URL, and those of which the first was not.
_found: Notes[bool] = Notes()
_useless: Notes[bool] = Notes()


async def read_directly(requests: Requests, plan: _core.ReadPlan, width: int) -> Left:
    """Read chunks of a plan, as long as all goes well.

    Parameters
    ----------
    requests
        To the store.
    plan
        What is wanted.
    width
        How many requests at a time.

    Returns
    -------
    Left
        What was taken from the plan and not read. If it is empty, nothing is left in the plan.
    """
    left: Left = []
    while wants := list(islice(iter(plan.next, None), _BATCH)):
        whole = [want for want in wants if want.ranges is None]
        left += [(want, False) for want in wants if want.ranges is not None]
        keys = [want.key for want in whole]
        urls = await _urls(requests.store, keys) if whole else None
        if urls is None:
            return left + [(want, False) for want in whole]
        went_well, unread = await _fetch(requests, whole, urls, width)
        left += unread
        if not went_well:
            break
    return left


async def _urls(store: Store, keys: list[str]) -> list[str] | None:
    """URLs of values, or None if the store is to be asked for them."""
    presigned_urls = store.traits.presigned_urls
    if presigned_urls is None or _useless.get(store):
        return None
    # One attempt is one: there must be a second, by the store, to find out what is wrong.
    if config.get("requests.attempts", 6) <= 1 or not config.get("requests.direct", True):
        return None
    return await presigned_urls(keys)


async def _fetch(
    requests: Requests, wants: list[_core.ReadWant], urls: list[str], width: int
) -> tuple[bool, Left]:
    """Fetch chunks; tell whether all answers were plain, and what is left."""
    timeout = requests.seconds(max(want.size_hint for want in wants)) if wants else None
    damaged: Left = []
    while wants:
        # Raised when others want to ask, too; they get their turn, and the rest is fetched after.
        room, cancel = _core.Cancel(), _core.Cancel()
        most = min(width, len(wants))
        async with many_in_flight(requests.data_id, requests.limit, most, room) as turns:
            arguments = (wants, urls, turns, timeout, room, cancel)
            unread = await offload(_core.fetch, *arguments, cancel=cancel, kind="fetch")
        if len(unread) < len(wants):
            _found.note(requests.store, True)
        left = [(wants[i].again(), why == "damaged") for i, why in unread]
        reasons = {why for _, why in unread}
        if "late" in reasons and timeout is not None and not may_begin(timeout):
            key = next(wants[i].key for i, why in unread if why == "late")
            raise requests.too_late("get", key, timeout)
        if not reasons.isdisjoint(("unclear", "late")):
            # A fault at the very first says that it may never work; later ones pass.
            if not _found.get(requests.store):
                _useless.note(requests.store, True)
            return False, damaged + left
        damaged += [item for item in left if item[1]]
        urls = [urls[i] for i, why in unread if why == "untouched"]
        wants = [want for want, tried in left if not tried]
    return True, damaged
