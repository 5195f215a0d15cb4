// The map: a chosen unit shows what it uses, who uses it, and which events go in and out.
"use strict";
const platform = JSON.parse(document.getElementById("platform").textContent);
const map = document.querySelector(".map");
const lines = map.querySelector("svg");
const panel = document.querySelector("aside");
const welcome = panel.innerHTML;
const unit = (name) => document.getElementById(`unit-${name}`);
let chosen = "";

function connections(name) {
  const service = platform.services[name];
  if (!service) return platform.components[name].usedBy.map((other) => ({ other, kind: "user" }));
  const events = (pairs) => [...new Set(pairs.flatMap(([, names]) => names))].filter((other) => other !== name);
  return [
    ...service.uses.map(([other, optional]) => ({ other, kind: "uses", optional })),
    ...service.usedBy.map((other) => ({ other, kind: "user" })),
    ...events(service.publishes).map((other) => ({ other, kind: "hears" })),
    ...events(service.consumes).map((other) => ({ other, kind: "speaks" })),
  ];
}

function place(element) {
  const box = element.getBoundingClientRect();
  const ground = map.getBoundingClientRect();
  const [left, top] = [box.left - ground.left, box.top - ground.top];
  return { left, right: left + box.width, centre: left + box.width / 2, top, low: top + box.height, y: top + box.height / 2 };
}

// From edge to edge, so that no line runs through a name.
function way(from, to) {
  if (to.top - from.low > 40 && (to.left > from.right || to.right < from.left || to.top - from.low > 400)) {
    const bend = (to.top - from.low) / 2;
    const start = to.centre < from.centre ? from.left : from.right;
    const out = to.centre < from.centre ? -24 : 24;
    return `M${start} ${from.y} C${start + out} ${from.y + bend} ${to.centre} ${to.top - bend} ${to.centre} ${to.top}`;
  }
  if (to.left >= from.right || to.right <= from.left) {
    const [x1, x2] = to.left >= from.right ? [from.right, to.left] : [from.left, to.right];
    return `M${x1} ${from.y} C${(x1 + x2) / 2} ${from.y} ${(x1 + x2) / 2} ${to.y} ${x2} ${to.y}`;
  }
  const bulge = 12 + Math.min(30, Math.abs(to.y - from.y) / 12);
  return `M${from.right} ${from.y} C${from.right + bulge} ${from.y} ${to.right + bulge} ${to.y} ${to.right} ${to.y}`;
}

function draw(from, to, kind, optional) {
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  const event = kind === "hears" || kind === "speaks";
  path.setAttribute("d", way(place(from), place(to)));
  path.setAttribute("fill", "none");
  path.setAttribute("stroke", `var(--${event ? "event" : "used"})`);
  path.setAttribute("stroke-width", "1.5");
  path.setAttribute("opacity", "0.7");
  if (event || optional) path.setAttribute("stroke-dasharray", event ? "5 4" : "2 3");
  lines.append(path);
}

function list(title, entries) {
  if (!entries.length) return;
  const head = document.createElement("h3");
  head.textContent = title;
  const items = document.createElement("ul");
  for (const entry of entries) items.append(Object.assign(document.createElement("li"), { textContent: entry }));
  panel.append(head, items);
}

function tell(name) {
  const service = platform.services[name];
  const about = service ?? platform.components[name];
  panel.replaceChildren();
  const head = Object.assign(document.createElement("h2"), { textContent: about.title });
  const said = Object.assign(document.createElement("p"), { className: "soft", textContent: about.description });
  panel.append(head, said);
  if (!service) return list("Used by", about.usedBy);
  const promises = [service.availability && `${service.availability} %`, service.p95 && `p95 ${service.p95} ms`];
  const facts = [service.owner, service.type, `port ${service.port}`, ...promises].filter(Boolean);
  panel.append(Object.assign(document.createElement("p"), { textContent: facts.join(" · ") }));
  const home = map.dataset.services;
  if (home) {
    const link = Object.assign(document.createElement("a"), { textContent: "All about it →" });
    link.href = `${home}${name}.html`;
    panel.append(link);
  }
  list("Keeps", service.resources);
  list("Uses", service.uses.map(([other, optional]) => (optional ? `${other} (if it is there)` : other)));
  list("Used by", service.usedBy);
  const arrow = ([event, names]) => (names.length ? `${event} → ${names.join(", ")}` : event);
  list("Publishes", service.publishes.map(arrow));
  list("Consumes", service.consumes.map(([event, names]) => `${event} ← ${names.join(", ") || "nobody here"}`));
}

function choose(name) {
  chosen = chosen === name ? "" : name;
  lines.replaceChildren();
  for (const each of map.querySelectorAll(".unit")) each.classList.remove("self", "uses", "user", "hears", "speaks");
  map.classList.toggle("chosen", Boolean(chosen));
  if (!chosen) {
    panel.innerHTML = welcome;
    return;
  }
  unit(chosen).classList.add("self");
  for (const { other, kind, optional } of connections(chosen)) {
    const end = unit(other);
    if (!end) continue;
    end.classList.add(kind);
    draw(unit(chosen), end, kind, optional);
  }
  tell(chosen);
}

map.addEventListener("click", (event) => {
  const found = event.target.closest(".unit");
  if (found) choose(found.id.replace("unit-", ""));
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && chosen) choose(chosen);
});
addEventListener("resize", () => {
  if (!chosen) return;
  const again = chosen;
  chosen = "";
  choose(again);
});
if (location.hash.startsWith("#unit-") && document.getElementById(location.hash.slice(1))) choose(location.hash.slice(6));
