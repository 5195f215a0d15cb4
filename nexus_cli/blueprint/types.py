"""The service types: how each one is run. A type's code comes from the template of the same name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServiceType:
    """How services of a type are run; commands may refer to `${name}` and `${package}`, its import name.

    `toolchain` names what the folder is on this machine, and the base image unless `bases` names several.
    `code` are the parts of the folder from which a running service is made, beside `lock` and the migrations.
    """

    toolchain: str
    serve: tuple[str, ...]
    migrate: tuple[str, ...]
    lock: str
    code: tuple[str, ...] = ("src",)
    bases: tuple[str, ...] = ()

    @property
    def images(self) -> tuple[str, ...]:
        """The base images that its Dockerfile is built on."""
        return self.bases or (self.toolchain,)


SERVICE_TYPES: Mapping[str, ServiceType] = {
    "fastapi": ServiceType(
        toolchain="python",
        serve=("python", "-m", "${package}"),
        migrate=("python", "-m", "${package}", "migrate"),
        lock="requirements.lock",
    ),
    "fastify": ServiceType(
        toolchain="node",
        serve=("node", "src/main.ts"),
        migrate=("node", "src/main.ts", "migrate"),
        lock="package-lock.json",
        code=("src", "package.json"),
    ),
    "go": ServiceType(
        toolchain="go",
        serve=("${name}",),
        migrate=("${name}", "migrate"),
        lock="go.sum",
        code=("cmd", "internal", "go.mod"),
        bases=("go", "static"),
    ),
}


def package_name(service: str) -> str:
    """The import name of a service's code; the suffix keeps `email` or `secrets` off the standard library."""
    return f"{service.replace('-', '_')}_service"
