"""Where secrets come from: this process, a file, chance, and a real OpenBao server, up, refusing and down."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from nexus_cli.errors import UsageError
from nexus_cli.secrets import store
from nexus_cli.secrets.providers import PROVIDERS, ProviderDown
from tests.support.engine_units import free_port

ROOT = "root-t0ken"
NAMES = {"API_KEY", "OTHER"}


def test_from_the_environment_what_is_exported_comes_before_what_was_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.store(tmp_path, "API_KEY", "kept")
    store.store(tmp_path, "OTHER", "kept too")
    monkeypatch.setenv("API_KEY", "exported")
    monkeypatch.setenv("UNASKED", "stays out")
    monkeypatch.delenv("OTHER", raising=False)
    found = PROVIDERS["env"](tmp_path, NAMES | {"MISSING"}, None)
    assert found == {"API_KEY": "exported", "OTHER": "kept too"}


def test_made_ones_are_made_once_each_of_its_own_and_what_was_given_counts(tmp_path: Path) -> None:
    store.store(tmp_path, "OTHER", "given")
    first = PROVIDERS["generated"](tmp_path, NAMES, None)
    assert first["OTHER"] == "given"
    assert len(first["API_KEY"]) >= 32
    assert PROVIDERS["generated"](tmp_path, NAMES, None) == first
    assert PROVIDERS["generated"](tmp_path / "elsewhere", NAMES, None)["API_KEY"] != first["API_KEY"]
    assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == 0o600


def secret_file(folder: Path, text: str, mode: int = 0o600) -> str:
    path = folder / "secrets.env"
    path.write_text(text)
    path.chmod(mode)
    return str(path)


def test_a_file_gives_what_is_asked_for(tmp_path: Path) -> None:
    path = secret_file(tmp_path, "# ours\n\nAPI_KEY = a=b \nUNASKED=x\n")
    assert PROVIDERS["file"](tmp_path, NAMES, path) == {"API_KEY": "a=b"}


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_file_that_others_may_use_is_refused(tmp_path: Path, mode: int) -> None:
    path = secret_file(tmp_path, "API_KEY=hidden", mode)
    with pytest.raises(UsageError, match="others may read the secrets in") as fault:
        PROVIDERS["file"](tmp_path, NAMES, path)
    assert fault.value.hint == f"chmod 600 {path}"


def test_a_file_that_is_wrong_is_said_by_line_without_what_is_in_it(tmp_path: Path) -> None:
    path = secret_file(tmp_path, "API_KEY=a\nh1dden\n")
    with pytest.raises(UsageError, match=r"secrets.env:2: expected NAME=value") as fault:
        PROVIDERS["file"](tmp_path, NAMES, path)
    assert "h1dden" not in fault.value.message
    with pytest.raises(ProviderDown, match="No such file"):
        PROVIDERS["file"](tmp_path, NAMES, str(tmp_path / "none"))
    with pytest.raises(UsageError, match="need its `path`"):
        PROVIDERS["file"](tmp_path, NAMES, None)


@pytest.fixture(scope="module")
def bao(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an OpenBao server in memory, with a secret at secret/shop."""
    home = tmp_path_factory.mktemp("bao")
    where = f"127.0.0.1:{free_port()}"
    command = [Path(sys.executable).parent / "bao", "server", "-dev", "-dev-no-store-token"]
    options = [f"-dev-root-token-id={ROOT}", f"-dev-listen-address={where}"]
    with (home / "log").open("w") as log:
        server = subprocess.Popen(
            [*command, *options], stdout=log, stderr=log, env={**os.environ, "HOME": str(home)}
        )
    try:
        url, deadline = f"http://{where}", time.monotonic() + 60
        while not told(url, "secret/data/shop", {"data": {"API_KEY": "from the vault", "COUNT": 3}}):
            assert server.poll() is None, (home / "log").read_text()
            assert time.monotonic() < deadline, (home / "log").read_text()
            time.sleep(0.05)
        yield url
    finally:
        server.terminate()
        server.wait(timeout=30)


def told(url: str, path: str, body: object, method: str = "POST") -> bool:
    """Give the server something; whether it took it."""
    request = urllib.request.Request(
        f"{url}/v1/{path}", json.dumps(body).encode(), {"X-Vault-Token": ROOT}, method=method
    )
    try:
        with urllib.request.urlopen(request, timeout=5):
            return True
    except (urllib.error.URLError, OSError):
        return False


def from_vault(
    monkeypatch: pytest.MonkeyPatch,
    folder: Path,
    url: str,
    token: str = ROOT,
    path: str | None = "secret/shop",
) -> dict[str, str]:
    monkeypatch.setenv("VAULT_ADDR", url)
    monkeypatch.setenv("VAULT_TOKEN", token)
    return PROVIDERS["vault"](folder, NAMES | {"COUNT"}, path)


def test_a_vault_gives_what_is_asked_for_and_what_it_has(
    bao: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert from_vault(monkeypatch, tmp_path, bao) == {"API_KEY": "from the vault", "COUNT": "3"}
    assert list(tmp_path.iterdir()) == []


def test_a_vault_that_refuses_the_token_is_said_without_it(
    bao: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ProviderDown, match=r"gives no secret/shop: permission denied") as fault:
        from_vault(monkeypatch, tmp_path, bao, token="s.wr0ng")
    assert "s.wr0ng" not in f"{fault.value.message} {fault.value.hint}"
    assert "VAULT_TOKEN" in str(fault.value.hint)


def test_a_secret_that_a_vault_does_not_have_or_have_any_more_is_said(
    bao: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert told(bao, "secret/data/gone", {"data": {"API_KEY": "x"}})
    assert told(bao, "secret/data/gone", {}, "DELETE")
    for path in ("secret/none", "secret/gone", "elsewhere/shop"):
        with pytest.raises(ProviderDown, match=f"gives no {path}: "):
            from_vault(monkeypatch, tmp_path, bao, path=path)
    with pytest.raises(UsageError, match="need a `path`"):
        from_vault(monkeypatch, tmp_path, bao, path="secret")


def test_a_vault_that_is_sealed_or_down_is_said_and_where(
    bao: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(ProviderDown, match=f"Vault at {nobody} gives no secret/shop"):
        from_vault(monkeypatch, tmp_path, nobody)
    assert told(bao, "sys/seal", {})  # the last test that needs it open
    with pytest.raises(ProviderDown, match=r"gives no secret/shop: .*sealed"):
        from_vault(monkeypatch, tmp_path, bao)
