(() => {
  // A link to a cell opens it. Current browsers do so on their own; older ones need this.
  const reveal = () => {
    const id = decodeURIComponent(location.hash.slice(1));
    const target = id && document.getElementById(id);
    if (!target) return;
    for (let d = target.closest("details"); d; d = d.parentElement.closest("details")) d.open = true;
    target.scrollIntoView();
  };
  addEventListener("hashchange", reveal);
  addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#"]');
    if (link && link.hash === location.hash) reveal();
  });
  reveal();

  const form = document.querySelector(".filter");
  const [words, outcome, found] = form.elements;
  const rows = [...document.querySelectorAll("tr[data-o]")];
  const panels = [...document.querySelectorAll(".panel")];
  const texts = new Map();
  const textOf = (row) => {
    if (!texts.has(row)) {
      const title = row.closest(".panel").querySelector("summary b").textContent;
      texts.set(row, (title + " " + row.textContent).toLowerCase());
    }
    return texts.get(row);
  };
  const filter = () => {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    let n = 0;
    for (const row of rows) {
      const outcomes = row.dataset.o.split(" ");
      row.hidden = (outcome.value && !outcomes.includes(outcome.value)) ||
        (wanted.length > 0 && !wanted.every((word) => textOf(row).includes(word)));
      n += !row.hidden;
    }
    for (const panel of panels) panel.hidden = !panel.querySelector("tr[data-o]:not([hidden])");
    found.textContent = wanted.length || outcome.value ? n + " of " + rows.length + " cases" : "";
  };
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
})();
