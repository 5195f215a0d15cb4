"""The types of services and packages. A type's code comes from the template of the same name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServiceType:
    """How services of a type are run; commands may refer to `${name}` and `${package}`, its import name.

    `toolchain` names what the folder is on this machine, and the base image unless `bases` names several.
    `code` are the parts of the folder from which a running service is made, beside `lock` and the migrations;
    `shares` those of a package of the workspace, where services of the type can depend on one. `makes` is the
    folder that a script of the toolchain makes of the code before it is served. `models` is false where a
    service has neither resources nor events nor a connection of its own: it shows what others keep.
    `reports`: its services send what nobody handled to where `SENTRY_DSN` says.
    """

    toolchain: str
    serve: tuple[str, ...]
    migrate: tuple[str, ...]
    lock: str
    code: tuple[str, ...] = ("src",)
    bases: tuple[str, ...] = ()
    shares: tuple[str, ...] = ()
    makes: str = ""
    models: bool = True
    reports: bool = False

    @property
    def images(self) -> tuple[str, ...]:
        """The base images that its Dockerfile is built on."""
        return self.bases or (self.toolchain,)

    @property
    def language(self) -> str:
        """The language of the packages that services of the type can use; empty if it cannot use any."""
        return _LANGUAGES.get(self.toolchain, self.toolchain) if self.shares else ""


REPORTS_TO = "SENTRY_DSN"
"""The variable that says where errors go that nobody handled."""
_LANGUAGES = {"node": "typescript"}

SERVICE_TYPES: Mapping[str, ServiceType] = {
    "fastapi": ServiceType(
        toolchain="python",
        serve=("python", "-m", "${package}"),
        migrate=("python", "-m", "${package}", "migrate"),
        lock="requirements.lock",
        shares=("src", "requirements.lock"),
        reports=True,
    ),
    "fastify": ServiceType(
        toolchain="node",
        serve=("node", "src/main.ts"),
        migrate=("node", "src/main.ts", "migrate"),
        lock="package-lock.json",
        code=("src", "package.json"),
        shares=("src", "package.json", "package-lock.json"),
        reports=True,
    ),
    "express": ServiceType(
        toolchain="node",
        serve=("node", "src/main.ts"),
        migrate=("node", "src/main.ts", "migrate"),
        lock="package-lock.json",
        code=("src", "package.json"),
        shares=("src", "package.json", "package-lock.json"),
        reports=True,
    ),
    "nextjs": ServiceType(
        toolchain="node",
        serve=("node", "dist/main.mjs"),
        migrate=(),
        lock="package-lock.json",
        code=("src", "public", "package.json", "build.ts", "next.config.mjs", "postcss.config.mjs"),
        shares=("src", "package.json", "package-lock.json"),
        makes="dist",
        models=False,
    ),
    "go": ServiceType(
        toolchain="go",
        serve=("${name}",),
        migrate=("${name}", "migrate"),
        lock="go.sum",
        code=("cmd", "internal", "seeds", "go.mod"),
        bases=("go", "static"),
        shares=(".",),
    ),
}

PACKAGE_TYPES: Mapping[str, tuple[str, ...]] = {
    "library": ("python", "typescript", "go"),
    "react": ("typescript",),
    "event-bus": ("python",),
    "domain-models": ("python",),
    "observability": ("python",),
    "security": ("python",),
    "event-store": ("python",),
    "saga-orchestrator": ("python",),
    "sdk-generator": ("python",),
}
"""The languages in which packages of a type are written; the first where nobody says another."""

PACKAGE_USERS: Mapping[str, tuple[str, ...]] = {"react": ("nextjs",)}
"""The types of services that can use packages of a type, where not all of its language can."""


def package_name(service: str) -> str:
    """The import name of a service's code; the suffix keeps `email` or `secrets` off the standard library."""
    return f"{service.replace('-', '_')}_service"
