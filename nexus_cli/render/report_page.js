const chosen = new Set();
for (const button of document.querySelectorAll(".counts button")) {
  button.addEventListener("click", () => {
    const status = button.dataset.status;
    chosen.has(status) ? chosen.delete(status) : chosen.add(status);
    button.setAttribute("aria-pressed", chosen.has(status));
    for (const item of document.querySelectorAll(".case"))
      item.classList.toggle("hidden", chosen.size > 0 && !chosen.has(item.dataset.status));
    for (const group of document.querySelectorAll("details")) {
      const any = group.querySelector(".case:not(.hidden)");
      group.classList.toggle("hidden", !any);
      if (chosen.size > 0) group.open = Boolean(any);
    }
  });
}
