"""The report as a browser shows it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import escape, unescape
from pathlib import Path

from nexus_cli.render.report_page import page
from nexus_cli.testing.case import Case
from nexus_cli.testing.run import Result
from tests.conftest import skip_for

PHONE = 390
MEASURE = """<iframe srcdoc="{}" style="width:{}px;height:900px"></iframe><pre id="said"></pre><script>
onload = () => {{
  const inside = document.querySelector("iframe").contentDocument;
  const names = [...inside.querySelectorAll(".case .name")].map((one) => one.clientHeight);
  const wide = inside.documentElement.scrollWidth;
  document.querySelector("#said").textContent = JSON.stringify({{ wide, names }});
}};
</script>"""


def test_a_phone_shows_names_beside_places_as_words(tmp_path: Path) -> None:
    program = shutil.which("chromium") or shutil.which("google-chrome") or ""
    skip_for("" if program else "no Chromium")
    place = "services/order/src/order_service/generated/resources/router_of_many_words.py"
    bad = Case("unit", "order", "test_an_order_is_changed", "failed", message="x" * 90, file=place, line=118)
    figures = {"good meanwhile (%)": 60.0, "recovered (s)": 6.82}
    lost = Case("chaos", "postgres", "what-services-use-stops (postgres)", "failed", figures=figures)
    shown = page(Result([bad, lost], ["unit", "chaos"], 0, 1), "shop", "failed", tmp_path)
    outer = tmp_path / "outer.html"
    free = re.sub(r"<meta http-equiv[^>]*>", "", shown)  # the policy would keep the measure out, too
    outer.write_text(f'<!doctype html><meta charset="utf-8">{MEASURE.format(escape(free), PHONE)}')
    command = [
        *(program, "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/user"),
        *("--virtual-time-budget=2000", "--dump-dom", outer.as_uri()),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    found = re.search(r'<pre id="said">(.*?)</pre>', done.stdout)
    assert found, done.stdout[-500:] + done.stderr[-500:]
    said = json.loads(unescape(found[1]))
    assert said["wide"] <= PHONE
    assert max(said["names"]) < 60  # two lines at most
