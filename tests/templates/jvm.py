"""Real servers that are written in Java: Maven brings them once per user, this machine's Java runs them."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path

from servers import Process

from nexus_cli.conformance.service import free_port
from nexus_cli.engine.docker import recipes
from nexus_cli.engine.tools import only_one
from nexus_cli.resources import cache_folder

POMS = {
    "kafka": Path(recipes.__file__).parent / "locks/kafka/pom.xml",  # of which its image is made, too
    "apicurio": Path(__file__).with_name("apicurio.xml"),
}
JAVA = ("java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")  # for one that lives half a minute
KAFKA = """\
node.id=1
process.roles=broker,controller
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
controller.listener.names=CONTROLLER
controller.quorum.voters=1@127.0.0.1:{controller}
log.dirs={folder}/data
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
"""


def lacking() -> str:
    """What this machine has not that runs them."""
    missing = [program for program in ("java", "mvn") if shutil.which(program) is None]
    return f"no {' and no '.join(missing)}: apt-get install openjdk-17-jre-headless maven" if missing else ""


def jars(name: str, goal: str = "copy-dependencies") -> Path:
    """What a POM names and all that it needs, from the cache if it has been brought before."""
    pom = POMS[name]
    folder = cache_folder("tests") / f"{name}-{hashlib.sha256(pom.read_bytes()).hexdigest()[:12]}"
    with only_one(folder.with_name(f"{folder.name}.lock")):
        if not folder.is_dir():
            with tempfile.TemporaryDirectory(dir=folder.parent) as fresh:
                options = ("-B", "-q", "--strict-checksums", f"-DoutputDirectory={fresh}/jars")
                described = shutil.copy(pom, f"{fresh}/pom.xml")  # Maven writes beside it
                _done("mvn", *options, "-f", described, f"dependency:{goal}")
                Path(fresh, "jars").rename(folder)
    return folder


def kafka(folder: Path) -> Process:
    """One Apache Kafka that is its own controller, with nothing in it."""
    folder.mkdir(parents=True)
    port, controller = free_port(), free_port()
    settings = folder / "server.properties"
    settings.write_text(KAFKA.format(port=port, controller=controller, folder=folder), encoding="utf-8")
    java = (*JAVA, "-cp", f"{jars('kafka')}/*")
    _done(*java, "kafka.tools.StorageTool", "format", "-t", "bmV4dXMtdGVzdHMtb25seQ", "-c", str(settings))
    return Process((*java, "kafka.Kafka", str(settings)), folder, port)


def registry(folder: Path) -> Process:
    """One Apicurio Registry with nothing in it; under `/apis/ccompat/v7` it speaks as Confluent's does."""
    jar = next(jars("apicurio", "unpack-dependencies").glob("*-runner.jar"))
    port = free_port()
    settings = ("-Dquarkus.http.host=127.0.0.1", f"-Dquarkus.http.port={port}")
    return Process((*JAVA, *settings, "-jar", str(jar)), folder, port)


def _done(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
