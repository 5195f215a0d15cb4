"""The client class of the TypeScript client, and its entry module."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nexus_generators.openapi.model import Api, Scheme
from nexus_generators.openapi.names import Names, camel
from nexus_generators.sdk.groups import Naming
from nexus_generators.sdk.library import Package
from nexus_generators.sdk.prose import about, base_url
from nexus_generators.sdk.typescript.names import OBJECT
from nexus_generators.sdk.typescript.text import comment, literal

_SETTINGS = OBJECT | {"server", "timeout", "retry", "headers", "hooks", "fetch", "tracer"}
_KINDS = {"basic": "core.Basic", "api-key": "core.Secret", "other": "core.Secret"}
_TOKEN = "core.Secret | core.ClientCredentials"  # noqa: S105 - the type of one


@dataclass(frozen=True, slots=True)
class Secret:
    """A credential as the client takes it."""

    scheme: Scheme
    setting: str
    type: str


def secrets(api: Api) -> list[Secret]:
    """The credentials that the API knows of."""
    names = Names(camel, _SETTINGS)
    return [Secret(s, names.take(s.key, prefix="key"), _KINDS.get(s.kind, _TOKEN)) for s in api.schemes]


def module(api: Api, naming: Naming, package: Package) -> str:
    """The text of `client.ts`."""
    return "\n".join(_module(api, naming, package)) + "\n"


def _module(api: Api, naming: Naming, package: Package) -> Iterator[str]:
    groups = list(naming.groups.values())
    yield 'import * as core from "./core/index.ts";'
    for group in groups:
        yield f'import {{ {group.cls} as {group.cls}Group }} from "./resources/{group.module}.ts";'
    yield ""
    yield f"export const VERSION = {literal(package.version)};"
    yield ""
    yield "/** Where the API is, as the document says; the first one is the default. */"
    yield f"export const SERVERS = [{', '.join(literal(server.address) for server in api.servers)}] as const;"
    yield ""
    yield f"const SCHEMES = new Map<string, core.Scheme>({'[' if api.schemes else ');'}"
    for scheme in api.schemes:
        said = [
            f"kind: {literal(scheme.kind)}",
            f"in: {literal(scheme.location)}",
            f"name: {literal(scheme.name)}",
        ]
        yield f"  [{literal(scheme.key)}, {{ {', '.join(said)}, tokenUrl: {literal(scheme.token_url)} }}],"
    if api.schemes:
        yield "]);"
    yield ""
    yield from _settings(api)
    yield from comment(about(api), "")
    yield "export class Client {"
    yield "  readonly core: core.Core;"
    for group in groups:
        yield f"  readonly {group.attribute}: {group.cls}Group;"
    yield ""
    yield "  constructor(settings: Settings = {}) {"
    yield "    this.core = new core.Core({"
    yield f"      server: settings.server ?? {literal(base_url(api))},"
    yield f"      userAgent: {literal(package.name + '/' + package.version)},"
    yield "      schemes: SCHEMES,"
    pairs = (f"[{literal(s.scheme.key)}, settings.{s.setting}]" for s in secrets(api))
    yield f"      credentials: new Map<string, core.Credential | undefined>([{', '.join(pairs)}]),"
    yield "      timeout: settings.timeout ?? 60_000,"
    yield "      retry: { ...core.RETRY, ...settings.retry },"
    yield "      headers: settings.headers ?? {},"
    yield "      hooks: settings.hooks ?? {},"
    yield "      tracer: settings.tracer,"
    yield "      fetch: settings.fetch ?? ((input, init) => fetch(input, init)),"
    yield "    });"
    for group in groups:
        yield f"    this.{group.attribute} = new {group.cls}Group(this.core);"
    yield "  }"
    yield "}"


def _settings(api: Api) -> Iterator[str]:
    yield "/** What a client may be told; times are in milliseconds. */"
    yield "export interface Settings {"
    for secret in secrets(api):
        yield from comment(secret.scheme.doc, "  ")
        yield f"  readonly {secret.setting}?: {secret.type};"
    yield "  readonly server?: string;"
    yield "  readonly timeout?: number;"
    yield "  readonly retry?: Partial<core.Retry>;"
    yield "  readonly headers?: Readonly<Record<string, string>>;"
    yield "  readonly hooks?: core.Hooks;"
    yield "  readonly fetch?: typeof fetch;"
    yield "  /** A tracer of `@opentelemetry/api`: each call is a span then, and sends `traceparent`. */"
    yield "  readonly tracer?: core.Tracer;"
    yield "}"
    yield ""


INDEX = """\
export { Client, SERVERS, VERSION, type Settings } from "./client.ts";
export {
  APIConnectionError,
  APIError,
  APIPromise,
  APIStatusError,
  APITimeoutError,
  AuthenticationError,
  BadRequestError,
  ClientCredentials,
  ConflictError,
  InvalidResponseError,
  NotFoundError,
  Pages,
  PermissionDeniedError,
  RateLimitError,
  ServerError,
  Stream,
  UnprocessableEntityError,
  type Hooks,
  type Options,
  type Retry,
  type Tracer,
} from "./core/index.ts";
export * as custom from "./custom/index.ts";
export * as models from "./models.ts";
"""
