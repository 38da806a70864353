const toggle = (id, folds, words) => { const button = document.getElementById(id); button.hidden = !folds.length;
  button.addEventListener("click", () => { const open = button.getAttribute("aria-pressed") !== "true";
    folds.forEach(fold => fold.open = open); button.setAttribute("aria-pressed", open); button.textContent = words[+open]; }); };
toggle("code", [...document.querySelectorAll("details.code")], ["Show code", "Hide code"]);
toggle("appendix", [...document.querySelectorAll("details.appendix, article details:not(.code)")], ["Open the appendix", "Close the appendix"]);
const reveal = () => { for (let node = document.getElementById(decodeURIComponent(location.hash.slice(1))); node; node = node.parentElement)
  if (node.tagName === "DETAILS" && !node.open) { node.open = true; document.getElementById(location.hash.slice(1)).scrollIntoView(); } };
addEventListener("hashchange", reveal); reveal();
if (navigator.clipboard) document.querySelectorAll(".copy").forEach(button => { button.hidden = false;
  button.addEventListener("click", () => navigator.clipboard.writeText(button.previousElementSibling.textContent).then(() => { button.textContent = "Copied"; })); });
