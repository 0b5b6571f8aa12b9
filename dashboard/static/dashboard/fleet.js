// Lists of clusters and tickets: ticks that stay over pages, sorting and live updates; filters that
// act at once; and live updates that leave alone what a hand is at.
const KEY = document.querySelector("#tickets") ? "ticket-ticks" : "ticks";
const SLOWER_MS = 60000;
const read = () => new Set(JSON.parse(sessionStorage.getItem(KEY) || "[]"));
const ticks = read();
const keep = () => sessionStorage.setItem(KEY, JSON.stringify([...ticks]));
const all = (selector) => [...document.querySelectorAll(selector)];
const list = () => document.querySelector("#clusters, #tickets");
const openMenus = () => all("#clusters details.menu[open]");

const show = () => {
  const form = document.querySelector("#bulk");
  if (!form) return;
  const boxes = all("tbody input.pick");
  const isEvery = document.querySelector("#all-found")?.checked ?? false;
  for (const box of boxes) {
    box.checked = isEvery || ticks.has(box.value);
    box.disabled = isEvery;
  }
  const words = form.querySelector("#ticked");
  const number = isEvery ? Number(words.dataset.found) : ticks.size;
  const elsewhere = isEvery ? 0 : number - boxes.filter((box) => box.checked).length;
  words.dataset.empty ??= words.textContent;
  words.textContent = number
    ? `${number.toLocaleString("en")} ticked${elsewhere ? `, ${elsewhere} not on this page` : ""}`
    : words.dataset.empty;
  form.classList.toggle("has-ticks", number > 0);
  for (const button of form.querySelectorAll("button")) button.disabled = number === 0;
  const page = document.querySelector("#tick-page");
  if (!page) return;
  page.hidden = false;
  page.disabled = isEvery;
  page.checked = boxes.every((box) => box.checked);
};

document.addEventListener("change", ({ target }) => {
  if (target.matches("tbody input.pick")) ticks[target.checked ? "add" : "delete"](target.value);
  else if (target.matches("#tick-page")) {
    for (const box of all("tbody input.pick")) ticks[target.checked ? "add" : "delete"](box.value);
  } else if (target.form?.id === "filter" && target.type === "checkbox") {
    target.form.requestSubmit();
    return;
  }
  keep();
  show();
});

document.addEventListener("click", ({ target }) => {
  if (!target.closest("#untick")) return;
  ticks.clear();
  const every = document.querySelector("#all-found");
  if (every) every.checked = false;
  keep();
  show();
});

// What is ticked goes along, on other pages, too. What is acted on is not ticked any more, but what is
// compared is: one may come back for another.
document.addEventListener("submit", ({ target, submitter }) => {
  if (target.id !== "bulk") return;
  target.querySelector("#every-tick").value = [...ticks].join(" ");
  if (submitter?.value !== "compare") sessionStorage.removeItem(KEY);
  target.querySelector("#ticked").textContent = "Working…";
});

let asked = Date.now();
document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.target !== list()) return;
  const isBusy = openMenus().length > 0;
  const isEarly = document.hidden && Date.now() - asked < SLOWER_MS;
  if (isBusy || isEarly) event.preventDefault();
  else asked = Date.now();
});
document.addEventListener("visibilitychange", () => {
  if (list() && !document.hidden) htmx.trigger(list(), "refresh");
});

let opened = [];
let focused = "";
let isAll = false;
document.addEventListener("htmx:beforeSwap", () => {
  opened = openMenus().map((menu) => menu.id);
  focused = document.activeElement.id;
  isAll = document.querySelector("#all-found")?.checked ?? false;
});
document.addEventListener("htmx:afterSwap", () => {
  for (const id of opened) document.getElementById(id)?.setAttribute("open", "");
  // What is in a menu can have the focus only now that it is open.
  if (opened.length && focused) document.getElementById(focused)?.focus({ preventScroll: true });
  const every = document.querySelector("#all-found");
  if (every) every.checked = isAll;
  show();
});
// Back and forward may bring a page back with the boxes of another moment.
addEventListener("pageshow", show);
show();
