const toggle = (id, folds, words) => { const button = document.getElementById(id); button.hidden = !folds.length;
  button.addEventListener("click", () => { const open = button.getAttribute("aria-pressed") !== "true";
    folds.forEach(fold => fold.open = open); button.setAttribute("aria-pressed", open); button.textContent = words[+open]; }); };
toggle("code", [...document.querySelectorAll("details.code")], ["Show code", "Hide code"]);
toggle("appendix", [...document.querySelectorAll("details.appendix, article details:not(.code, figure > *)")], ["Open the appendix", "Close the appendix"]);
const reveal = () => { for (let node = document.getElementById(decodeURIComponent(location.hash.slice(1))); node; node = node.parentElement)
  if (node.tagName === "DETAILS" && !node.open) { node.open = true; document.getElementById(location.hash.slice(1)).scrollIntoView(); } };
addEventListener("hashchange", reveal); reveal();
if (navigator.clipboard) document.querySelectorAll(".copy").forEach(button => { button.hidden = false;
  button.addEventListener("click", () => navigator.clipboard.writeText(button.previousElementSibling.textContent).then(() => { button.textContent = "Copied"; })); });
// hovering over a figure reads the row of its table that is drawn nearest
document.querySelectorAll("figure").forEach(figure => {
  const svg = figure.querySelector("svg[role=img]"), points = [];
  figure.querySelectorAll("tbody[data-at]").forEach(body => body.dataset.at.split(" ").forEach((at, n) => {
    if (at.includes(",")) points.push([...at.split(",").map(Number), body, n]); }));
  if (!svg || !points.length) return;
  const tip = figure.appendChild(document.createElement("div")), ring = svg.appendChild(document.createElementNS(svg.namespaceURI, "circle"));
  tip.className = "tip"; ring.setAttribute("class", "ring"); ring.setAttribute("r", 4.5);
  const away = () => { tip.hidden = true; ring.style.display = "none"; };
  const read = event => { const paper = svg.getScreenCTM(), at = new DOMPoint(event.clientX, event.clientY).matrixTransform(paper.inverse());
    const far = ([x, y]) => Math.hypot(x - at.x, y - at.y), [x, y, body, n] = points.reduce((a, b) => far(b) < far(a) ? b : a);
    if (far([x, y]) > 20) return away();
    const heads = body.previousElementSibling.querySelectorAll("th"), box = figure.getBoundingClientRect(), spot = new DOMPoint(x, y).matrixTransform(paper);
    tip.textContent = [...body.rows[n].cells].map((cell, k) => `${heads[k].textContent}: ${cell.textContent}`).join("\n");
    tip.hidden = false; ring.style.display = ""; ring.setAttribute("cx", x); ring.setAttribute("cy", y);
    tip.style.left = `${Math.max(0, Math.min(spot.x - box.x + 12, box.width - tip.offsetWidth))}px`; tip.style.top = `${spot.y - box.y - tip.offsetHeight - 10}px`; };
  svg.addEventListener("pointermove", read); svg.addEventListener("pointerdown", read); svg.addEventListener("pointerleave", away); away(); });
