"""Load tests as they are made from blueprints, and what is made of their figures."""

from __future__ import annotations

import dataclasses
import json
import subprocess
from pathlib import Path

from nexus_cli.blueprint.load import catalogue_platforms, load
from nexus_cli.blueprint.model import Platform, Slo, Verdict
from nexus_cli.release.verdict import Says
from nexus_cli.testing.performance import charts, k6, measure, script

SHOP = Path(__file__).parents[2] / "examples" / "shop"


def _shop(root: Path, platform: str = "shop", include: str = "blueprints/*.yaml") -> Platform:
    (root / "nexus.yaml").write_text(
        f"nexus: v1\nkind: platform\nname: {platform}\ninclude: ['{include}', 'catalogue:postgres', "
        "'catalogue:redis', 'catalogue:nats', 'catalogue:gateway']\n"
    )
    (root / "blueprints").mkdir(exist_ok=True)
    for path in (SHOP / "blueprints").glob("*.yaml"):
        (root / "blueprints" / path.name).write_text(path.read_text())
    return load(root)


def test_a_script_asks_for_what_the_blueprint_routes_and_promises(tmp_path: Path) -> None:
    platform = _shop(tmp_path)
    order = platform.services["order"]
    promising = order.model_copy(update={"slo": Slo(availability=99.9, p95="250ms")})  # type: ignore[arg-type]
    text = script.script(platform, promising)
    assert "availability: 99.9, p95: 250" in text
    assert "[4, () => list('/api/v1/orders')]" in text
    assert "product: known.product[0]" in text
    assert "known.product = given('/api/v1/products', 1, (n) => newProduct(n))" in text
    limited = order.routes[0].model_copy(update={"limit": 8.0})
    assert script.rate(order.model_copy(update={"routes": (limited,)})) == 4
    assert script.lists(order) == ["/api/v1/orders"]


def test_what_the_gateway_does_not_let_through_is_not_asked(tmp_path: Path) -> None:
    platform = _shop(tmp_path)
    order = platform.services["order"]
    reading = order.routes[0].model_copy(update={"methods": ("GET",)})
    text = script.script(platform, order.model_copy(update={"routes": (reading,)}))
    assert "create(" not in text
    unreached = order.model_copy(update={"routes": ()})
    services = {**platform.services, "order": unreached}
    assert script.tested(dataclasses.replace(platform, services=services)) == ["catalog"]


def test_k6_reads_the_scripts_of_the_whole_catalogue(tmp_path: Path) -> None:
    written = catalogue_platforms()["full"].read_text(encoding="utf-8")
    (tmp_path / "nexus.yaml").write_text(written, encoding="utf-8")
    files = script.scripts(load(tmp_path))
    names = [name for name in files if name != script.SHARED]
    assert len(names) > 20
    for name, file in files.items():
        (tmp_path / name).write_bytes(file.content)
    imports = "".join(f"import * as s{n} from './{name}';\n" for n, name in enumerate(names))
    (tmp_path / "all.js").write_text(
        f"{imports}export const options = s0.options;\nexport default () => 0;\n"
    )
    program = k6.program()
    assert program
    done = subprocess.run(
        [program, "inspect", "all.js"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["scenarios"]["load"]["executor"] == "ramping-arrival-rate"


def test_a_short_run_asks_everything_by_its_weight(tmp_path: Path) -> None:
    shared = Path(script.__file__).with_name(script.SHARED)
    (tmp_path / script.SHARED).write_text(shared.read_text())
    names = {"list": 4, "get": 4, "create": 1, "rare": 0.5}
    say = ", ".join(f"[{weight}, () => console.log('{name}')]" for name, weight in names.items())
    (tmp_path / "mix.js").write_text(f"""\
import {{ pick }} from './{script.SHARED}';
export const options = {{ scenarios: {{ x: {{ executor: 'shared-iterations', vus: 1, iterations: 19 }} }} }};
export default () => pick([{say}]);
""")
    program = k6.program()
    assert program
    command = [
        program,
        "run",
        "--quiet",
        "--no-usage-report",
        "--log-format",
        "raw",
        "--address",
        "",
        "mix.js",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    asked = [line for line in done.stderr.splitlines() if line in names]
    assert {name: asked.count(name) for name in names} == {"list": 8, "get": 8, "create": 2, "rare": 1}
    assert len({*asked[:4]}) > 1


def _samples(milliseconds: float, count: int = 100, failed: int = 0) -> list[k6.Sample]:
    return [
        k6.Sample("GET /x", n / 10, milliseconds + n % 7, n < failed, "500" if n < failed else "200")
        for n in range(count)
    ]


def test_figures_are_held_against_bounds_and_the_last_run() -> None:
    (quick,) = measure.measure(_samples(10))
    (slow,) = measure.measure(_samples(400))
    (broken,) = measure.measure(_samples(10, failed=3))
    assert (quick.counted.requests, quick.percentile(95), len(quick.moments)) == (100, 16, 10)
    late = k6.Threshold("http_req_duration{name:GET /x}", "p(95)<=300", crossed=True)
    failing = k6.Threshold("http_req_failed{name:GET /x}", "rate<=0.01", crossed=True)
    other = k6.Threshold("http_req_failed{name:GET /y}", "rate<=0.01", crossed=True)
    assert measure.crossed(slow, [late, other]) == ["too slow: p95 406 ms, p50 403 ms; p(95)<=300"]
    assert measure.crossed(broken, [failing]) == ["3.0 % of 100 failed (3 x 500); rate<=0.01"]
    assert measure.unasked([quick], [late, other]) == ["GET /y"]

    here = {"machine": "here"}
    kept = json.loads(json.dumps(measure.remembered([quick], here)))
    before = measure.recalled(kept, here)["GET /x"]
    assert measure.recalled(kept, {"machine": "there"}) == {}
    for now, said in ((quick, Says.GOOD), (slow, Says.BAD), (broken, Says.BAD)):
        judged = measure.compared(now, before, Verdict())
        assert judged is not None
        assert judged.says is said
    (noisy,) = measure.measure(
        _samples(25)
    )  # more than twice as long, and yet nothing that a person would feel
    judged = measure.compared(noisy, before, Verdict())
    assert judged is not None
    assert judged.says is Says.GOOD


def test_the_report_asks_nobody_else(tmp_path: Path) -> None:
    tested = charts.Tested("order", "load", 10, measure.measure(_samples(10, failed=2)), promised=20)
    page = charts.page("<shop>", [tested])
    assert page.count("<polyline") == 2
    assert "promised: 20 ms" in page
    assert "1 of 10 failed" in page or "2 of 10 failed" in page
    assert "&lt;shop&gt;" in page
    assert "<shop>" not in page
    assert not any(word in page for word in ("src=", "href=", "url(", "http"))
