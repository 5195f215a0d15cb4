"""A project is understood as Docker Compose understands it; every fault has its place."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from nexus_cli.interchange.located import ComposeFault, Map
from nexus_cli.interchange.project import Choice, Project, load, service_environment
from tests.interchange.conftest import Folder, understood

PROJECTS: dict[str, dict[str, str]] = {
    "short and long": {
        "compose.yaml": """\
name: short
x-common: &common
  restart: always
  environment: &env {COMMON: "1", OVER: under}
services:
  web:
    <<: *common
    image: nginx:1.29
    command: sh -c "echo 'a b' && exec nginx"
    entrypoint: ["/entry", "--flag"]
    ports: ["8080:80", "127.0.0.1:8443:443", "9000-9002:9000-9002", "53:53/udp", "3000"]
    volumes:
      - data:/data
      - ./conf:/etc/conf:ro
      - /anonymous
      - {type: bind, source: ./other, target: /other, read_only: true}
      - {type: volume, source: data, target: /again}
      - {type: tmpfs, target: /fast}
    environment:
      <<: *env
      OVER: over
      NUMBER: 12
      YES: yes
      EMPTY: ""
    healthcheck: {test: curl -f localhost, interval: 1m30s}
    depends_on: [db]
  db:
    <<: *common
    image: postgres:18.1
    command: []
    healthcheck: {test: [CMD, pg_isready]}
  late:
    image: busybox:1.37
    command: ["true"]
    environment: [A=b=c, "QUOTED=\\"x\\"", PASSED, UNSET]
    depends_on:
      db: {condition: service_healthy}
      web: {condition: service_started}
volumes: {data: }
""",
        ".env": "PASSED=from the env file\n",
    },
    "interpolated": {
        "compose.yaml": """\
services:
  app:
    image: ${IMAGE:-app}:${TAG}
    command: ["sh", "-c", "echo $$HOME ${NONE:-$TAG}", "${EMPTY-unset}"]
    environment: {URL: "http://${HOST:?}:${PORT:-80}", EXTRA: "${TAG:+yes}"}
    ports: ["${PORT:-80}:80", "${EXPOSED-:9090:9090}"]
    healthcheck: {test: "test $${X} = ${TAG}"}
""",
        ".env": "TAG=1.2\nHOST=h\nEMPTY=\n",
    },
    "extended": {
        "compose.yaml": """\
services:
  base:
    image: app:1
    environment: {A: base, B: base}
    volumes: ["./base:/base", "./data:/data"]
    ports: ["1000:1000"]
    command: [base]
  web:
    extends: base
    environment: [B=web]
    volumes: ["./mine:/data"]
    ports: ["2000:1000"]
    command: [web]
  far:
    extends: {file: parts/common.yaml, service: worker}
    environment: {B: far}
""",
        "parts/common.yaml": """\
services:
  root:
    image: worker:2
    env_file: worker.env
    volumes: ["./state:/state"]
  worker:
    extends: {service: root}
    environment: {C: worker}
""",
        "parts/worker.env": "FROM_FILE=1\nC=file\n",
    },
    "included": {
        "compose.yaml": """\
include:
  - parts/db.yaml
  - path: [parts/cache.yaml]
    project_directory: parts
    env_file: parts/cache.env
services:
  web:
    image: web:1
    depends_on: [db, cache]
""",
        "parts/db.yaml": """\
services:
  db: {image: "db:1", volumes: ["data:/data", "./init:/init"]}
volumes: {data: }
""",
        "parts/cache.yaml": 'services: {cache: {image: "cache:${VERSION}", volumes: ["./c:/c"]}}\n',
        "parts/cache.env": "VERSION=7\n",
    },
    "same place twice": {
        "compose.yaml": """\
services:
  app:
    image: app:1
    volumes: ["./a:/data", "named:/data"]
    ports: ["80:80", "80:80"]
volumes: {named: }
"""
    },
}
LAYERS = {
    "compose.yaml": """\
services:
  web:
    image: web:1
    command: [one, two]
    ports: ["80:80", "443:443"]
    environment: {A: "1", B: "1"}
    volumes: ["./a:/a", "./b:/b"]
    depends_on: [db]
    healthcheck: {test: [CMD, one], interval: 5s}
    env_file: [one.env]
  db: {image: "db:1", environment: {GONE: "1"}}
""",
    "prod.yaml": """\
services:
  web:
    image: web:2
    command: three
    ports: !override ["8080:80"]
    environment: [B=2, C=3]
    volumes: ["./c:/b"]
    depends_on: {cache: {condition: service_healthy}}
    healthcheck: {test: [CMD, two]}
    env_file: [two.env]
  db:
    environment: !reset null
  cache: {image: "cache:1", healthcheck: {test: "ping"}}
""",
    "one.env": "X=1\nY=1\n",
    "two.env": "Y=2\n",
}


def read(root: Path, *files: str, **more: Any) -> Project:
    environment = {name: value for name, value in os.environ.items() if name not in {"HOST", "TAG", "PORT"}}
    return load(Choice([root / file for file in files or ("compose.yaml",)], environment=environment, **more))


def ours(project: Project, name: str) -> dict[str, Any]:
    """A service in the words of `docker compose config`."""
    service = project.services[name]
    variables, _ = service_environment(service, project.variables)
    test = (service.get("healthcheck") or {}).get("test")
    return {
        "image": service.get("image"),
        "command": list(service.get("command") or ()),
        "entrypoint": list(service.get("entrypoint") or ()),
        "environment": {k: v for k, v in variables.items() if v is not None},
        "ports": sorted(port_of(entry) for entry in service.get("ports") or ()),
        "volumes": sorted(volume_of(entry) for entry in service.get("volumes") or ()),
        "depends_on": {k: v["condition"] for k, v in (service.get("depends_on") or {}).items()},
        "test": list(test or ()),
    }


def theirs(service: dict[str, Any]) -> dict[str, Any]:
    """A service of `docker compose config`; there a dollar sign is still escaped."""
    plain = lambda words: [word.replace("$$", "$") for word in words or ()]  # noqa: E731
    return {
        "image": service.get("image"),
        "command": plain(service.get("command")),
        "entrypoint": plain(service.get("entrypoint")),
        "environment": {k: v for k, v in (service.get("environment") or {}).items() if v is not None},
        "ports": sorted(port_of(entry) for entry in service.get("ports") or ()),
        "volumes": sorted(volume_of(entry) for entry in service.get("volumes") or ()),
        "depends_on": {k: v["condition"] for k, v in (service.get("depends_on") or {}).items()},
        "test": plain((service.get("healthcheck") or {}).get("test")),
    }


def port_of(entry: dict[str, Any]) -> tuple[str, ...]:
    parts = (str(entry.get(key) or "") for key in ("target", "published", "host_ip"))
    return (*parts, entry.get("protocol", "tcp"))


def volume_of(entry: dict[str, Any]) -> tuple[str, ...]:
    return (
        entry.get("type", "volume"),
        entry.get("source") or "",
        entry["target"],
        str(entry.get("read_only", False)).lower(),
    )


@pytest.mark.parametrize("name", PROJECTS)
def test_a_project_means_what_compose_says(folder: Folder, name: str) -> None:
    root = folder(PROJECTS[name])
    judged, project = understood(root)["services"], read(root)
    assert project.services.keys() == judged.keys()
    for service in judged:
        assert ours(project, service) == theirs(judged[service]), service


def test_several_files_are_laid_over_one_another_as_compose_does(folder: Folder) -> None:
    root = folder(LAYERS)
    judged = understood(root, "-f", "compose.yaml", "-f", "prod.yaml")["services"]
    project = read(root, "compose.yaml", "prod.yaml")
    for service in judged:
        assert ours(project, service) == theirs(judged[service]), service


@pytest.mark.parametrize(
    ("chosen", "variables", "expected"),
    [
        ([], "", {"web"}),
        (["debug"], "", {"web", "shell"}),
        (["*"], "", {"web", "shell", "tools"}),
        ([], "COMPOSE_PROFILES=debug, tools\n", {"web", "shell", "tools"}),
    ],
)
def test_profiles(folder: Folder, chosen: list[str], variables: str, expected: set[str]) -> None:
    root = folder(
        {
            "compose.yaml": "services:\n  web: {image: 'a:1'}\n  shell: {image: 'a:1', profiles: [debug]}\n"
            "  tools: {image: 'a:1', profiles: [tools]}\n",
            ".env": variables,
        }
    )
    project = read(root, profiles=chosen)
    assert project.services.keys() == expected
    options = [word for profile in chosen for word in ("--profile", profile)]
    assert understood(root, *options)["services"].keys() == expected


def test_a_key_from_an_anchor_keeps_its_line(folder: Folder) -> None:
    root = folder("x-a: &a\n  init: true\nservices:\n  web:\n    <<: *a\n    image: web:1\n")
    web = read(root).services["web"]
    assert isinstance(web, Map)
    assert (web.at("init").line, web.at("image").line) == (2, 6)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("services:\n  web:\n    image: [1\n", 4, ""),
        ("services:\n  web:\n    image: a\n    image: b\n", 4, 'duplicate key "image"'),
        ("services: [web]\n", 1, "`services` is not a mapping"),
        ("services:\n  web: nginx\n", 2, 'the service "web" is not a mapping'),
        ("services:\n  web:\n    image: ${TAG:?name one}\n", 3, "TAG must have a value: name one"),
        ("services:\n  web:\n    image: 'a$'\n", 3, "invalid interpolation format"),
        ("services:\n  web:\n    image: a\n    ports: [http]\n", 4, "'http' is not a port"),
        ('services:\n  web:\n    image: a\n    command: "\'"\n', 4, "cannot be split into words"),
        ("services:\n  web:\n    image: a\n    extends: wbe\n", 4, 'extends an unknown service "wbe"'),
        ("services:\n  a:\n    extends: b\n  b:\n    extends: a\n", 2, "extend one another: a -> b -> a"),
        ("services:\n  a:\n    extends: {file: none.yaml, service: x}\n", 3, "there is no file none.yaml"),
        ("include: [none.yaml]\nservices: {}\n", 1, "there is no file"),
        ("include: [compose.yaml]\nservices: {}\n", 1, "include one another"),
        ("services:\n  web:\n    image: a\n    volumes: ['a::b']\n", 4, "nothing stands between two colons"),
        ("services:\n  web:\n    image: a\n    ports: [{a: b}, [x]]\n", 4, "expected a text here"),
        ("services:\n  web:\n    image: [a]\n", 3, "web.image: expected a single value, got a list"),
        (
            "services:\n  web:\n    image: a\n    labels: {a: [b]}\n",
            4,
            "web.labels.a: expected a single value",
        ),
        ("services:\n  web:\n    image: a\n    deploy: x\n", 4, "web.deploy: expected a mapping, got 'x'"),
        ("services:\n  web:\n    image: a\n    expose: [null]\n", 4, "web.expose[0]: expected something"),
        ("services:\n  web:\n    image: a\n    env_file: [{}]\n", 4, "an env file needs a path"),
        ("services:\n  web: {image: a}\nvolumes: {a: x}\n", 3, "volumes.a is not a mapping"),
        ("services:\n  web: !!python/object:os.system {}\n", 2, "is not allowed"),
    ],
)
def test_a_fault_has_its_place(folder: Folder, text: str, line: int, said: str) -> None:
    with pytest.raises(ComposeFault) as caught:
        read(folder(text))
    finding = caught.value.findings[0]
    assert finding.where.line == line, finding
    assert said in finding.message


def test_aliases_cannot_multiply_without_bound(folder: Folder) -> None:
    lines = ["x-0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"x-{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(ComposeFault, match="values once aliases are followed"):
        read(folder("\n".join(lines)))
