"""Calls every operation of a generated Python client; run by its own interpreter, one JSON line a call."""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
import typing
from pathlib import Path
from typing import Any

import pydantic

Case = dict[str, Any]


class Driver:
    """One client, and the server that its requests go to."""

    def __init__(self, module: str, url: str) -> None:
        self.package = importlib.import_module(module)
        self.core = importlib.import_module(f"{module}._core")
        self.encode = importlib.import_module(f"{module}._core.encode")
        self.url = url

    def arguments(self, method: Any, case: Case) -> dict[str, Any]:
        """The arguments of a call, in the types that the method asks for."""
        hints = typing.get_type_hints(method, include_extras=True)
        given = dict(case["arguments"])
        if case["has_body"]:
            given["body"] = case["body"]
        made = {name: self._typed(hints[name], value) for name, value in given.items()}
        options = self.package.Options(
            server=f"{self.url}/{case['number']}", retry=self.package.Retry(retries=0)
        )
        return {**made, "options": options}

    def _typed(self, hint: Any, value: Any) -> Any:
        files = {hint, *typing.get_args(hint)} & set(typing.get_args(self.core.Upload))
        if isinstance(value, str) and files:
            return value.encode()
        try:
            config = pydantic.ConfigDict(arbitrary_types_allowed=True)
            return pydantic.TypeAdapter(hint, config=config).validate_python(value)
        except pydantic.PydanticUserError:  # a model brings its own configuration
            return pydantic.TypeAdapter(hint).validate_python(value)

    def plain(self, value: Any) -> Any:
        """A result as JSON."""
        return value.decode() if isinstance(value, bytes) else self.encode.plain(value)

    def waiting(self, cases: list[Case]) -> None:
        """Every case with the synchronous client."""
        with self.package.Client() as client:
            for case in cases:
                try:
                    method = getattr(getattr(client, case["group"]), case["method"])
                    result = method(**self.arguments(method, case))
                    told(case, "sync", value=self.plain(list(result) if case["streams"] else result))
                except Exception as error:
                    told(case, "sync", error=f"{type(error).__name__}: {error}")

    async def awaiting(self, cases: list[Case]) -> None:
        """Every case with the asynchronous client."""
        async with self.package.AsyncClient() as client:
            for case in cases:
                try:
                    method = getattr(getattr(client, case["group"]), case["method"])
                    result = await method(**self.arguments(method, case))
                    value = [item async for item in result] if case["streams"] else result
                    told(case, "async", value=self.plain(value))
                except Exception as error:
                    told(case, "async", error=f"{type(error).__name__}: {error}")


def told(case: Case, mode: str, **result: Any) -> None:
    """Write a result."""
    sys.stdout.write(json.dumps({"number": case["number"], "mode": mode, **result}) + "\n")


def main() -> None:
    """`python_driver.py MODULE CASES URL`; the module is on the path."""
    module, file, url = sys.argv[1:4]
    cases = json.loads(Path(file).read_text(encoding="utf-8"))
    driver = Driver(module, url)
    driver.waiting(cases)
    asyncio.run(driver.awaiting(cases))


main()
