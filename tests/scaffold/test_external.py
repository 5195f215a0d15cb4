"""Templates from elsewhere: Copier renders them, and they may do nothing that was not allowed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml
from nexus_generators.generator import File
from scaffolding import Run, tree

from nexus_cli.errors import NexusError, UsageError
from nexus_cli.scaffold import external
from nexus_cli.scaffold.app import generate_app
from nexus_cli.scaffold.outcome import Choice


def template(root: Path, config: str = "", files: dict[str, str] | None = None) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    (root / "copier.yml").write_text(f"name: {{type: str}}\n{config}\n")
    for path, content in (files or {"app.py.jinja": "name = '{{ name }}'\n"}).items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content)
    return root


def render(source: Path | str, *, ref: str | None = None, trust: bool = False) -> dict[str, File]:
    data = {"name": "order", "port": 3001}
    return external.render(str(source), data, folder="order", ref=ref, trust=trust, ask=False)


def git(root: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True)


def test_a_folder_is_rendered_and_its_answers_are_kept(tmp_path: Path) -> None:
    files = render(template(tmp_path / "t"))
    assert files["app.py"].content == b"name = 'order'\n"
    answers = yaml.safe_load(files[".copier-answers.yml"].content)
    assert answers == {"_src_path": str(tmp_path / "t"), "name": "order", "port": 3001}


def test_a_git_template_by_url_at_its_latest_tag_and_at_any(tmp_path: Path) -> None:
    root = template(tmp_path / "t")
    git(root, "init", "-q")
    for version in ("v1.0.0", "v1.1.0"):
        (root / "version.txt").write_text(version)
        git(root, "add", "--all")
        git(root, "commit", "-qm", version)
        git(root, "tag", version)
    (root / "version.txt").write_text("unreleased")
    git(root, "commit", "-qam", "next")
    latest = render(f"file://{root}")
    assert latest["version.txt"].content == b"v1.1.0"
    assert not any(path.startswith(".git/") for path in latest)
    answers = yaml.safe_load(latest[".copier-answers.yml"].content)
    assert (answers["_commit"], answers["_src_path"]) == ("v1.1.0", f"git+file://{root}")
    assert render(f"git+file://{root}", ref="v1.0.0")["version.txt"].content == b"v1.0.0"


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("_tasks: ['touch {marker}']", "runs commands"),
        ("_jinja_extensions: [nosuch.Extension]", "loads code"),
        ("_migrations: [{{version: v1, command: 'touch {marker}'}}]", "migrations"),
    ],
)
def test_an_untrusted_template_runs_nothing(tmp_path: Path, config: str, words: str) -> None:
    marker = tmp_path / "marker"
    root = template(tmp_path / "t", config.format(marker=marker))
    with pytest.raises(UsageError, match=words) as fault:
        render(root)
    assert "--trust" in (fault.value.hint or "")
    assert not marker.exists()


def test_a_trusted_template_runs_its_tasks(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    root = template(tmp_path / "t", "_tasks: ['echo loud; echo {{ name }} > made.txt; git init -q .']")
    files = render(root, trust=True)
    assert files["made.txt"].content == b"order\n"
    assert not any(".git" in path.split("/") for path in files)
    out, err = capfd.readouterr()
    assert (out, "loud" in err) == ("", True)


@pytest.mark.parametrize("name", ["{{ '../../escaped' }}", "{{ '/tmp/escaped-from-template' }}"])
def test_a_file_name_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    root = template(
        tmp_path / "t", f'path: {{type: str, when: false, default: "{name}"}}', {"{{ path }}": "x"}
    )
    with pytest.raises(NexusError, match="forbidden"):
        render(root)
    assert not (tmp_path / "escaped").exists()
    assert not Path("/tmp/escaped-from-template").exists()


def test_links_are_refused_wherever_they_come_from(tmp_path: Path) -> None:
    root = template(tmp_path / "t", "_preserve_symlinks: true")
    (root / "link").symlink_to("/etc")
    with pytest.raises(UsageError, match="symbolic link"):
        render(root)
    made = template(tmp_path / "u", "_tasks: ['ln -s /etc link']")
    with pytest.raises(UsageError, match="symbolic link"):
        render(made, trust=True)


def test_the_users_own_settings_have_no_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    marker = tmp_path / "marker"
    root = template(tmp_path / "t", f"_tasks: ['touch {marker}']\ncolour: red", {"c.jinja": "{{ colour }}"})
    settings = tmp_path / "settings.yml"
    settings.write_text(yaml.safe_dump({"trust": [str(root)], "defaults": {"colour": "blue"}}))
    monkeypatch.setenv("COPIER_SETTINGS_PATH", str(settings))
    with pytest.raises(UsageError, match="runs commands"):
        render(root)
    assert not marker.exists()
    assert render(root, trust=True)["c"].content == b"red"


@pytest.mark.parametrize(
    ("source", "ref", "message"),
    [
        ("/no/such/folder", None, "must be a directory"),
        ("file:///no/such/repository", None, "cannot fetch"),
        ("--upload-pack=touch x", None, "dash"),
        ("/tmp", "--output=x", "dash"),
        ("https://user:secret@example.invalid/t.git", None, "password"),
        ("ext::sh -c 'touch /tmp/pwned-by-ext'", None, "template ext"),
    ],
)
def test_sources_that_cannot_be_used_are_named(source: str, ref: str | None, message: str) -> None:
    with pytest.raises(NexusError, match=message) as fault:
        render(source, ref=ref)
    assert "secret" not in fault.value.message
    assert not Path("/tmp/pwned-by-ext").exists()


def test_an_unanswered_question_says_how_to_answer_it(tmp_path: Path) -> None:
    with pytest.raises(NexusError, match="give --data colour=VALUE"):
        render(template(tmp_path / "t", "colour: {type: str}"))


def test_the_command_line_end_to_end(shop: Path, tmp_path: Path, nexus: Run) -> None:
    config = "colour: {type: str, default: red}\n_tasks: ['touch ran.txt']"
    root = template(
        tmp_path / "t", config, {"app.py.jinja": "{{ name }} {{ colour }} {{ port }} {{ connections }}\n"}
    )
    before = tree(shop)
    arguments = ("generate", "app", "order", "--template", str(root), "--defaults")
    refused = nexus(*arguments, cwd=shop, code=2)
    assert "--trust" in refused.stderr
    assert tree(shop) == before
    nexus(*arguments, "--trust", "--data", "colour=blue", cwd=shop)
    assert (shop / "services/order/app.py").read_text() == "order blue 3001 ['DATABASE_URL']\n"
    assert (shop / "services/order/ran.txt").exists()
    again = nexus(*arguments, "--trust", cwd=shop)
    assert "as generated" in again.stdout
    assert "blue" in (shop / "services/order/app.py").read_text()
    built_in = nexus("generate", "app", "order", cwd=shop, code=2)
    assert f"give --template {root} again" in built_in.stderr


def test_another_template_is_not_laid_over_what_a_built_in_one_made(shop: Path, tmp_path: Path) -> None:
    generate_app(shop, "order", Choice())
    before = tree(shop)
    with pytest.raises(UsageError, match="was generated from nexus:service/fastapi"):
        generate_app(shop, "order", Choice(source=str(template(tmp_path / "t"))))
    assert tree(shop) == before
