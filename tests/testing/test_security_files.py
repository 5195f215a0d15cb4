"""What files give away: planted faults, looked for by the real programs."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from nexus_cli.blueprint.load import load
from nexus_cli.errors import NexusError
from nexus_cli.process import Completed
from nexus_cli.testing.case import Case, Tell
from nexus_cli.testing.run import Asked
from nexus_cli.testing.security import code, dependencies, dockerfiles, leaks, suite, tools, zap
from nexus_cli.workspace import Workspace

KEY = "AKIA" + "Z7QK2MNB4XVPLT6R"
SERVICE = "nexus: v1\nkind: service\nname: {}\nport: {}\ntype: {}\n"
LOCK = """\
{"name": "shop", "lockfileVersion": 3, "requires": true, "packages": {
"": {"name": "shop", "dependencies": {"lodash": "4.17.21"}},
"node_modules/lodash": {"version": "4.17.21"}}}
"""
FILES = {
    "nexus.yaml": "nexus: v1\nkind: platform\nname: shop\ninclude: [blueprints/*.yaml]\n",
    "blueprints/order.yaml": SERVICE.format("order", 8001, "fastapi"),
    "blueprints/shop.yaml": SERVICE.format("shop", 8002, "fastify"),
    "blueprints/stock.yaml": SERVICE.format("stock", 8003, "go"),
    "services/order/requirements.lock": "six==1.17.0\n",
    "services/order/src/order.py": "def total(price: int) -> int:\n    return price * 2\n",
    "services/order/tests/test_order.py": "import subprocess\nsubprocess.run('ls', shell=True)\n",
    "services/order/Dockerfile": "FROM scratch\nCOPY src /src\n",
    "services/shop/package.json": '{"name": "shop", "dependencies": {"lodash": "4.17.21"}}',
    "services/shop/package-lock.json": LOCK,
    "services/shop/src/main.ts": "export const one = 1;\n",
    "services/stock/go.mod": "module stock\n",
    "services/stock/main.go": "package main\n",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A workspace under git without a fault."""
    for name, text in FILES.items():
        path = tmp_path / "shop" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for command in (
        ["init", "-q"],
        ["add", "-A"],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x"],
    ):
        subprocess.run(["git", *command], cwd=tmp_path / "shop", check=True)
    return tmp_path / "shop"


def found(root: Path, check: Callable[[Asked, Tell], None]) -> list[Case]:
    cases: list[Case] = []
    check(Asked(Workspace(root), load(root), root / ".nexus" / "results"), cases.append)
    return cases


def test_a_key_that_leaked_is_found_and_never_shown(root: Path) -> None:
    (root / "services/order/src/storage.py").write_text(f'REGION = "eu"\nKEY = "{KEY}"\n')
    case, *more = found(root, leaks.check)
    assert (case.status, case.file, case.line) == ("failed", "services/order/src/storage.py", 2)
    assert "AWS Access Key in services/order/src/storage.py:2" in {c.message for c in (case, *more)}
    assert KEY not in repr((case, more))


@pytest.mark.parametrize(
    "line",
    [
        f'client = boto3.client("s3", key="{KEY}")',
        f'const pay = connect({{ key: "{KEY}" }});',
        "token github" + "_pat_" + "A1b2C3d4E5" * 2 + "F6_" + "g7H8i9J0k1" * 6,
        "maps: AI" + "za" + "Sy7Kd2Lm9Q" * 3 + "x4Tz1",
        'api = OpenAI(api_key="sk' + "-proj-" + "T3h5J7l9N1" * 4 + '")',
    ],
    ids=["argument of a call", "of another", "github", "google", "openai"],
)
def test_a_key_is_found_wherever_it_stands(root: Path, line: str) -> None:
    (root / "services/order/notes.py").write_text(f"# how it is used\n{line}\n")
    cases = found(root, leaks.check)
    assert {(case.status, case.file, case.line) for case in cases} == {
        ("failed", "services/order/notes.py", 2)
    }


def test_a_value_from_elsewhere_is_no_leak(root: Path) -> None:
    (root / "services/order/settings.py").write_text(
        'PASSWORD = os.environ["DATABASE_PASSWORD"]\ntoken = read_secret("payment")\n'
        "api_key = settings.api_key\n"
    )
    assert [case.status for case in found(root, leaks.check)] == ["passed"]


def test_what_was_accepted_is_no_leak(root: Path) -> None:
    leaked = root / "services/order/src/storage.py"
    leaked.write_text(f'KEY = "{KEY}"\n')
    scan = [
        str(tools.folder(Asked(Workspace(root), load(root), root)) / "detect-secrets"),
        "scan",
        "-n",
        str(leaked),
    ]
    said = json.loads(subprocess.run(scan, capture_output=True, text=True, check=True, cwd=root).stdout)
    results = {leaked.relative_to(root).as_posix(): one for one in said["results"].values()}
    (root / leaks.BASELINE).write_text(json.dumps({**said, "results": results}))
    assert [case.status for case in found(root, leaks.check)] == ["passed"]
    leaked.write_text(f'KEY = "{KEY[:-1]}Q"\n')  # another one in the same place is not accepted
    assert {case.status for case in found(root, leaks.check)} == {"failed"}
    leaked.write_text(f'KEY = "{KEY}"  # pragma: allowlist secret\n')
    (root / leaks.BASELINE).unlink()
    assert [case.status for case in found(root, leaks.check)] == ["passed"]


def test_a_baseline_that_cannot_be_read_is_a_fault(root: Path) -> None:
    (root / leaks.BASELINE).write_text("[]")
    with pytest.raises(NexusError, match=r"cannot read \.secrets\.baseline"):
        found(root, leaks.check)


def test_what_git_ignores_is_not_looked_at(root: Path) -> None:
    (root / ".gitignore").write_text(".env\n")
    (root / ".env").write_text(f"KEY={KEY}\n")
    assert [case.status for case in found(root, leaks.check)] == ["passed"]


def test_code_without_a_fault_passes_and_faults_are_found_in_every_language(root: Path) -> None:
    (root / "services/order/src/order.py").write_text(
        "import subprocess\n\n\ndef list_(db, name):\n"
        '    db.execute(f"SELECT * FROM t WHERE name = {name}")\n'
        "    subprocess.run(name, shell=True)\n"
    )
    (root / "services/shop/src/main.ts").write_text(
        "export const find = (db: any, name: string) => db.query(`SELECT * FROM t WHERE name = '${name}'`);\n"
        "export const run = (text: string) => eval(text);\n"
    )
    cases = found(root, code.check)
    assert {(case.subject, case.status, case.line, case.message.split(":")[0]) for case in cases} == {
        ("order", "failed", 5, "B608"),
        ("order", "failed", 6, "B602"),
        ("order", "failed", 5, "sql-from-text"),
        ("shop", "failed", 1, "sql-from-text-typescript"),
        ("shop", "failed", 2, "code-from-text"),
        ("stock", "passed", 0, ""),
    }


def test_a_dockerfile_that_breaks_a_rule_is_found(root: Path) -> None:
    assert [case.status for case in found(root, dockerfiles.check)] == ["passed"]
    (root / "services/order/Dockerfile").write_text("FROM debian\nRUN apt-get install curl\n")
    first, *_ = found(root, dockerfiles.check)
    assert (first.subject, first.status, first.file, first.line) == (
        *("order", "failed", "services/order/Dockerfile"),
        1,
    )
    assert first.message.startswith("DL3006")


def test_an_audit_without_a_database_is_not_run(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "npm_config_registry"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(dependencies.shutil, "which", lambda _: None)
    said = {case.subject: (case.status, case.message) for case in found(root, dependencies.check)}
    assert {status for status, _ in said.values()} == {"not run"}
    assert said["order"][1].startswith("offline: ")
    assert said["shop"][1].startswith("offline: ")
    assert said["stock"][1].startswith("govulncheck is not installed: go install ")


def test_answers_of_audits_are_understood() -> None:
    fault = {"id": "PYSEC-2018-28", "fix_versions": ["2.20.0"], "aliases": [], "description": ""}
    said = {"dependencies": [{"name": "requests", "version": "2.19.0", "vulns": [fault]}], "fixes": []}
    assert dependencies.python_faults(Completed(1, json.dumps(said), "")) == [
        ("requests 2.19.0: PYSEC-2018-28", "fixed in 2.20.0")
    ]
    node = {
        "vulnerabilities": {"lodash": {"severity": "critical", "range": "<4.17.21"}, "x": {"severity": "low"}}
    }
    assert [message for message, _ in dependencies.node_faults(Completed(1, json.dumps(node), ""))] == [
        "lodash <4.17.21: critical"
    ]
    finding = {
        "osv": "GO-2024-1",
        "fixed_version": "v1.2.3",
        "trace": [{"module": "x.org/y", "function": "F"}],
    }
    only_imported = {"osv": "GO-2024-2", "trace": [{"module": "x.org/z"}]}
    go = "\n".join(
        json.dumps(one) for one in ({"config": {}}, {"finding": finding}, {"finding": only_imported})
    )
    assert dependencies.go_faults(Completed(0, go, "")) == [("x.org/y: GO-2024-1", "fixed in v1.2.3")]


def test_a_program_that_cannot_be_brought_is_not_run(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEXUS_TOOLS", str(tmp_path / "tools"))
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(suite, "FILES", {"secrets in files": leaks.check})
    cases = found(root, suite._files)
    assert [(case.status, case.name) for case in cases] == [("not run", "secrets in files")]
    assert cases[0].message.startswith("what security tests use could not be installed")
    assert cases[0].detail


ZAP = """\
#!/bin/sh
[ "$1 $2 $3 $4" = "-cmd -quickurl http://127.0.0.1:1 -quickout" ] && cat > "$5" <<END
{"site": [{"alerts": [
  {"name": "SQL Injection", "riskcode": "3", "riskdesc": "High (Medium)",
   "instances": [{"method": "GET", "uri": "http://127.0.0.1:1/orders?id=1"}]},
  {"name": "A cookie without a purpose", "riskcode": "1", "riskdesc": "Low (Low)", "instances": []}
]}]}
END
"""


def test_without_zap_it_is_said_that_nothing_was_asked(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    asked = Asked(Workspace(root), load(root), root / "results")
    (case,) = zap.scan(asked, "http://127.0.0.1:1")
    assert case.status == "not run"
    assert "neither zap.sh nor zaproxy on the PATH, nor its image in the engine" in case.message
    assert "docker pull" in case.detail


def test_what_zap_reports_above_low_risk_is_told(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its quick scan: `-quickurl` is what is looked at, `-quickout` the report, by its ending in JSON."""
    program = tmp_path / "bin" / "zap.sh"
    program.parent.mkdir()
    program.write_text(ZAP)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    asked = Asked(Workspace(root), load(root), root / "results")
    (case,) = zap.scan(asked, "http://127.0.0.1:1")
    assert (case.status, case.message) == ("failed", "SQL Injection (High (Medium))")
    assert case.detail == "GET http://127.0.0.1:1/orders?id=1"
    assert (root / "results" / case.attachments[0]).is_file()
    program.write_text("#!/bin/sh\necho The home directory is already in use\nexit 1\n")
    with pytest.raises(NexusError, match="ZAP broke: The home directory is already in use"):
        list(zap.scan(asked, "http://127.0.0.1:1"))
