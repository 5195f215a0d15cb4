"""Loading: every fault has its place and hint, all at once, and hostile YAML is bounded."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from nexus_cli.blueprint.load import BlueprintFault, load
from tests.conftest import service

Write = Callable[[str, str], Path]


def faults(root: Path) -> list[str]:
    with pytest.raises(BlueprintFault) as caught:
        load(root)
    return [f"{f.where}: {f.message} | {f.hint or ''}" for f in caught.value.findings]


def test_a_whole_platform(workspace: Path, write: Write) -> None:
    write("order", service("order", 3001, uses="[postgres, {service: nats, optional: true}]"))
    platform = load(workspace)
    assert list(platform.services) == ["order"]
    assert list(platform.components) == ["gateway", "nats", "postgres", "redis"]
    assert platform.services["order"].title == "Order"
    assert platform.services["order"].source == "services/order"
    assert platform.resolve("event-bus") is platform.components["nats"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "nexus: v1\nkind: service\nname: a\nport: 1\nuse: [x]\n",
            '5:1: unknown key "use" | did you mean "uses"?',
        ),
        ("nexus: v1\nkind: service\nname: a\nport: many\n", "4:7: .*integer.*'many'"),
        ("nexus: v1\nkind: service\nname: a\nname: b\nport: 1\n", '4:1: duplicate key "name"'),
        ("nexus: v1\n\tkind: service\n", "2:1: a tab in the indentation \\| YAML is indented by spaces only"),
        ("nexus: v1\nkind: servic\n", "2:7: unknown kind 'servic' \\| did you mean \"service\"\\?"),
        (
            "nexus: v1\nkind: service\nname: a\nport: 1\nroutes: [{path: /a, auth: none, roles: [staff]}]\n",
            "5:10: .*`roles` are read from a token",
        ),
        ("nexus: v1\nname: a\n", '1:1: missing key "kind"'),
        ("nexus: v1\nkind: service\nname: a\n", '1:1: missing key "port"'),
        ("nexus: v1\nkind: service\nname: A b\nport: 1\n", "3:7: 'A b' does not have the form"),
        ("nexus: v1\nkind: service\nname: a\nport: 70000\n", "4:7: .*65535"),
        ("- a\n", "1:1: a blueprint is a mapping"),
        ("", "1:1: the file is empty"),
        ("nexus: v1\nkind: service\nname: a\nport: 1\nhealth: {start: 5}\n", "5:17: expected a duration"),
        ("a: !!python/object:os.system x\n", "1:4: the tag .* is not allowed"),
        ("a: [" + "[" * 3000, "1:.*: nested deeper than 40 levels"),
        ("- " * 3000, "1:.*: nested deeper than 40 levels"),
        ("\n".join(" " * n + "a:" for n in range(900)), "40:40: nested deeper than 40 levels"),
        (
            "\n".join(["a0: &a0 {x: 1}", *(f"a{n}: &a{n} {{x: *a{n - 1}}}" for n in range(1, 60))]),
            "1:13: nested deeper than 40 levels",
        ),
        ("a: &a [*a]\n", "1:4: nested deeper than 40 levels"),
        ("nexus: v1\nkind: service\nname: a\nport:\n", "4:6: .*integer, got nothing"),
        ("nexus: v1\nkind: service\nname: a\nport: 1\n<<: [x]\n", "5:5: `<<` merges mappings only"),
        ("x: " + "y" * (2 << 20), "1:1: the file has 2.0 MB; a blueprint may have 1 MB"),
    ],
)
def test_a_fault_has_its_place_and_hint(workspace: Path, write: Write, text: str, expected: str) -> None:
    write("bad", text)
    found = faults(workspace)
    assert any(re.search(f"blueprints/bad.yaml:{expected}", line) for line in found), found


def test_a_text_stays_as_it_is_written(workspace: Path, write: Write) -> None:
    """YAML's guesses would make 1.1 of a version 1.10, and False of the country code no."""
    env = '{A: 1.10, B: no, C: 0o17, D: 2026-01-01, E: null, F: "null", G: "", H: 1_000}'
    write("a", service("a", 1, env=env, routes="[{path: /x, version: 1.10, retries: 2}]"))
    assert re.search("a.yaml:5:.*valid string, got nothing", faults(workspace)[0])
    write("a", service("a", 1, env=env.replace("E: null, ", ""), routes="[{path: /x, version: 1.10}]"))
    found = load(workspace).services["a"]
    assert list(found.env.values()) == ["1.10", "no", "0o17", "2026-01-01", "null", "", "1_000"]
    assert found.routes[0].version == "1.10"
    write("c", "nexus: v1\nkind: component\nname: c\nimage: null\nonce: true\nhealth: ~\n")
    component = load(workspace).components["c"]
    assert (component.image, component.once, component.health) == (None, True, None)


def test_anchors_and_merges(workspace: Path, write: Write) -> None:
    write("a", service("a", 1, env="&e {A: one, B: two}", limits="{<<: [{cpu: 1}, {cpu: 2, memory: 1Mi}]}"))
    write("b", service("b", 2, env="{<<: {A: one, B: two}, B: own}"))
    services = load(workspace).services
    assert services["b"].env == {"A": "one", "B": "own"}
    assert (services["a"].limits.cpu, services["a"].limits.memory) == (1, 1 << 20)


def test_windows_line_ends_and_a_byte_order_mark(workspace: Path, write: Write) -> None:
    text = service("a", 1, use="[x]").replace("\n", "\r\n")
    write("a", "").write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert faults(workspace) == ['blueprints/a.yaml:5:1: unknown key "use" | did you mean "uses"?']


def test_an_alias_bomb_is_refused_quickly(workspace: Path, write: Write) -> None:
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    write("bomb", "\n".join(levels))
    began = time.monotonic()
    assert "more than 50000 values" in faults(workspace)[0]
    assert time.monotonic() - began < 2


def test_all_faults_of_all_files_at_once(workspace: Path, write: Write) -> None:
    write("one", "nexus: v1\nkind: service\nname: a\nport: x\nuse: []\n")
    write("two", "nexus: v1\nnexus: v1\n")
    write("three", "nexus: v1\nkind: component\nname: c\nhealth: {tcp: x, http: /y}\n")
    found = faults(workspace)
    assert len(found) == 4
    assert found == sorted(found, key=lambda line: line.split(".yaml")[0])


def test_the_same_name_twice_names_both_places(workspace: Path, write: Write) -> None:
    write("one", service("a", 1))
    write("two", service("a", 2))
    assert faults(workspace) == [
        (
            'blueprints/two.yaml:3:7: the service "a" is described twice; first at blueprints/one.yaml:3:7 | '
            "rename one of them or remove a file"
        )
    ]


def test_include_stays_inside_the_workspace(workspace: Path) -> None:
    (workspace / "nexus.yaml").write_text(
        "nexus: v1\nkind: platform\nname: shop\n"
        "include: [../x.yaml, /etc/passwd, catalogue:postgre, gone.yaml, 'x**', .]\n"
    )
    found = faults(workspace)
    assert [line.split(": ", 1)[1] for line in found] == [
        '"../x.yaml" leaves the workspace | name paths inside it',
        '"/etc/passwd" leaves the workspace | name paths inside it',
        'the catalogue has no "postgre" | did you mean "postgres"?',
        'there is no file "gone.yaml" | ',
        '"x**" is not a pattern of paths | write it as blueprints/**/*.yaml',
        '"." is not a pattern of paths | write it as blueprints/**/*.yaml',
    ]


def test_defaults_lie_under_every_service(workspace: Path, write: Write) -> None:
    with (workspace / "nexus.yaml").open("a") as stream:
        stream.write("defaults: {service: {owner: team-a, limits: {memory: 128Mi}}}\n")
    write("a", service("a", 1, limits="{cpu: 1}"))
    write("b", service("b", 2, owner="team-b"))
    services = load(workspace).services
    assert (services["a"].owner, services["b"].owner) == ("team-a", "team-b")
    assert services["a"].limits.cpu == 1
    assert services["a"].limits.memory == 128 << 20


def test_an_unreadable_file_is_a_finding(workspace: Path, write: Write) -> None:
    write("a", "x").write_bytes(b"nexus: \xff\xfe")
    assert "not UTF-8" in faults(workspace)[0]


def test_a_thousand_services_load_in_good_time(workspace: Path, write: Write) -> None:
    for number in range(300):
        write(f"s{number}", service(f"s{number}", 10000 + number, uses="[postgres]"))
    began = time.monotonic()
    assert len(load(workspace).services) == 300
    assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("docker: ssh://shop.example, certificates: ~/.docker/e", "only a tcp:// engine"),
        ("process: true, certificates: ~/.docker/e", "only a tcp:// engine"),
        ("process: true, public: 10.0.0.5", "of the engine that `docker` names"),
    ],
)
def test_what_belongs_to_an_engine_stands_with_its_address(
    workspace: Path, write: Write, target: str, expected: str
) -> None:
    write("far", f"nexus: v1\nkind: environment\nname: far\ntarget: {{{target}}}\n")
    with pytest.raises(BlueprintFault, match=re.escape(expected)):
        load(workspace)
