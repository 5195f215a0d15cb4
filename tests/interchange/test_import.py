"""`nexus import compose`: components of a workspace, and a word about every key."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import Run
from tests.interchange.conftest import Folder, compose

SHOP = """\
name: my_shop
x-note: ignored
services:
  web_app:
    build:
      context: ./web
      args: {MODE: dev, API_KEY: k3y-with-many-letters}
      target: run
      cache_from: [x]
    image: shop/web
    container_name: the-web
    entrypoint: /entry --flag
    command: serve "two words" $$HOME $${NAME}
    ports: ["8080:80", "53:53/udp", "80"]
    expose: [9000]
    volumes:
      - uploads:/uploads
      - ./conf/nginx.conf:/etc/nginx.conf:ro
      - ./state:/state
      - /cache
      - /var/run/docker.sock:/var/run/docker.sock
    tmpfs: /run:size=16m
    configs:
      - source: motd
        target: /etc/motd
      - inline
    secrets: [token]
    environment:
      DATABASE_URL: postgres://app:s3cr3t-pass@db:5432/app
      discovery.type: single-node
      UNSET:
    depends_on:
      db: {condition: service_healthy}
      migrate: {condition: service_completed_successfully}
      cache: {condition: service_started, required: false}
    networks: {front: {aliases: [shop.local], ipv4_address: 10.0.0.2}, back: }
    healthcheck: {test: "curl -f http://localhost", interval: 30s, timeout: 10s, retries: 5, start_period: 1m}
    restart: unless-stopped
    user: "1000:1000"
    working_dir: /srv
    read_only: true
    init: true
    cap_add: [NET_ADMIN]
    cap_drop: [ALL]
    security_opt: ["seccomp:unconfined"]
    sysctls: {net.core.somaxconn: 1024}
    ulimits: {nproc: 65535, nofile: {soft: 1024, hard: 2048}}
    shm_size: 128mb
    hostname: web
    extra_hosts: ["host.docker.internal:host-gateway"]
    labels: ["traefik.enable=true"]
    stop_grace_period: 1m30s
    stop_signal: SIGQUIT
    tty: true
    stdin_open: true
    group_add: ["44"]
    devices: ["/dev/null:/dev/zero2:r"]
    deploy:
      resources: {limits: {cpus: "0.5", memory: 512M}, reservations: {memory: 64M}}
      replicas: 2
      placement: {constraints: [x]}
    logging: {driver: syslog}
    dns: 1.1.1.1
    pid: host
    something_new: 1
  migrate:
    image: app:1
    command: [migrate]
    restart: on-failure
    depends_on: [db]
  db:
    image: postgres:18.1
    environment: {POSTGRES_PASSWORD: s3cr3t-pass, POSTGRES_USER: app}
    volumes: [data:/var/lib/postgresql]
    healthcheck: {test: [CMD, pg_isready, -U, app]}
    mem_limit: 1.5g
    restart: always
  backup:
    image: postgres:18.1
    volumes: [data:/data:ro]
    restart: "no"
    healthcheck: {test: [NONE]}
  cache:
    image: valkey/valkey:9.1
    profiles: [cached]
volumes:
  data: {external: true}
  uploads: {driver_opts: {type: none, o: bind, device: ./uploads}}
networks: {front: , back: {internal: true}}
configs:
  motd: {file: ./motd}
  inline: {content: "hello $$you"}
secrets: {token: {file: ./token.txt}}
"""
FILES = {
    "compose.yaml": SHOP,
    "conf/nginx.conf": "",
    "motd": "",
    "token.txt": "",
    "web/Dockerfile": "FROM scratch AS run\n",
}


@pytest.fixture
def shop(folder: Folder) -> Path:
    root = folder(FILES)
    done = compose(root, "config", "-q")
    assert "something_new" in done.stderr, "compose refuses nothing else"
    return root


def component(root: Path, name: str) -> dict[str, Any]:
    return yaml.safe_load((root / f"blueprints/components/{name}.yaml").read_text())


def fates(done: Any) -> dict[tuple[str, str], tuple[str, str]]:
    return {
        (entry["subject"], entry["key"]): (entry["fate"], entry["reason"])
        for entry in json.loads(done.stdout)["keys"]
    }


def test_a_bare_folder_becomes_a_workspace(shop: Path, run: Run) -> None:
    done = run("import", "compose", cwd=shop)
    assert done.returncode == 0, done.stderr
    assert yaml.safe_load((shop / "nexus.yaml").read_text())["name"] == "my-shop"
    assert component(shop, "web-app") == {
        "nexus": "v1",
        "kind": "component",
        "name": "web-app",
        "aliases": ["web_app", "the-web", "shop.local", "web"],
        "build": {
            "context": "web",
            "target": "run",
            "args": {"MODE": "dev", "API_KEY": "k3y-with-many-letters"},
        },
        "entrypoint": ["/entry", "--flag"],
        "command": ["serve", "two words", "$HOME", "$${NAME}"],
        "uses": ["db", "migrate"],
        "user": "1000:1000",
        "workdir": "/srv",
        "ports": {"http": 80, "http-2": 80},
        "publish": {"http": 8080},
        "volumes": {"cache": "/cache"},
        "mounts": {
            "/uploads": {"source": "uploads", "write": True, "create": True},
            "/etc/nginx.conf": "conf/nginx.conf",
            "/state": {"source": "state", "write": True, "create": True},
            "/var/run/docker.sock": {"source": "/var/run/docker.sock", "write": True},
            "/etc/motd": "motd",
            "/inline": "config/inline",
            "/run/secrets/token": "token.txt",
        },
        "tmpfs": ["/run:size=16m"],
        "read_only": True,
        "init": True,
        "capabilities": ["NET_ADMIN"],
        "cap_drop": ["ALL"],
        "security_opt": ["seccomp:unconfined"],
        "group_add": ["44"],
        "devices": ["/dev/null:/dev/zero2:r"],
        "sysctls": {"net.core.somaxconn": "1024"},
        "ulimits": {"nproc": 65535, "nofile": {"soft": 1024, "hard": 2048}},
        "shm_size": "128Mi",
        "hostname": "web",
        "extra_hosts": ["host.docker.internal:host-gateway"],
        "labels": {"traefik.enable": "true"},
        "tty": True,
        "stdin_open": True,
        "stop_signal": "SIGQUIT",
        "secrets": ["POSTGRES_PASSWORD"],
        "env": {
            "DATABASE_URL": "postgres://app:${secrets.POSTGRES_PASSWORD}@db:5432/app",
            "discovery.type": "single-node",
        },
        "health": {"exec": ["/bin/sh", "-c", "curl -f http://localhost"], "start": "260s"},
        "stop_grace": "90s",
        "limits": {"cpu": 0.5, "memory": "512Mi"},
    }
    assert (shop / "config/inline").read_text() == "hello $you"
    assert component(shop, "migrate")["once"] is True
    assert "restart" not in component(shop, "migrate")
    assert component(shop, "db")["limits"] == {"memory": "1536Mi"}
    assert component(shop, "db")["health"] == {"exec": ["pg_isready", "-U", "app"], "start": "180s"}
    assert component(shop, "backup")["restart"] == "no"
    assert component(shop, "backup")["volumes"]["data"] == {
        "path": "/data",
        "shared": "data",
        "read_only": True,
    }
    assert component(shop, "db")["volumes"]["data"] == {"path": "/var/lib/postgresql", "shared": "data"}
    assert component(shop, "cache")["profiles"] == ["cached"]
    linted = run("lint", cwd=shop)
    assert linted.returncode == 0, linted.stdout


def test_every_key_has_a_fate_with_its_place(shop: Path, run: Run) -> None:
    done = run("import", "compose", "--dry-run", "-o", "json", cwd=shop)
    assert done.returncode == 0, done.stderr
    entries = json.loads(done.stdout)["keys"]
    for service, keys in yaml.safe_load(SHOP)["services"].items():
        told = {entry["key"].split(".")[0] for entry in entries if entry["subject"] == service}
        if service != "cache":
            assert set(keys) <= told, service
    lines = SHOP.splitlines()
    for entry in entries:
        assert entry["file"] == "compose.yaml"
        assert entry["line"] <= len(lines)
    by_key = fates(done)
    assert by_key["web_app", "something_new"] == ("lost", "nexus does not know this key")
    assert by_key["web_app", "deploy.replicas"] == ("lost", "a component runs once")
    assert by_key["web_app", "deploy.placement"] == ("lost", "only a swarm acts on it")
    assert by_key["web_app", "deploy.resources.reservations"][0] == "lost"
    assert by_key["web_app", "networks.front.ipv4_address"][0] == "lost"
    assert by_key["web_app", "build.cache_from"][0] == "lost"
    assert by_key["web_app", "pid"][0] == "lost"
    assert by_key["my_shop", "ports"][0] == "adapted"
    assert by_key["web_app", "logging"][0] == "adapted"
    assert by_key["web_app", "user"] == ("carried", "")
    assert by_key["cache", "profiles"] == ("carried", "")
    assert by_key["my_shop", "volumes.data.external"][0] == "lost"
    assert by_key["my_shop", "networks.back.internal"][0] == "lost"
    place = next(e for e in entries if (e["subject"], e["key"]) == ("web_app", "something_new"))
    assert lines[place["line"] - 1].strip() == "something_new: 1"
    assert sorted(path.name for path in shop.iterdir()) == [
        "compose.yaml",
        "conf",
        "motd",
        "token.txt",
        "web",
    ]


def test_the_table_says_what_was_lost_and_where(shop: Path, run: Run) -> None:
    done = run("import", "compose", cwd=shop)
    line = next(line for line in done.stdout.splitlines() if "web_app.pid" in line)
    number = SHOP.splitlines().index("    pid: host") + 1
    assert line.split()[0] == f"compose.yaml:{number}"
    assert "not carried" in line
    assert "components; " in done.stderr


def test_secrets_leave_the_blueprints(shop: Path, run: Run) -> None:
    done = run("import", "compose", cwd=shop)
    assert "POSTGRES_PASSWORD" in done.stderr
    for path in shop.rglob("*"):
        if path.is_file() and path.name != "compose.yaml" and "s3cr3t-pass" in path.read_text():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
            assert ".nexus" in path.parts
    assert (shop / ".nexus/.gitignore").read_text() == "*\n"
    assert "given" in run("secret", "list", cwd=shop).stdout


def test_strict_writes_nothing_when_something_is_lost(shop: Path, run: Run) -> None:
    done = run("import", "compose", "--strict", cwd=shop)
    assert done.returncode == 1
    assert "nothing was written" in done.stderr
    assert not (shop / "nexus.yaml").exists()


def test_a_second_import_changes_nothing(shop: Path, run: Run) -> None:
    run("import", "compose", cwd=shop)
    before = {path: path.read_bytes() for path in shop.rglob("*") if path.is_file()}
    done = run("import", "compose", "-o", "json", cwd=shop)
    assert {change["status"] for change in json.loads(done.stdout)["changes"]} == {"same"}
    assert before == {path: path.read_bytes() for path in shop.rglob("*") if path.is_file()}


def test_yours_is_not_overwritten(shop: Path, run: Run) -> None:
    run("import", "compose", cwd=shop)
    path = shop / "blueprints/components/db.yaml"
    path.write_text(path.read_text() + "title: Mine\n")
    other = shop / "blueprints/components/migrate.yaml"
    other.unlink()
    refused = run("import", "compose", cwd=shop)
    assert refused.returncode == 2
    assert "blueprints/components/db.yaml" in refused.stderr
    assert "--force" in refused.stderr
    assert not other.exists()
    forced = run("import", "compose", "--force", cwd=shop)
    assert forced.returncode == 0, forced.stderr
    assert "title: Mine" in (shop / "blueprints/components/db.yaml.orig").read_text()
    assert "title" not in component(shop, "db")


def test_into_a_workspace_that_has_other_things(folder: Folder, run: Run, workspace: Path) -> None:
    """Names and ports of what is there are kept; `include` gets what it lacks."""
    (workspace / "nexus.yaml").write_text(
        'nexus: v1\nkind: platform\nname: shop\ninclude: ["catalogue:postgres"]\n', encoding="utf-8"
    )
    root = folder("services: {postgres: {image: 'postgres:17', ports: ['5432:5432']}}\n")
    done = run("import", "compose", "--into", str(workspace), "-o", "json", cwd=root)
    assert done.returncode == 0, done.stderr
    made = component(workspace, "postgres-2")
    assert (made["ports"], made["publish"]) == ({"sql": 5432}, {"sql": 5433})
    assert made["image"] == "postgres:17"
    reasons = [entry["reason"] for entry in json.loads(done.stdout)["keys"]]
    assert "5432 is published on 5433: 5432 is postgres's" in reasons
    assert "blueprints/components/*.yaml" in (workspace / "nexus.yaml").read_text()
    assert "postgres-2" in run("list", cwd=workspace).stdout


def test_two_components_may_listen_on_one_port_inside(folder: Folder, run: Run) -> None:
    root = folder(
        "services:\n  a: {image: 'a:1', ports: ['8001:80']}\n"
        "  b: {image: 'b:1', ports: ['8002:80', '8001:81']}\n"
    )
    assert run("import", "compose", cwd=root).returncode == 0
    assert component(root, "b")["publish"] == {"http": 8002, "port-81": 8003}
    assert run("lint", cwd=root).returncode == 0


def test_names_that_a_blueprint_cannot_have(folder: Folder, run: Run) -> None:
    root = folder(
        "services:\n  MyApp.Web: {image: 'a:1', links: ['nexus:registry', 'db_1']}\n"
        "  nexus: {image: 'sonatype/nexus3:3'}\n  db_1: {image: 'b:1'}\n  db-1: {image: 'c:1'}\n"
    )
    done = run("import", "compose", cwd=root)
    assert done.returncode == 0, done.stderr
    assert component(root, "my-app-web")["uses"] == ["nexus-server", "db-1"]
    assert component(root, "nexus-server")["aliases"] == ["nexus", "registry"]
    assert component(root, "db-1")["image"] == "b:1"
    assert component(root, "db-1-2")["image"] == "c:1"
    assert run("lint", cwd=root).returncode == 0


def test_volumes_from_and_an_inline_dockerfile(folder: Folder, run: Run) -> None:
    root = folder(
        "services:\n"
        "  a: {build: {dockerfile_inline: \"FROM scratch\\n\"}, volumes: ['data:/d', './x:/x']}\n"
        "  b: {image: 'b:1', volumes_from: ['a:ro']}\n"
        "volumes: {data: }\n"
    )
    assert run("import", "compose", cwd=root).returncode == 0
    assert (root / "a.Dockerfile").read_text() == "FROM scratch\n"
    assert component(root, "a")["build"] == {"context": ".", "dockerfile": "a.Dockerfile"}
    made = component(root, "b")
    assert made["uses"] == ["a"]
    assert made["volumes"] == {"data": {"path": "/d", "shared": "data", "read_only": True}}
    assert made["mounts"]["/x"] == {"source": "x", "create": True}


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("services:\n  web: {command: x}\n", 2, "neither an image nor a build"),
        (
            "services:\n  web:\n    image: a\n    depends_on: [dbb]\n  db: {image: b}\n",
            4,
            'did you mean "db"?',
        ),
        (
            "services:\n  a: {image: a, depends_on: [b]}\n  b: {image: b, depends_on: [a]}\n",
            2,
            "a -> b -> a",
        ),
        ("services:\n  a: {image: a, volumes: ['xx:/x']}\n", 2, 'the volume "xx" is not described'),
        ("services:\n  a: {image: a, secrets: [x]}\n", 2, '"x" is not described'),
        ("services:\n  a: {image: a, restart: sometimes}\n", 2, "unknown restart policy"),
        ("services:\n  a: {image: a, ports: ['99999:80']}\n", 2, "99999 is not a port"),
        ("services:\n  a: {image: a, cpus: many}\n", 2, "cpus must be a number"),
        ("services:\n  a: {image: a, stop_grace_period: soon}\n", 2, "'soon' is not a duration"),
    ],
)
def test_bad_input_is_one_message_and_writes_nothing(
    folder: Folder, run: Run, text: str, line: int, said: str
) -> None:
    root = folder(text)
    done = run("import", "compose", cwd=root)
    assert done.returncode == 2, done.stdout
    assert done.stderr.startswith(f"compose.yaml:{line}:"), done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in root.iterdir()] == ["compose.yaml"]


def test_bad_arguments(folder: Folder, run: Run) -> None:
    root = folder({"compose.yaml": "services: {a: {image: 'a:1', profiles: [debug]}}\n", "empty/x": ""})
    for arguments, said in [
        (["none.yaml"], "there is no file none.yaml"),
        (["--profile", "debgu"], 'did you mean "debug"?'),
        (["--name", "My Shop", "--profile", "debug"], 'did you mean "my-shop"?'),
        (["--env-file", "none.env"], "cannot read none.env"),
    ]:
        done = run("import", "compose", *arguments, cwd=root)
        assert done.returncode == 2, done.stdout
        assert said in done.stderr
    done = run("import", "compose", cwd=root / "empty")
    assert done.returncode == 2
    assert "no compose file in" in done.stderr


def test_the_override_file_and_another_project_directory(folder: Folder, run: Run) -> None:
    root = folder(
        {
            "deploy/docker-compose.yml": "services: {a: {image: 'a:${TAG}', volumes: ['./x:/x']}}\n",
            "deploy/docker-compose.override.yml": "services: {a: {command: [over]}}\n",
            "vars": "TAG=7\n",
        }
    )
    done = run("import", "compose", "--into", str(root), cwd=root / "deploy", TAG="8")
    assert done.returncode == 0, done.stderr
    made = component(root, "a")
    assert (made["image"], made["command"]) == ("a:8", ["over"])
    assert made["mounts"]["/x"]["source"] == "deploy/x"
    files = ["deploy/docker-compose.yml", "deploy/docker-compose.override.yml"]
    options = ["--project-directory", ".", "--env-file", "vars", "--force"]
    done = run("import", "compose", *files, *options, cwd=root)
    assert done.returncode == 0, done.stderr
    made = component(root, "a")
    assert (made["image"], made["mounts"]["/x"]["source"]) == ("a:7", "x")
