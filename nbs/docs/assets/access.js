// What the theme's pages lack for a keyboard and a screen reader: a name of the search, a stop at whatever scrolls sideways
const mend = () => {
  document.querySelector(".md-search")?.setAttribute("aria-label", "Search");
  for (const part of document.querySelectorAll(".output-html, .md-typeset__scrollwrap")) part.tabIndex = part.scrollWidth > part.clientWidth ? 0 : -1;
};
mend();
addEventListener("load", () => setTimeout(mend, 100));   // after the theme's own script
addEventListener("resize", mend);
