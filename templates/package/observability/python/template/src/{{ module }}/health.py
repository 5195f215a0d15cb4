"""Liveness and readiness."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from time import perf_counter
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

Check = Callable[[], Awaitable[object]]
_TIMEOUT = 1.0
_ALIVE = orjson.dumps({"status": "ok"})


async def live(_: Request) -> Response:
    """Say that the process serves; dependencies do not matter here."""
    return Response(_ALIVE, media_type="application/json")


async def ready(request: Request) -> Response:
    """Ask what the application's runtime depends on; 503 while one of them does not answer."""
    checks: Mapping[str, Check] = request.app.state.runtime.checks
    results = await asyncio.gather(*map(_check, checks.values()))
    up = all(result["status"] == "up" for result in results)
    document = {
        "status": "ready" if up else "unavailable",
        "checks": dict(zip(checks, results, strict=True)),
    }
    return Response(orjson.dumps(document), 200 if up else 503, media_type="application/json")


async def _check(check: Check) -> dict[str, Any]:
    started = perf_counter()
    try:
        async with asyncio.timeout(_TIMEOUT):
            await check()
    except Exception as error:  # noqa: BLE001 - whatever it is, the dependency is not there
        return {"status": "down", "error": type(error).__name__}
    return {"status": "up", "duration_ms": round((perf_counter() - started) * 1000, 2)}
