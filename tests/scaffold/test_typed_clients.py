"""A service that has a generated client of another one finds it typed, beside its plain client."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from nexus_cli.blueprint.load import load
from nexus_cli.sdk.go import programs
from nexus_cli.sdk.source import read
from nexus_cli.stack.clients import make
from tests.conftest import running, service

PACKAGE = """\
nexus: v1
kind: package
name: {name}
language: {language}
client_of: {of}
users: [{user}]
"""


def test_each_language_has_the_typed_client(workspace: Path, write: Callable[[str, str], Path]) -> None:
    nexus = running(workspace)
    write("stock", service("stock", 3901))
    write("back-office", service("back-office", 3902))
    for number, (user, kind) in enumerate({"page": "fastapi", "gate": "go", "desk": "express"}.items()):
        uses = "[stock, back-office]"
        write(user, service(user, 3903 + number, type=kind) + f"uses: {uses}\n")
    languages = {"python": "page", "go": "gate", "typescript": "desk"}
    for language, user in languages.items():
        name = f"stock-client-{language}"
        write(name, PACKAGE.format(name=name, language=language, of="stock", user=user))
    made = nexus("generate", "app", "page", "gate", "desk")
    assert made.returncode == 0, made.stderr
    page, gate, desk = (workspace / "services" / user for user in languages.values())
    written = (page / "src/page_service/generated/clients.py").read_text()
    compile(written, "clients.py", "exec")
    compile((page / "tests/conftest.py").read_text(), "conftest.py", "exec")
    compile((page / "src/page_service/generated/middleware.py").read_text(), "middleware.py", "exec")
    assert "    stock: StockClient\n    back_office: ServiceClient\n" in written
    assert "stock_client_python.AsyncClient(" in written
    text = (desk / "src/generated/clients.ts").read_text()
    assert 'Client as StockApi,\n} from "@shop/stock-client-typescript";' in text
    assert '  readonly stock: StockClient;\n  readonly "back-office": ServiceClient;\n' in text
    clients = gate / "internal/generated/clients/clients.go"
    web = gate / "internal/generated/web/web.go"
    shown = subprocess.run(
        [programs(print) / "gofmt", "-d", clients, web],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert shown.stdout == ""
    assert "Stock *StockClient" in clients.read_text()
    refused = nexus("generate", "package", "stock-client-go")
    assert "hint: nexus generate sdk --service stock --lang go" in refused.stderr


def test_pages_call_by_the_gateways_paths(workspace: Path, write: Callable[[str, str], Path]) -> None:
    """A web application is a caller too, and asks for what a route rewrites as the gateway has it."""
    nexus = running(workspace)
    write("stock", service("stock", 3901, routes="[{path: /shelf, rewrite: /api/v1/items}, {path: /api/v1}]"))
    write("plain", service("plain", 3902, routes="[{path: /api/v1/plain}]"))
    write("page", service("page", 3903, type="nextjs", uses="[stock, plain]"))
    write("desk", service("desk", 3904, type="fastapi", uses="[stock]"))
    assert nexus("generate", "app", "page").returncode == 0
    spec = workspace / "openapi.yaml"
    spec.write_text("openapi: 3.1.0\ninfo: {title: API, version: 1.0.0}\npaths: {}\n")
    for name in ("stock", "plain"):
        found = make(
            load(workspace),
            workspace,
            name,
            read(str(spec)),
            "typescript",
            verify=False,
            force=False,
            dry_run=False,
            progress=print,
        )
        assert found.users == ["page"]
    written = (workspace / "services/page/src/generated/clients.ts").read_text()
    ways = '[["/api/v1/items", "/shelf"], ["/api/v1", "/api/v1"]]'
    assert f"new StockApi({{ ...(await through()), fetch: by({ways}) }})" in written
    assert "new PlainApi(await through())" in written


def test_a_client_of_nobody_is_a_fault(workspace: Path, write: Callable[[str, str], Path]) -> None:
    nexus = running(workspace)
    write("stock", service("stock", 3901))
    path = write("lost", PACKAGE.format(name="lost", language="python", of="stok", user="stock"))
    done = nexus("lint")
    assert f'{path.name}:5:12: error: unknown service "stok"' in done.stdout + done.stderr
    assert 'did you mean "stock"?' in done.stdout + done.stderr
