"""What was read from compose files, written into a workspace: all or nothing, and nothing of yours lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml
from nexus_generators.generator import File, text
from nexus_generators.writer import Change, compare, conflicts, recover, write
from pathspec import PathSpec

from nexus_cli.blueprint.bind import Bindings, unit_ports
from nexus_cli.blueprint.document import parse
from nexus_cli.blueprint.edit import add_includes
from nexus_cli.blueprint.lint import errors, lint
from nexus_cli.blueprint.load import BlueprintFault, component_of, load
from nexus_cli.blueprint.model import Platform, PlatformSpec
from nexus_cli.blueprint.source import Finding, Source
from nexus_cli.errors import UsageError
from nexus_cli.interchange.convert import Surroundings, convert
from nexus_cli.interchange.project import Choice, Project, project_name
from nexus_cli.interchange.project import load as load_project
from nexus_cli.interchange.report import Report
from nexus_cli.secrets import store
from nexus_cli.workspace import DEFAULT_ENVIRONMENT, FILE, Workspace, write_atomic

FOLDER = "blueprints/components"
_DEFAULT_NAMES = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
_WIDTH = 110


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did below `root`, or would do: files, names of kept secrets, each key's fate."""

    root: Path
    components: tuple[str, ...]
    changes: tuple[Change, ...]
    secrets: tuple[str, ...]
    report: Report
    findings: tuple[Finding, ...]
    written: bool

    def as_dict(self) -> dict[str, Any]:
        """The outcome as plain data for JSON."""
        return {
            "root": str(self.root),
            "written": self.written,
            "components": list(self.components),
            "changes": [{"path": change.path, "status": change.status} for change in self.changes],
            "secrets": list(self.secrets),
            "counts": dict(self.report.counts()),
            "keys": [entry.as_dict() for entry in self.report.entries],
            "warnings": [f"{finding.where}: {finding.message}" for finding in self.findings],
        }


def default_files(folder: Path) -> list[Path]:
    """The files that compose would take in a folder: the first of its names, and what overrides it."""
    first = next((folder / name for name in _DEFAULT_NAMES if (folder / name).is_file()), None)
    if first is None:
        raise UsageError(f"no compose file in {folder}", hint=f"name one, such as {_DEFAULT_NAMES[0]}")
    stems = {name.rpartition(".")[0] for name in _DEFAULT_NAMES}
    overrides = (folder / f"{stem}.override.{end}" for stem in sorted(stems) for end in ("yaml", "yml"))
    return [first, *(path for path in overrides if path.is_file())][:2]


def import_compose(
    choice: Choice,
    root: Path,
    *,
    name: str | None = None,
    force: bool = False,
    strict: bool = False,
    dry_run: bool = False,
) -> Imported:
    """Read the files and write their components into the workspace at `root`, which is made when missing.

    `strict`: when a key is lost, nothing is written.
    """
    for path in choice.files:
        if not path.is_file():
            raise UsageError(f"there is no file {path}", hint="name a compose file")
    recover(root)
    project = load_project(choice)
    if not project.described:
        raise UsageError(f"{choice.files[0]}: it describes no services")
    platform = load(root) if (root / FILE).is_file() else None
    if platform is not None and name is not None and name != platform.name:
        raise UsageError(
            f"{root} is the platform {platform.name} already", hint="leave --name out, or use --into"
        )
    kept = store.stored(_state(root))
    converted = convert(project, _surroundings(root, platform, project, kept))
    texts = {f"{FOLDER}/{each}.yaml": _blueprint(data, choice) for each, data in converted.components.items()}
    spec = _platform_text(root, platform, name or project_name(project.name))
    files = {FILE: spec, **texts, **converted.files}
    findings = _judged(root, platform, spec, texts)
    written = not dry_run and not (strict and converted.report.of("lost"))
    changes = _compared({path: text(content) for path, content in files.items()}, root, force=force)
    if written:
        root.mkdir(parents=True, exist_ok=True)
        write(changes, root, force=force)
        _keep_secrets(root, {k: v for k, v in converted.secrets.items() if kept.get(k) != v})
    return Imported(
        root=root,
        components=tuple(converted.components),
        changes=tuple(changes),
        secrets=tuple(converted.secrets),
        report=converted.report,
        findings=findings,
        written=written,
    )


def _state(root: Path) -> Path:
    return root / ".nexus" / DEFAULT_ENVIRONMENT


def _surroundings(
    root: Path, platform: Platform | None, project: Project, secrets: Mapping[str, str]
) -> Surroundings:
    """What is in the workspace and will stay there beside the project's own components."""
    if platform is None:
        return Surroundings(root, secrets=secrets)
    alone = convert(project, Surroundings(root)).components
    ours = {
        unit.name
        for unit in platform.components.values()
        if unit.name in alone
        and platform.sources["component", unit.name].file == f"{FOLDER}/{unit.name}.yaml"
    }
    others = [unit for unit in platform.units if unit.name not in ours]
    ports = {port: unit.name for unit in others for port in unit_ports(unit, Bindings()).values()}
    return Surroundings(root, frozenset(unit.name for unit in others), ports, secrets)


def _platform_text(root: Path, platform: Platform | None, name: str) -> str:
    if platform is None:
        return f"nexus: v1\nkind: platform\nname: {name}\ninclude:\n  - blueprints/**/*.yaml\n"
    written = (root / FILE).read_text(encoding="utf-8")
    patterns = [pattern for pattern in platform.spec.include if ":" not in pattern]
    if PathSpec.from_lines("gitignore", patterns).match_file(f"{FOLDER}/any.yaml"):
        return written
    return add_includes(written, [f"{FOLDER}/*.yaml"])


class _Dumper(yaml.SafeDumper):
    """Writes blueprints as a person would: texts of several lines as blocks."""

    def represent_text(self, value: str) -> yaml.ScalarNode:
        """A text, as a block where it has several lines."""
        style = "|" if "\n" in value else None
        return self.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _Dumper.represent_text)


def _blueprint(data: Mapping[str, Any], choice: Choice) -> str:
    origin = ", ".join(path.name for path in choice.files)
    dumped: str = yaml.dump(
        dict(data),
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=_WIDTH,
        default_flow_style=False,
    )
    return f"# Imported from {origin}.\n{dumped}"


def _judged(
    root: Path, platform: Platform | None, spec: str, texts: Mapping[str, str]
) -> tuple[Finding, ...]:
    """What the rules say of the platform as it will be; an error refuses the whole import."""
    sources = {file: Source(file, content) for file, content in texts.items()}
    components = {component.name: component for component in map(component_of, sources.values())}
    if platform is None:
        platform = Platform(root, PlatformSpec.model_validate(parse(Source(FILE, spec))))
    platform = replace(
        platform,
        components={**platform.components, **components},
        sources={**platform.sources, **{("component", Path(file).stem): s for file, s in sources.items()}},
    )
    findings = lint(platform)
    if errors(findings):
        raise BlueprintFault(errors(findings))
    return tuple(finding for finding in findings if finding.where.file in sources)


def _compared(files: Mapping[str, File], root: Path, *, force: bool) -> list[Change]:
    """What writing the files would do; a file of yours in the way is a fault unless `force`."""
    base = {FILE: files[FILE].digest}
    present = root / FILE
    if present.is_file():
        base[FILE] = text(present.read_text(encoding="utf-8")).digest
    changes = compare(files, root, base=base)
    clashes = conflicts(changes)
    if clashes and not force:
        raise UsageError(
            "there already, and different:\n" + "\n".join(f"  {path}" for path in clashes),
            hint="nothing was written; --force writes the new ones and keeps yours beside them as NAME.orig",
        )
    return changes


def _keep_secrets(root: Path, values: Mapping[str, str]) -> None:
    """The values of secrets go where `nexus secret set` keeps them: mode 0600, and never into git."""
    if not values:
        return
    folder = Workspace(root).environment_state(DEFAULT_ENVIRONMENT)
    ignore = root / ".nexus" / ".gitignore"
    if not ignore.exists():
        write_atomic(ignore, "*\n")
    for name, value in values.items():
        store.store(folder, name, value)
