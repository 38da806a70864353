const form = document.querySelector("form.filters"), rows = [...document.querySelectorAll(".runs tbody tr")], count = form.querySelector("output");
const show = () => { const asked = Object.fromEntries(new FormData(form)), word = asked.window.trim().toLowerCase(); let shown = 0;
  for (const row of rows) { const { job, verdict, day } = row.dataset;
    row.hidden = !((!asked.job || job === asked.job) && (!asked.verdict || verdict === asked.verdict) && (!asked.from || day >= asked.from) && (!asked.to || day <= asked.to)
      && (!word || [...row.querySelectorAll(".of")].some(cell => cell.textContent.toLowerCase().includes(word))));
    shown += !row.hidden; }
  count.textContent = shown === rows.length ? `${shown} runs` : `${shown} of ${rows.length} runs`;
  const chosen = new URLSearchParams(Object.entries(asked).filter(([, value]) => value)).toString();
  history.replaceState(null, "", chosen ? `#${chosen}` : location.pathname); };
const read = () => { form.reset(); for (const [name, value] of new URLSearchParams(location.hash.slice(1))) if (form.elements[name]) form.elements[name].value = value; show(); };
form.hidden = false; form.addEventListener("input", show); form.addEventListener("reset", () => setTimeout(show)); addEventListener("hashchange", read); read();
