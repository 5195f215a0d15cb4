"""Client libraries: CPU time against the best free generators in one run, and a very large document.

`python -m benchmarks sdk` installs openapi-python-client, hey-api and redocly into a folder of its own. The
documents are those of the tests; the large one is that of `@octokit/openapi`, 13 MB with 1,223 operations.
Growth is what four times a document cost against twice: 2 when twice as much to write takes twice the time.
"""

from __future__ import annotations

import gzip
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from nexus_cli.engine import tools

DOCUMENTS = Path(__file__).resolve().parent.parent / "tests" / "sdk" / "documents"
MEASURED = ("twilio-api-v2010.json", "box-openapi.json", "opc-baseline-3.0.json", "openai-1.2.0.yaml")
LARGE = MEASURED[:2]
LANGUAGES = ("python", "typescript", "go")
PYTHON_OTHER = "openapi-python-client==0.29.1"
NODE_OTHERS = {  # in a folder each, so that none gets what another one brings along
    "hey-api": ["@hey-api/openapi-ts@0.99.0", "typescript@5.9.3"],
    "redocly": ["@redocly/cli@2.77.0"],
    "documents": ["@octokit/openapi@23.0.2"],
}
NEXUS = str(Path(sys.executable).with_name("nexus"))
RUNS = 5
MEGABYTE = 1024
Row = tuple[str, float, float, str]


@dataclass(frozen=True)
class Cost:
    """What a whole process took: CPU seconds, and its largest memory in KB; whether it ended well."""

    seconds: float
    memory: int
    well: bool


def cost(command: list[str], folder: Path, environment: Mapping[str, str]) -> Cost:
    """Run a program in an empty folder."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        process = subprocess.Popen(
            command, cwd=place, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return Cost(used.ru_utime + used.ru_stime, used.ru_maxrss, process.returncode == 0)


def sdk() -> Iterator[Row]:
    """Each language against openapi-python-client; TypeScript against hey-api; all against redocly."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = _installed(folder)
        for document in MEASURED:
            yield from _compared(folder, _document(folder, document), environment)
        packages = folder / "documents" / "node_modules"
        large = packages / "@octokit" / "openapi" / "generated" / "api.github.com.json"
        for language in LANGUAGES:
            used = cost(_nexus(large, language), folder, environment)
            assert used.well
            yield f"13 MB, 1,223 operations: {language}", used.seconds, 15.0, "s CPU"
            yield f"13 MB, 1,223 operations: {language}", used.memory / MEGABYTE, 1024, "MB"
        yield from _growth(folder, environment)


def _growth(folder: Path, environment: Mapping[str, str]) -> Iterator[Row]:
    twice, four_times = (_repeated(folder, LARGE[0], times) for times in (2, 4))
    for language in LANGUAGES:
        pairs = [
            [cost(_nexus(document, language), folder, environment) for document in (twice, four_times)]
            for _ in range(RUNS)
        ]
        assert all(one.well for pair in pairs for one in pair)
        grown = statistics.median(more.seconds / less.seconds for less, more in pairs)
        yield f"788 operations / 394: {language}", grown, 2.2, "x"


def _repeated(folder: Path, name: str, times: int) -> Path:
    """A document that says everything so many times, each time under other names."""
    text = _document(folder, name).read_text(encoding="utf-8")
    whole = {**json.loads(text), "paths": {}, "components": {**json.loads(text)["components"], "schemas": {}}}
    for number in range(times):
        schemas = "#/components/schemas/"
        said = json.loads(text.replace(f'"{schemas}', f'"{schemas}v{number}.'))
        for path, item in said["paths"].items():
            for operation in item.values():
                if isinstance(operation, dict) and "operationId" in operation:
                    operation["operationId"] += f"V{number}"
            whole["paths"][f"/v{number}{path}"] = item
        for key, schema in said["components"]["schemas"].items():
            whole["components"]["schemas"][f"v{number}.{key}"] = schema
    place = folder / f"{times}-times-{name}"
    place.write_text(json.dumps(whole), encoding="utf-8")
    return place


def _compared(folder: Path, document: Path, environment: Mapping[str, str]) -> Iterator[Row]:
    python = f"{folder}/python/bin/openapi-python-client"
    others = {
        "openapi-python-client": [python, "generate", "--path", str(document)],
        "hey-api": [
            f"{folder}/hey-api/node_modules/.bin/openapi-ts",
            "-i",
            str(document),
            "-o",
            "out",
            "--silent",
            "--no-log-file",
        ],
        "redocly": [
            f"{folder}/redocly/node_modules/.bin/redocly",
            "generate-client",
            str(document),
            "--output",
            "out/client.ts",
        ],
    }
    commands = {**{language: _nexus(document, language) for language in LANGUAGES}, **others}
    found: dict[str, list[Cost]] = {name: [] for name in commands}
    for _ in range(RUNS):  # in turn, so that a machine whose speed drifts is unfair to none
        for name, command in commands.items():
            found[name].append(cost(command, folder, environment))
    middle = {name: statistics.median(one.seconds for one in costs) for name, costs in found.items()}
    for name in LANGUAGES:
        assert all(one.well for one in found[name]), f"{document}: {name}"
    bound = 0.3 if document.name in LARGE else 1.0
    pairs = [(language, "openapi-python-client", bound) for language in LANGUAGES]
    pairs += [("typescript", "hey-api", 1.0), ("typescript", "redocly", 1.0)]
    for language, other, bound in pairs:
        well = all(one.well for one in found[other])
        what = f"{document.name}: {language} / {other}{'' if well else ', which fails'}"
        yield what, middle[language] / middle[other], bound if well else 1.0, "x"


def _nexus(document: Path, language: str) -> list[str]:
    return [NEXUS, "generate", "sdk", "--spec", str(document), "--lang", language, "--no-verify"]


def _document(folder: Path, name: str) -> Path:
    packed = DOCUMENTS / f"{name}.gz"
    if not packed.exists():
        return DOCUMENTS / name
    (folder / name).write_bytes(gzip.decompress(packed.read_bytes()))
    return folder / name


def _installed(folder: Path) -> dict[str, str]:
    """The other generators in a folder, and the environment in which they are found."""
    node = tools.TOOLCHAINS["node"]
    tools.install(node, print)
    environment = {
        **os.environ,
        "PATH": f"{tools.programs(node)}:{os.environ['PATH']}",
        "REDOCLY_TELEMETRY": "off",
    }
    quiet = ["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
    for command, place in (
        (["uv", "venv", "--quiet", "--python", sys.executable, "python"], folder),
        (["uv", "pip", "install", "--quiet", "--python", "python/bin/python", PYTHON_OTHER], folder),
        *((["npm", "install", *quiet, *wanted], folder / name) for name, wanted in NODE_OTHERS.items()),
    ):
        place.mkdir(exist_ok=True)
        subprocess.run(command, cwd=place, env=environment, check=True)
    return environment
