// Newer facts of a cluster: its page is loaded anew, unless a hand is at something on it; then a
// line says so, and waits.
const KEY = "focused";
const note = document.querySelector("#newer");
const token = () => document.querySelector("#status")?.dataset.token;
const seen = token();
const reachable = () => [...document.querySelectorAll("main :is(a, button, summary, [tabindex='0'])")];

let isWritten = false;
document.addEventListener("input", () => { isWritten = true; });
document.addEventListener("click", ({ target }) => {
  const fold = target.closest("main summary")?.parentElement;
  fold?.toggleAttribute("data-opened", !fold.open);
});
const isBusy = () =>
  isWritten
  || !getSelection().isCollapsed
  || document.activeElement.matches("main :is(input, textarea, select)")
  || document.querySelector("dialog[open], details[data-opened][open]") !== null;

document.addEventListener("htmx:afterSwap", () => {
  const isNewer = token() !== seen;
  note.hidden = !isNewer;
  if (!isNewer || isBusy()) return;
  sessionStorage.setItem(KEY, JSON.stringify([location.href, reachable().indexOf(document.activeElement)]));
  location.reload();
});

const [page, place] = JSON.parse(sessionStorage.getItem(KEY) ?? "[]");
sessionStorage.removeItem(KEY);
if (page === location.href) reachable()[place]?.focus({ preventScroll: true });
