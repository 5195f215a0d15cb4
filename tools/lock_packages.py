"""Write the locks of the package templates.

`package.json.jinja` of a template is the one place where versions are wanted. This tool renders the
template, lets npm resolve it, and keeps the lock with the package's own name as a variable. npm leaves
out where packages came from, because the template's .npmrc says so.

What `pyproject.toml.jinja` wants is resolved within the versions of the FastAPI service template, so that a
service installs its own lock and that of a package together. Lock that template first.

Run it with the interpreter of the development environment: `python tools/lock_packages.py`.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
import tomllib
from pathlib import Path

from lock_templates import TEMPLATE, resolve

from nexus_cli.engine import tools
from nexus_cli.resources import bundled
from nexus_cli.scaffold import builtin
from nexus_cli.scaffold.template import read

NAME = "@example/example"
HEADER = (bundled("templates") / "package/library/python/template/requirements.lock").read_text()


def lock(folder: Path) -> str:
    """The lock of one template, as a template."""
    template = read(folder, folder.name)
    files = builtin.render(template, {"name": "example", "scope": "example"}, folder="example")
    with tempfile.TemporaryDirectory() as scratch:
        for name in ("package.json", ".npmrc"):
            Path(scratch, name).write_bytes(files[name].content)
        node = tools.TOOLCHAINS["node"]
        tools.install(node, print)
        npm = tools.programs(node)
        command = [str(npm / "node"), str((npm / "npm").resolve()), "install", "--package-lock-only"]
        subprocess.run([*command, "--ignore-scripts", "--no-audit", "--no-fund"], cwd=scratch, check=True)
        return Path(scratch, "package-lock.json").read_text().replace(NAME, "{{ npm_name }}")


def lock_python(folder: Path) -> str:
    """What a package in Python needs at run time, in the versions that services have."""
    template = read(folder, folder.name)
    files = builtin.render(template, {"name": "example"}, folder="example")
    wanted = tomllib.loads(files["pyproject.toml"].content.decode())["project"]["dependencies"]
    services = (TEMPLATE / "requirements-dev.lock.jinja").read_text()
    return HEADER + resolve(wanted, re.sub(r"{%.*%}\n", "", services)) if wanted else ""


def main() -> None:
    """Lock each of them anew."""
    for manifest in sorted((bundled("templates") / "package").glob("*/python/template/pyproject.toml.jinja")):
        text = lock_python(manifest.parents[1])
        if text:
            (manifest.parent / "requirements.lock").write_text(text)
            print(f"{manifest.parents[1].relative_to(bundled('templates'))}: {text.count('==')} packages")
    for manifest in sorted((bundled("templates") / "package").glob("*/*/template/package.json.jinja")):
        text = lock(manifest.parents[1])
        (manifest.parent / "package-lock.json.jinja").write_text(text)
        print(f"{manifest.parents[1].relative_to(bundled('templates'))}: {text.count('integrity')} packages")


if __name__ == "__main__":
    main()
