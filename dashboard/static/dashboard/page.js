// What every page has: the theme switch, ages that grow, buttons that copy, menus that close.
const inUnits = (seconds) => {
  if (seconds < 120) return `${Math.max(0, Math.round(seconds))} s ago`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 172800) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86400)} d ago`;
};

// Ages are counted on from what the server wrote, whose clock may differ from this one.
const born = new WeakMap();
const grow = () => {
  for (const time of document.querySelectorAll("time.ago")) {
    if (!born.has(time)) {
      const [number, unit] = time.textContent.split(" ");
      const seconds = Number(number) * { s: 1, min: 60, h: 3600, d: 86400 }[unit];
      born.set(time, Date.now() - seconds * 1000);
    }
    const text = inUnits((Date.now() - born.get(time)) / 1000);
    if (time.textContent !== text) time.textContent = text;
  }
};
grow();
setInterval(grow, 5000);

const themes = document.querySelector("#themes");
if (themes) {
  themes.hidden = false;
  const mark = () => {
    for (const button of themes.querySelectorAll("button")) {
      const chosen = button.value === document.documentElement.dataset.themeChoice;
      button.setAttribute("aria-pressed", String(chosen));
    }
  };
  themes.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    dispatchEvent(new CustomEvent("theme", { detail: button.value }));
    mark();
  });
  mark();
}

document.addEventListener("click", async (event) => {
  for (const menu of document.querySelectorAll("details.menu[open], details.term[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
  const button = event.target.closest("button.copy");
  if (!button) return;
  const words = button.querySelector("span");
  const before = words.textContent;
  try {
    await navigator.clipboard.writeText(button.closest(".command").querySelector("code").textContent);
    words.textContent = "Copied";
  } catch {
    words.textContent = "Select and copy by hand";
  }
  setTimeout(() => { words.textContent = before; }, 2000);
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.menu[open], details.term[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});
// Enter in a field does what the button beside it does, not what the form's first button does.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !event.target.matches(".in-row input")) return;
  event.preventDefault();
  event.target.closest(".in-row").querySelector("button").click();
});

// The line on polling is swapped; what else on the page tells the time of the same read follows.
document.addEventListener("htmx:afterSwap", () => {
  const fresh = document.querySelector("#status time.ago");
  const evidence = document.querySelector("#evidence");
  if (!fresh || !evidence) return;
  evidence.querySelector("time.ago")?.replaceWith(fresh.cloneNode(true));
  const exact = evidence.querySelector(".exact");
  if (exact) exact.textContent = fresh.title;
});

// Paper has no folds.
let unfolded = [];
addEventListener("beforeprint", () => {
  unfolded = [...document.querySelectorAll("details.fold:not([open])")];
  for (const fold of unfolded) fold.open = true;
});
addEventListener("afterprint", () => {
  for (const fold of unfolded) fold.open = false;
});
document.documentElement.classList.add("has-js");
