"""Runs the asynchronous tests of `zarr.testing`: on an event loop, or stepped without one."""

from __future__ import annotations

import asyncio
import inspect

import pytest

from zarr._async.run import step


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = pyfuncitem._fixtureinfo.argnames
    coro = pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names})
    if getattr(pyfuncitem.cls, "stepped", False):
        step(coro)
    else:
        asyncio.run(coro)
    return True
