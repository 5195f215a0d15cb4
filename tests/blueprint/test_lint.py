"""Every rule finds its fault, at its place, and nothing in a sound platform."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import BaseModel

from nexus_cli.blueprint.lint import RULES, errors, lint
from nexus_cli.blueprint.linting.resources import OWN_FIELDS, PYTHONS_FIELDS
from nexus_cli.blueprint.load import load
from tests.conftest import service

Write = Callable[[str, str], Path]
COMPONENT = "nexus: v1\nkind: component\nname: {name}\n"

BROKEN: dict[str, tuple[dict[str, str], str]] = {
    "unknown-dependency": ({"a": service("a", 1, uses="[postgre]")}, 'unknown dependency "postgre"'),
    "not-included": (
        {"a": service("a", 1, uses="[{service: elasticsearch, optional: true}]")},
        'goes without "elasticsearch"',
    ),
    "cycle": (
        {
            "a": service("a", 1, uses="[b]"),
            "b": service("b", 2, uses="[c]"),
            "c": service("c", 3, uses="[a]"),
        },
        "a -> b -> c -> a",
    ),
    "duplicate-use": ({"a": service("a", 1, uses="[nats, event-bus]")}, '"nats" is used twice'),
    "connection-clash": (
        {
            "a": service("a", 1, uses="[redis, other]"),
            "other": COMPONENT.format(name="other")
            + "image: x:1\nhealth: {log: x}\nprovides: {REDIS_URL: x}\n",
        },
        "both provide REDIS_URL",
    ),
    "not-reported": (
        {
            "a": service("a", 1, type="nextjs", uses="[sink]"),
            "b": service("b", 2, uses="[sink]"),
            "sink": COMPONENT.format(name="sink")
            + "image: x:1\nhealth: {log: x}\nprovides: {SENTRY_DSN: x}\n",
        },
        'services of type nextjs do not report errors to "sink" yet',
    ),
    "port-taken": ({"a": service("a", 5432)}, "port 5432 is taken by component postgres"),
    "route-shadowed": (
        {"a": service("a", 1, routes="[{path: /x}]"), "b": service("b", 2, routes="[{path: /x/}]")},
        "/x/ is shadowed by a",
    ),
    "route-falls-open": (
        {
            "a": service("a", 1, routes="[{path: /api/x, version: v2, roles: [staff]}]"),
            "b": service("b", 2, routes="[{path: /, auth: none}, {path: /api}]"),
        },
        "/api/x of any version but v2 is taken by /api, which lets more people in",
    ),
    "event-unpublished": (
        {"a": service("a", 1, uses="[nats]", events="{consumes: [x.y]}")},
        "nobody publishes x.y",
    ),
    "event-unconsumed": (
        {"a": service("a", 1, uses="[nats]", events="{publishes: [x.y]}")},
        "nobody consumes x.y",
    ),
    "event-without-bus": ({"a": service("a", 1, events="{publishes: [x.y]}")}, "uses no event bus"),
    "resource-event": (
        {
            "a": service(
                "a", 1, uses="[postgres]", resources="{r: {fields: {n: int}, events: {created: r.made}}}"
            )
        },
        "r.made is missing",
    ),
    "resource-without-database": (
        {"a": service("a", 1, resources="{r: {fields: {n: int}}}")},
        "uses no database",
    ),
    "ref-unknown": (
        {"a": service("a", 1, uses="[postgres]", resources="{r: {fields: {n: ref(thing)}}}")},
        'unknown resource "thing"',
    ),
    "ref-circular": (
        {
            "a": service(
                "a",
                1,
                uses="[postgres]",
                resources="{r: {fields: {n: ref(s), own: ref(r) optional}}, s: {fields: {n: ref(r)}}}",
            )
        },
        "circular references: r -> s -> r",
    ),
    "ref-to-tenant": (
        {
            "a": service(
                "a",
                1,
                uses="[postgres]",
                resources="{r: {fields: {n: ref(s)}}, s: {tenant: true, fields: {n: int}}}",
            )
        },
        '"s" belongs to tenants, "r" to all',
    ),
    "state-unknown": (
        {
            "a": service(
                "a",
                1,
                uses="[postgres]",
                resources='{r: {fields: {s: "enum(new, sold)"}, states: {new: [sold, lost]}}}',
            )
        },
        'unknown state "lost"',
    ),
    "field-name": (
        {"a": service("a", 1, uses="[postgres]", resources="{r: {fields: {id: int}}}")},
        '"id" has a meaning of its own',
    ),
    "resource-name": (
        {
            "a": service(
                "a",
                1,
                uses="[postgres]",
                resources='{order: {fields: {state: "enum(new, sold)"}}, order-state: {fields: {n: int}}}',
            )
        },
        "order-state and order.state would be called alike in code",
    ),
    "secret-in-env": (
        {"a": service("a", 1, env="{DB_PASSWORD: hunter2}")},
        "DB_PASSWORD looks like a secret",
    ),
    "secret-twice": ({"a": service("a", 1, env="{X: y}", secrets="[X]")}, "X is also set elsewhere"),
    "image-unpinned": (
        {"c": COMPONENT.format(name="c") + "image: x/y:latest\nhealth: {log: x}\n"},
        "no pinned tag",
    ),
    "no-health": ({"c": COMPONENT.format(name="c") + "image: x:1\n"}, "no health check"),
    "health-port": ({"c": COMPONENT.format(name="c") + "image: x:1\nhealth: {tcp: web}\n"}, 'no port "web"'),
    "nowhere-to-run": ({"c": COMPONENT.format(name="c") + "health: {log: x}\n"}, "no image, no build"),
    "reserved-name": ({"a": service("all", 1)}, '"all" is a reserved name'),
    "unknown-type": ({"a": service("a", 1, type="fastapy")}, 'unknown type "fastapy"'),
    "unknown-reference": (
        {"a": service("a", 1, env='{U: "${gatway.url}"}')},
        "unknown reference ${gatway.url}",
    ),
    "source-outside": ({"a": service("a", 1, source="../x")}, '"../x" leaves the workspace'),
    "scale-bounds": ({"a": service("a", 1, scale="{min: 3, max: 2}")}, "min 3 is more than max 2"),
    "slo-without-route": ({"a": service("a", 1, slo="{p95: 300ms}")}, "no route to measure it on"),
    "canary-steps": ({"a": service("a", 1, deploy="{steps: [50, 10, 100]}")}, "steps must rise"),
    "unknown-user": (
        {"p": "nexus: v1\nkind: package\nname: p\nusers: [nobody]\n"},
        'unknown service "nobody"',
    ),
    "target": (
        {
            "e": "nexus: v1\nkind: environment\nname: e\ntarget: {docker: shop.example}\n",
        },
        '"shop.example" is no address of an engine',
    ),
    "unknown-zone": (
        {
            "e": "nexus: v1\nkind: environment\nname: e\n"
            "freeze: [Mon 10:00 - Mon 11:00, Fri 16:00 - Mon 07:00 Europe/Berlim]\n"
        },
        'unknown time zone "Europe/Berlim"',
    ),
    "capability": (
        {"a": service("a", 1, **{"with": "[notifications]"})},
        'unknown capability "notifications"',
    ),
    "models-elsewhere": (
        {"a": service("a", 1, type="nextjs", uses="[postgres]")},
        "a nextjs service keeps nothing of its own",
    ),
    "user-language": (
        {
            "a": service("a", 1),
            "p": "nexus: v1\nkind: package\nname: p\nlanguage: go\nusers: [a]\n",
        },
        "a is a fastapi service, which cannot use a go package",
    ),
}


def test_every_rule_is_tested() -> None:
    assert set(BROKEN) == set(RULES)


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_finds_its_fault(workspace: Path, write: Write, rule: str) -> None:
    files, expected = BROKEN[rule]
    for name, text in files.items():
        write(name, text)
    found = [finding for finding in lint(load(workspace)) if finding.rule == rule]
    assert len(found) == 1, found
    assert expected in found[0].message
    assert found[0].where.file.startswith("blueprints/")
    assert found[0].hint


def test_a_sound_platform_has_no_findings(workspace: Path, write: Write) -> None:
    write(
        "order",
        service(
            "order",
            3001,
            uses="[postgres, redis, nats, catalog]",
            routes="[{path: /v1/orders, methods: [GET]}, {path: /v1/orders, methods: [POST], auth: none}]",
            events="{publishes: [order.created]}",
            env='{CALLBACK: "${gateway.url}/x"}',
        ),
    )
    write("catalog", service("catalog", 3002, uses="[nats]", events="{consumes: [order.created]}"))
    assert lint(load(workspace)) == []


@pytest.mark.parametrize(
    "beside",
    [
        "{path: /api/x}",  # what other versions need is said
        "{path: /api/x, version: v3, methods: [GET], roles: [staff]}",  # 405 for anything else
        "{path: /api/, roles: [staff]}",  # as strict
        "{path: /apis}",  # another path
    ],
)
def test_versions_may_fall_through_to_what_is_as_strict(workspace: Path, write: Write, beside: str) -> None:
    write("a", service("a", 1, routes=f"[{{path: /api/x, version: v2, roles: [staff, admin]}}, {beside}]"))
    assert "route-falls-open" not in {finding.rule for finding in lint(load(workspace))}


def test_a_capability_says_all_that_it_needs(workspace: Path, write: Write) -> None:
    own = {"with": "[notification]"}
    fields = "{recipient: string, reason: enum(bounce), until: datetime optional}"
    write("a", service("a", 1, **own, resources=f"{{suppression: {{tenant: true, fields: {fields}}}}}"))
    write("b", service("b", 2, type="go", **own))
    found = {finding.message for finding in lint(load(workspace)) if finding.rule == "capability"}
    assert found >= {
        "notification needs DATABASE_URL, which nothing in `uses` provides",
        'notification needs the resource "delivery" with notification, channel, rank, due, attempts',
        "notification needs suppression.recipient: string unique",
        "notification needs suppression.reason: enum(bounce, complaint)",
        'notification needs "suppression" without tenants',
        "a go service does not have the capability notification",
    }
    assert len(found) == 6 + len({"notification-template", "notification", "delivery-attempt"})


def test_an_event_of_the_catalogue_that_is_not_here_is_no_fault(workspace: Path, write: Write) -> None:
    write("a", service("a", 1, uses="[nats]", events="{consumes: [payment.processed]}"))
    (finding,) = lint(load(workspace))
    assert (finding.rule, finding.severity) == ("not-included", "note")
    assert finding.message == 'goes without payment.processed, which "payment" publishes'


def test_an_optional_use_of_what_nobody_knows_is_a_fault(workspace: Path, write: Write) -> None:
    write("a", service("a", 1, uses="[{service: elasticserch, optional: true}]"))
    assert [finding.rule for finding in lint(load(workspace))] == ["unknown-dependency"]


def test_a_missing_catalogue_entry_is_offered(workspace: Path, write: Write) -> None:
    (workspace / "nexus.yaml").write_text("nexus: v1\nkind: platform\nname: shop\n")
    write("a", service("a", 1, uses="[postgres]"))
    found = lint(load(workspace))
    assert found[0].hint == 'the catalogue has it: add "catalogue:postgres" to include in nexus.yaml'


COMPONENT = "nexus: v1\nkind: component\nname: {name}\nimage: web:1\n"


def test_what_a_component_is_published_on_counts(workspace: Path, write: Write) -> None:
    """Two may listen on one port inside, but not take one port of this machine."""
    text = COMPONENT + "ports: {{http: 80}}\npublish: {{http: {port}}}\n"
    write("one", text.format(name="one", port=8001))
    write("two", text.format(name="two", port=8002))
    assert errors(lint(load(workspace))) == []
    write("two", text.format(name="two", port=8001))
    [found] = errors(lint(load(workspace)))
    assert (found.rule, found.where.line) == ("port-taken", 6)
    assert found.message == "port 8001 is taken by component one"


def test_a_component_names_its_secrets(workspace: Path, write: Write) -> None:
    text = COMPONENT + "secrets: [TOKEN]\nenv: {{a.b: '${{secrets.{secret}}}'}}\n"
    write("web", text.format(name="web", secret="TOKEN"))
    assert errors(lint(load(workspace))) == []
    write("web", text.format(name="web", secret="TOKNE"))
    [found] = errors(lint(load(workspace)))
    assert found.hint == 'did you mean "${secrets.TOKEN}"?'


def test_no_field_hides_what_a_model_of_pydantic_has_itself() -> None:
    own = {name for name in dir(BaseModel) if not name.startswith("_")}
    assert own <= OWN_FIELDS | PYTHONS_FIELDS


def test_an_engine_s_address_says_how_and_its_keys_are_not_in_the_workspace(
    workspace: Path, write: Write
) -> None:
    for name, said in {
        "near": "docker: unix:///run/docker.sock",
        "bare": "docker: shop.example",
        "kept": f"docker: tcp://shop.example:2376, certificates: {workspace}/keys",
    }.items():
        write(name, f"nexus: v1\nkind: environment\nname: {name}\ntarget: {{{said}}}\n")
    found = [finding.message for finding in lint(load(workspace)) if finding.rule == "target"]
    assert found == ['"shop.example" is no address of an engine', "the certificates lie in the workspace"]
