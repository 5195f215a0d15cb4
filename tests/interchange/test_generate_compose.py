"""`nexus generate compose`: a file that Docker Compose accepts, which holds no secret."""

from __future__ import annotations

import json
import secrets
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml
from nexus_generators.compose import ComposeSettings
from nexus_generators.compose import compose as generate

from nexus_cli.unit import Bind, Container, File, ImageBuild, Probe, Stored, Unit
from tests.conftest import Run
from tests.interchange.conftest import Folder, compose, understood

SERVICE = """\
nexus: v1
kind: service
name: order
port: 3111
uses: [postgres, redis, nats]
routes: [{path: /api/v1/orders, auth: jwt}]
secrets: [STRIPE_API_KEY]
env: {PRICE: "5$$"}
"""


def unit(name: str, *command: str, **more: Any) -> Unit:
    container = {
        key: more.pop(key) for key in tuple(more) if key in Container.__dataclass_fields__ and key != "files"
    }
    container.setdefault("image", "python:3.13-slim")
    return Unit(
        name,
        more.pop("kind", "component"),
        command,
        "",
        runtime=Container(**container, files="/etc/f"),
        **more,
    )


def written(tmp_path: Path, *units: Unit, marks: dict[str, str] | None = None) -> dict[str, Any]:
    text = generate(units, ComposeSettings("shop", tmp_path, marks or {}))
    (tmp_path / "compose.yaml").write_text(text)
    done = compose(tmp_path, "config", "-q")
    assert done.returncode == 0, done.stderr
    return yaml.safe_load(text)


def test_everything_that_a_container_is_told(tmp_path: Path) -> None:
    web = unit(
        "web",
        "serve",
        entrypoint=("/entry",),
        env={"A": "1"},
        ports={"http": 8080, "admin": 9901},
        listens={"http": 80, "admin": 9901},
        volumes={"/data": Stored("data"), "/all": Stored("all", shared=True, read_only=True)},
        binds={"/conf": Bind(tmp_path / "conf"), "/state": Bind(tmp_path / "state", write=True, create=True)},
        tmpfs=("/run:size=1m",),
        user="1000",
        workdir="/srv",
        aliases=("front",),
        read_only=True,
        init=True,
        capabilities=("NET_ADMIN",),
        cap_drop=("ALL",),
        ulimits={"nofile": (1, 2)},
        shm_size=1 << 20,
        hostname="w",
        extra_hosts=("a:10.0.0.1",),
        labels={"a": "b"},
        restart="on-failure",
        cpu=0.5,
        memory=1 << 28,
        stop_signal="SIGQUIT",
        stop_seconds=90.0,
        files={"a.conf": File("costs $5\n")},
    )
    document = written(tmp_path, web)
    assert document["services"]["web"] == {
        "image": "python:3.13-slim",
        "entrypoint": ["/entry"],
        "command": ["serve"],
        "environment": {"A": "1"},
        "ports": ["127.0.0.1:8080:80", "127.0.0.1:9901:9901"],
        "volumes": [
            "web-data:/data",
            "all:/all:ro",
            {
                "type": "bind",
                "source": "./conf",
                "target": "/conf",
                "read_only": True,
                "bind": {"create_host_path": False},
            },
            {"type": "bind", "source": "./state", "target": "/state", "bind": {"create_host_path": True}},
        ],
        "configs": [{"source": "web-0", "target": "/etc/f/a.conf"}],
        "user": "1000",
        "working_dir": "/srv",
        "hostname": "w",
        "tmpfs": ["/run:size=1m"],
        "read_only": True,
        "init": True,
        "cap_drop": ["ALL"],
        "cap_add": ["NET_ADMIN"],
        "ulimits": {"nofile": {"soft": 1, "hard": 2}},
        "shm_size": 1 << 20,
        "extra_hosts": ["a:10.0.0.1"],
        "labels": {"a": "b"},
        "cpus": 0.5,
        "mem_limit": 1 << 28,
        "networks": {"default": {"aliases": ["front"]}},
        "restart": "on-failure",
        "stop_signal": "SIGQUIT",
        "stop_grace_period": "90s",
    }
    assert document["configs"] == {"web-0": {"content": "costs $$5\n"}}
    assert document["volumes"] == {"web-data": None, "all": None}


def test_who_waits_for_what(tmp_path: Path) -> None:
    document = written(
        tmp_path,
        unit("db", probe=Probe("tcp", port=5432)),
        unit("log", probe=Probe("log", target="ready")),
        unit("db.app", "make", kind="job", input="select 1;\n", needs=("db",), image="db:1"),
        unit("app", needs=("db", "log", "db.app", "gone"), probe=Probe("exec", command=("ask",))),
    )
    services = document["services"]
    assert services["app"]["depends_on"] == {
        "db": {"condition": "service_healthy"},
        "log": {"condition": "service_started"},
        "db-app": {"condition": "service_completed_successfully"},
    }
    assert services["app"]["healthcheck"]["test"] == ["CMD", "ask"]
    assert "healthcheck" not in services["log"]
    job = services["db-app"]
    assert job["restart"] == "no"
    assert job["entrypoint"][:2] == ["sh", "-c"]
    assert job["command"] == ["make"]
    assert document["configs"][job["configs"][0]["source"]] == {"content": "select 1;\n"}


def test_a_secret_is_a_variable_and_a_dollar_is_itself(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DB_PASSWORD=x\n")
    app = unit("app", "sh", "-c", "echo $HOME ${X}", env={"URL": "p://u:<1>@db"})
    document = written(tmp_path, app, marks={"<1>": "DB_PASSWORD"})
    assert document["services"]["app"]["environment"] == {"URL": "p://u:${DB_PASSWORD:?is missing}@db"}
    judged = understood(tmp_path)["services"]["app"]
    assert judged["environment"]["URL"] == "p://u:x@db"
    assert judged["command"] == ["sh", "-c", "echo $$HOME $${X}"]


def test_a_build(tmp_path: Path) -> None:
    build = ImageBuild(tmp_path / "services/order", "Other", "run", (("A", "1"),))
    document = written(
        tmp_path / "deploy" if (tmp_path / "deploy").mkdir() else tmp_path, unit("order", build=build)
    )
    assert document["services"]["order"]["build"] == {
        "context": "./services/order",
        "dockerfile": "Other",
        "target": "run",
        "args": {"A": "1"},
    }


HTTP = "import http.server as h; h.HTTPServer(('', 8099), h.SimpleHTTPRequestHandler).serve_forever()"
HIDE = {
    "sh": "rm -f /usr/bin/wget /usr/bin/curl /bin/bash /usr/bin/bash /usr/local/bin/python3",
    "bash": "rm -f /usr/bin/wget /usr/bin/curl /usr/local/bin/python3",
    "all": "true",
}
TRIAL = """\
{hide}
sh /check.sh && echo too early
python3.13 -c "{server}" 2>/dev/null &
for _ in $(seq 50); do sh /check.sh 2>/dev/null && echo ready && exit; sleep 0.1; done
"""


@pytest.mark.parametrize("kind", ["tcp", "http"])
@pytest.mark.parametrize("tools", HIDE)
def test_health_checks_need_no_tools_of_the_image(
    tmp_path: Path, docker_engine: str, kind: str, tools: str
) -> None:
    """The check itself, run in a container where nothing listens and where a server answers."""
    probe = Probe(kind, port=8099, target="/" if kind == "http" else "")  # type: ignore[arg-type]
    check = written(tmp_path, unit("web", probe=probe))["services"]["web"]["healthcheck"]["test"][1]
    trial = {
        "image": "python:3.13-slim",
        "command": ["sh", "/trial.sh"],
        "volumes": ["./check.sh:/check.sh:ro", "./trial.sh:/trial.sh:ro"],
    }
    name = f"nexus-check-{secrets.token_hex(3)}"
    (tmp_path / "compose.yaml").write_text(json.dumps({"name": name, "services": {"web": trial}}))
    (tmp_path / "check.sh").write_text(check.replace("$$", "$"))
    (tmp_path / "trial.sh").write_text(TRIAL.format(hide=HIDE[tools], server=HTTP))
    try:
        done = compose(tmp_path, "run", "--rm", "-T", "web")
        assert done.stdout.split() == ["ready"], done.stderr
    finally:
        compose(tmp_path, "down", "--timeout", "0")


@pytest.fixture
def shop(workspace: Path) -> Path:
    (workspace / "blueprints/order.yaml").write_text(SERVICE)
    (workspace / "services/order").mkdir(parents=True)
    return workspace


def test_a_platform(shop: Path, nexus: Run) -> None:
    done = nexus("generate", "compose")
    assert done.returncode == 0, done.stderr
    assert "STRIPE_API_KEY has no value" in done.stderr
    env_file = shop / ".env"
    assert stat.S_IMODE(env_file.stat().st_mode) == 0o600
    values = dict(line.split("=", 1) for line in env_file.read_text().splitlines())
    assert values.keys() == {"POSTGRES_PASSWORD", "REDIS_PASSWORD", "NATS_PASSWORD"}
    text = (shop / "compose.yaml").read_text()
    assert not any(value.strip("'") in text for value in values.values())
    refused = compose(shop, "config", "-q")
    assert "STRIPE_API_KEY" in refused.stderr
    env_file.write_text(env_file.read_text() + "STRIPE_API_KEY=sk\n")
    judged = understood(shop)["services"]
    assert judged["order"]["environment"]["PRICE"] == "5$$"
    assert judged["order"]["environment"]["STRIPE_API_KEY"] == "sk"
    password = values["POSTGRES_PASSWORD"].strip("'")
    assert (
        judged["order"]["environment"]["DATABASE_URL"] == f"postgresql://nexus:{password}@postgres:5432/order"
    )
    assert judged["order"]["read_only"] is True
    assert judged["order"]["cap_drop"] == ["ALL"]
    assert judged["postgres-order"]["depends_on"]["postgres"]["condition"] == "service_healthy"
    for service in judged.values():
        assert all(port["host_ip"] == "127.0.0.1" for port in service.get("ports", ()))


def test_it_is_kept_up_and_what_a_person_changed_is_not_lost(shop: Path, nexus: Run) -> None:
    dry = nexus("generate", "compose", "--dry-run")
    assert "created" in dry.stdout
    assert not (shop / "compose.yaml").exists()
    assert nexus("generate", "compose").returncode == 0
    first, secrets = (shop / "compose.yaml").read_text(), (shop / ".env").read_text()
    assert "same" in nexus("generate", "compose").stdout
    (shop / "blueprints/order.yaml").write_text(SERVICE.replace("3111", "3112"))
    assert "updated" in nexus("generate", "compose").stdout
    assert (shop / "compose.yaml").read_text() != first
    assert (shop / ".env").read_text() == secrets
    (shop / "compose.yaml").write_text((shop / "compose.yaml").read_text() + "# mine\n")
    refused = nexus("generate", "compose")
    assert refused.returncode == 2
    assert "compose.yaml is not as it was generated" in refused.stderr
    forced = nexus("generate", "compose", "--force")
    assert forced.returncode == 0, forced.stderr
    assert "# mine" in (shop / "compose.yaml.orig").read_text()


def test_another_place(shop: Path, nexus: Run) -> None:
    (shop / "deploy").mkdir()
    (shop / "deploy/.env").write_text("OWN=1\nREDIS_PASSWORD=mine\n")
    done = nexus("generate", "compose", "--file", "deploy/stack.yaml")
    assert done.returncode == 0, done.stderr
    lines = (shop / "deploy/.env").read_text().splitlines()
    assert lines[:2] == ["OWN=1", "REDIS_PASSWORD=mine"]
    assert stat.S_IMODE((shop / "deploy/.env").stat().st_mode) == 0o600
    document = yaml.safe_load((shop / "deploy/stack.yaml").read_text())
    assert document["services"]["order"]["build"]["context"] == "../services/order"
    refused = nexus("generate", "compose", "--file", "stack.txt")
    assert refused.returncode == 2


def test_what_was_generated_can_be_imported(shop: Path, nexus: Run, folder: Folder, run: Run) -> None:
    """The same set, with the same edges, and the secrets still outside."""
    nexus("generate", "compose")
    other = folder({path: (shop / path).read_text() for path in ("compose.yaml", ".env")})
    done = run("import", "compose", "-o", "json", cwd=other, STRIPE_API_KEY="sk-from-outside-1")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert set(found["components"]) == {"gateway", "nats", "postgres", "redis", "order", "postgres-order"}
    assert found["counts"]["lost"] == 0
    order = yaml.safe_load((other / "blueprints/components/order.yaml").read_text())
    assert order["uses"] == ["postgres", "redis", "nats", "postgres-order"]
    assert order["env"]["NATS_URL"] == "nats://nexus:${secrets.NATS_PASSWORD}@nats:4222"
    assert order["env"]["STRIPE_API_KEY"] == "${secrets.STRIPE_API_KEY}"
    redis = yaml.safe_load((other / "blueprints/components/redis.yaml").read_text())
    assert redis["command"][2] == "${secrets.REDIS_PASSWORD}"
    assert yaml.safe_load((other / "blueprints/components/postgres-order.yaml").read_text())["once"]
