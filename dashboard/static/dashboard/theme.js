// Runs before the page is painted, so that a dark page doesn't flash white.
(() => {
  const wanted = localStorage.getItem("theme") || "system";
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const apply = (choice) => {
    const theme = choice === "system" ? (dark.matches ? "dark" : "light") : choice;
    document.documentElement.dataset.bsTheme = theme;
    document.documentElement.dataset.themeChoice = choice;
  };
  apply(["light", "dark"].includes(wanted) ? wanted : "system");
  dark.addEventListener("change", () => apply(document.documentElement.dataset.themeChoice));
  // Ink on paper, whatever the screen shows.
  addEventListener("beforeprint", () => { document.documentElement.dataset.bsTheme = "light"; });
  addEventListener("afterprint", () => apply(document.documentElement.dataset.themeChoice));
  addEventListener("theme", (event) => {
    localStorage.setItem("theme", event.detail);
    apply(event.detail);
  });
})();
