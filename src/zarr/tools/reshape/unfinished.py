"""Targets that are being made: nobody takes one for complete, and one run makes it.

The documents of a target are written last, so that no reader finds a node before all of it is
there. Until then the key `MARKER` at its path says who makes it, and how; keys below `WORKING` are
what the run needs on its way. A run that was killed leaves both, and the next one goes on.
"""

from __future__ import annotations

import json
import os
import platform
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from zarr._async.run import section
from zarr.buffer.cpu import Buffer, buffer_prototype
from zarr.errors import ContainsArrayError, ContainsGroupError
from zarr.hierarchy.documents import UNFINISHED as MARKER
from zarr.hierarchy.documents import kinds_at
from zarr.storage.client import Requests
from zarr.storage.client.conditional import exchanged, put_first

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zarr.abc.store import Store
    from zarr.storage.path import StorePath
    from zarr.types import JSON

__all__ = ["MARKER", "WORKING", "Unfinished"]

WORKING = f"{MARKER}.d"
"""The directory below a target in which a run keeps what it needs on its way."""

_SILENT = timedelta(minutes=10)
"""How long a run on another machine may say nothing and still be taken for one that runs."""
_SIGN = timedelta(seconds=30)
"""How often a run says that it is there, about."""

# The runs of this process that have not ended.
_running: set[str] = set()


class Unfinished:
    """A target that is being made.

    Parameters
    ----------
    place
        Where the target is to be.
    parameters
        All that decides what becomes of it. A run goes on only where they are the same.
    """

    def __init__(self, place: StorePath, parameters: Mapping[str, JSON]) -> None:
        self._place = place
        self._key = _below(place, MARKER)
        # As they are read again.
        self._parameters: dict[str, JSON] = json.loads(json.dumps(parameters))
        self._run = uuid4().hex
        self._signed = datetime.now(UTC)
        self._is_lost = False
        store = place.store
        self.is_kept = store.supports_deletes and store.supports_listing
        """Whether the store can have a marker: it must be deleted in the end."""

    @property
    def working(self) -> StorePath:
        """Where the run keeps what it needs on its way."""
        return self._place / WORKING

    async def claim(self, *, resume: bool) -> bool:
        """Begin, or go on.

        Parameters
        ----------
        resume
            Whether to go on with what an earlier run left; otherwise that is deleted.

        Returns
        -------
        bool
            Whether an earlier run left something.

        Raises
        ------
        ContainsArrayError, ContainsGroupError
            If the target is there already.
        ValueError
            If there is something else; or if an earlier run had other parameters.
        RuntimeError
            If another run makes it just now.
        """
        waits = self._place.store.traits.needs_event_loop
        store = self._place.store
        if not self.is_kept:
            await self._check_free(store)
            return False

        async def attempt(store: Store) -> bool:
            return await self._attempt(store, resume=resume)

        found = await section(lambda: exchanged(store, attempt), waits)
        _running.add(self._run)
        return found

    async def _attempt(self, store: Store, *, resume: bool) -> bool:
        requests = Requests(store)
        value = await requests.get(self._key, buffer_prototype)
        if value is None:
            await self._check_free(store)
            await put_first(store, self._key, self._document())
            return False
        there = self._parsed(value.to_bytes())
        self._check_alone(there)
        if resume:
            self._check_same(there["parameters"])
        else:
            await self._clear(store)
        await requests.set(self._key, self._document())
        return resume

    def _parsed(self, document: bytes) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads(document)
            found["parameters"] = dict(found["parameters"])
            found["owner"] = dict(found["owner"] or {})
            found["seen"] = datetime.fromisoformat(found["seen"])
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(
                f"{self._key!r} in {self._place.store.shown_as()} says that a target is being made "
                f"there, and cannot be read ({error}). Delete all at {self._place.shown_as()}, or "
                "choose another target."
            ) from error
        return found

    def _check_alone(self, there: Mapping[str, Any]) -> None:
        owner, seen = there["owner"], there["seen"]
        if not owner:
            return
        host, process = owner.get("host"), owner.get("process")
        if host == platform.node() and isinstance(process, int):
            alive = owner.get("run") in _running if process == os.getpid() else _is_alive(process)
            when = ""
        else:
            alive = datetime.now(UTC) - seen < _SILENT
            when = f", which was last seen at {seen.isoformat(timespec='seconds')}"
        if alive:
            raise RuntimeError(
                f"{self._place.shown_as()} is being made by process {process} on {host!r}{when}. "
                "Wait until it has ended; a run that was killed on another machine is taken for "
                f"one that runs for {_SILENT.seconds // 60} minutes."
            )

    def _check_same(self, there: Mapping[str, JSON]) -> None:
        names = sorted(
            name
            for name in {*there, *self._parameters}
            if there.get(name) != self._parameters.get(name)
        )
        if names:
            raise ValueError(
                f"{self._place.shown_as()} was begun with other parameters: "
                + "; ".join(
                    f"{name} was {_shown(there.get(name))}, and is "
                    f"{_shown(self._parameters.get(name))}"
                    for name in names
                )
                + ". Give those that it was begun with, or resume=False to begin anew."
            )

    async def _check_free(self, store: Store) -> None:
        """Fail unless nothing is at the target."""
        place = self._place
        for zarr_format in (3, 2):
            (kind,) = await kinds_at(store, [place.path], zarr_format)
            if kind is not None:
                error = ContainsArrayError if kind == "array" else ContainsGroupError
                article = "an" if kind == "array" else "a"
                raise error(
                    f"{place.shown_as()} cannot be made: there is {article} {kind} already. "
                    "Choose another target, or delete it first."
                )
        # Directories without values, which a killed deletion leaves, are nothing.
        if not store.supports_listing or await place.is_empty():
            return
        async for name in Requests(store).list_dir(place.path):
            raise ValueError(
                f"{place.shown_as()} cannot be made: there is something already, {name!r} for "
                "example. Choose another target, or delete it first."
            )

    async def _clear(self, store: Store) -> None:
        """Delete all that earlier runs left, and the marker last."""
        requests = Requests(store)
        prefix = f"{self._place.path}/" if self._place.path else ""
        keys = [key async for key in requests.list_prefix(prefix) if key != self._key]
        # Documents first: none of them tells of chunks that are gone.
        keys.sort(key=lambda key: not key.endswith(("zarr.json", ".zarray", ".zgroup", ".zattrs")))
        for key in keys:
            await requests.delete(key)

    def _document(self, *, owned: bool = True) -> Buffer:
        owner = {"host": platform.node(), "process": os.getpid(), "run": self._run}
        self._signed = datetime.now(UTC)
        state = {
            "zarr_unfinished": 1,
            "parameters": self._parameters,
            "owner": owner if owned else None,
            "seen": self._signed.isoformat(timespec="seconds"),
        }
        return Buffer.from_bytes(json.dumps(state, indent=1).encode())

    async def sign(self) -> None:
        """Say that the run is still there, if it has not done so for a while."""
        if self.is_kept and datetime.now(UTC) - self._signed > _SIGN:
            await self.check_own()
            await Requests(self._place.store).set(self._key, self._document())

    async def check_own(self) -> None:
        """Fail unless the target is still that of this run.

        Raises
        ------
        RuntimeError
            If somebody has deleted the marker, and so perhaps values; or if another run goes on
            with the target, as it took this one for dead.
        """
        if not self.is_kept:
            return
        value = await Requests(self._place.store).get(self._key, buffer_prototype)
        if value is None:
            raise RuntimeError(
                f"{self._place.shown_as()} was deleted while it was written, in whole or in part: "
                "the target is not completed. The same call goes on with what is left."
            )
        if self._parsed(value.to_bytes())["owner"].get("run") != self._run:
            self._is_lost = True
            raise RuntimeError(
                f"another run goes on with {self._place.shown_as()}: it took this one for dead, "
                "which ends here"
            )

    async def leave(self, *, begun: bool) -> None:
        """Say that the run has ended before the target is complete.

        Unless it has `begun` to complete something, nothing is left of it.
        """
        _running.discard(self._run)
        if not self.is_kept or self._is_lost:
            return
        if begun:
            await Requests(self._place.store).set(self._key, self._document(owned=False))
        else:
            await self._clear(self._place.store)
            await self.finish()

    async def finish(self) -> None:
        """Delete what the run needed on its way, and the marker last."""
        _running.discard(self._run)
        if self.is_kept:
            requests = Requests(self._place.store)
            await requests.delete_dir(self.working.path)
            await requests.delete(self._key)


def _below(place: StorePath, name: str) -> str:
    return f"{place.path}/{name}" if place.path else name


def _shown(value: JSON) -> str:
    text = json.dumps(value, ensure_ascii=True)
    return text if len(text) <= 200 else f"{text[:197]}..."


def _is_alive(process: int) -> bool:
    if os.name == "nt":  # a signal would end it
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
