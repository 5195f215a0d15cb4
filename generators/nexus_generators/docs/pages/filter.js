"use strict";

const box = document.getElementById("filter");

box.addEventListener("input", () => {
  const wanted = box.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const section of document.querySelectorAll("section")) {
    let left = 0;
    for (const row of section.querySelectorAll("[data-row]")) {
      const text = row.textContent.toLowerCase();
      row.hidden = !wanted.every((word) => text.includes(word));
      left += row.hidden ? 0 : 1;
    }
    section.hidden = left === 0;
  }
});
