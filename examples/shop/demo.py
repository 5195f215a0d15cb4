"""The shop: two generated services, four real servers, one order from the gateway to the stock."""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
TOP = HERE.parent.parent
ROW = """
import asyncio, os, sys
import asyncpg

async def main():
    connection = await asyncpg.connect(os.environ["DATABASE_URL"])
    row = await connection.fetchrow('SELECT id, quantity, total, status FROM orders WHERE id = $1', sys.argv[1])
    print("   ".join(f"{name}={value}" for name, value in row.items()))

asyncio.run(main())
"""


def main() -> int:
    """Run the demo in a folder, or take it down again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=TOP / "demo", help="where the workspace is made")
    parser.add_argument("--down", action="store_true", help="stop everything and remove the folder")
    parser.add_argument("--engine", choices=["process", "docker"], default="process", help="where it runs")
    options = parser.parse_args()
    shop = options.folder / "shop"
    if options.down:
        return take_down(options.folder, shop)
    began = time.monotonic()
    generate(options.folder, shop)
    nexus("up", "--free-ports", "--engine", options.engine, cwd=shop)
    walk(shop)
    say(f"done in {time.monotonic() - began:.1f} s")
    print(f"Look around:  cd {shop} && {TOP / '.venv/bin/nexus'} status\nTake it down: make demo-down")
    return 0


def generate(folder: Path, shop: Path) -> None:
    """Make the workspace and its two services; their blueprints and own code are the example's."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (shop / "nexus.yaml").exists():
        nexus("init", "shop", cwd=folder)
    for blueprint in sorted((HERE / "blueprints").glob("*.yaml")):
        shutil.copy(blueprint, shop / "blueprints" / "services" / blueprint.name)
    for name in ("catalog", "order"):
        nexus("generate", "app", name, "--type", "fastapi", cwd=shop)
    for own in ("services", "tests"):
        shutil.copytree(HERE / own, shop / own, dirs_exist_ok=True)


def walk(shop: Path) -> None:
    """Create a product and an order through the gateway; see the row, and the event's effect."""
    units = {unit["name"]: unit for unit in json.loads(nexus("status", "-o", "json", cwd=shop, quiet=True))}
    gateway = units["gateway"]["url"]
    token = nexus("token", "demo", "--claim", 'roles=["staff"]', cwd=shop, quiet=True).strip()
    say("creates a product through the gateway")
    product = call("POST", f"{gateway}/api/v1/products", token, sku=f"tea-{time.time_ns()}", name="Tea", price="4.50", stock=10)
    say("orders three of them")
    order = call("POST", f"{gateway}/api/v1/orders", token, product=product["id"], quantity=3)
    say("sees the row in PostgreSQL")
    nexus("exec", "order", "python", "-c", ROW, order["id"], cwd=shop, echo="nexus exec order python …")
    say("waits until catalog has seen order.created and taken them from its stock")
    deadline = time.monotonic() + 15
    while True:
        found = call("GET", f"{gateway}/api/v1/products/{product['id']}", token, echo=False)
        if found["stock"] == product["stock"] - order["quantity"]:
            print(f"stock {product['stock']} -> {found['stock']}")
            break
        if time.monotonic() > deadline:
            sys.exit(f"the stock is still {found['stock']}: see `nexus logs order catalog`")
        time.sleep(0.05)
    nexus("status", cwd=shop)


def call(method: str, url: str, token: str, *, echo: bool = True, **body: Any) -> dict[str, Any]:
    """One JSON request; a refusal ends the demo with what was answered."""
    headers = {"content-type": "application/json", "authorization": f"Bearer {token}"}
    data = json.dumps(body).encode() if body else None
    request = urllib.request.Request(url, method=method, data=data, headers=headers)  # noqa: S310 - our own gateway
    try:
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310
            answer: dict[str, Any] = json.load(response)
    except urllib.error.HTTPError as error:
        sys.exit(f"{method} {url}: {error.code} {error.read().decode()}")
    if echo:
        print(f"{method} {url}\n  {json.dumps(answer)}")
    return answer


def take_down(folder: Path, shop: Path) -> int:
    """Stop what runs, and remove the folder."""
    if (shop / "nexus.yaml").exists():
        nexus("down", "--volumes", cwd=shop)
    shutil.rmtree(folder, ignore_errors=True)
    return 0


def nexus(*arguments: str, cwd: Path, quiet: bool = False, echo: str = "") -> str:
    """Run nexus as a person would; what it prints is shown unless it is `quiet`."""
    if not quiet:
        print(f"\n$ {echo or ' '.join(['nexus', *arguments])}", flush=True)
    output = subprocess.PIPE if quiet else None
    done = subprocess.run(
        [sys.executable, "-m", "nexus_cli", *arguments], cwd=cwd, stdout=output, text=True, check=False
    )
    if done.returncode:
        sys.exit(done.returncode)
    return done.stdout or ""


def say(text: str) -> None:
    """Tell what comes next."""
    print(f"\n# {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
