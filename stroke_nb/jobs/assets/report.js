const button = document.getElementById("code"), folds = [...document.querySelectorAll("details.code")];
button.hidden = !folds.length;
button.addEventListener("click", () => { const open = button.getAttribute("aria-pressed") !== "true";
  folds.forEach(fold => fold.open = open); button.setAttribute("aria-pressed", open); button.textContent = open ? "Hide code" : "Show code"; });
