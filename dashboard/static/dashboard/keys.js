// Keyboard shortcuts: where they lead stands in #shortcuts. They can be turned off, per browser.
const SECOND_KEY_MS = 1500;
const dialog = document.querySelector("#shortcuts");
const places = new Map(
  [...dialog.querySelectorAll("[data-keys]")].map((link) => [link.dataset.keys, link.href]),
);
const areOn = () => localStorage.getItem("shortcuts") !== "off";
let first = "";

const isWriting = (target) =>
  target.closest("input:not([type=checkbox], [type=radio]), textarea, select") || target.isContentEditable;
const search = () =>
  [...document.querySelectorAll("main input[type=search]")].find((field) => field.checkVisibility());

// From a text of many lines, where Enter alone makes another.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.isComposing) return;
  const form = event.target.matches("textarea") && event.target.form;
  if (form) form.requestSubmit(form.querySelector("button[type=submit]"));
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.repeat) return;
  if (!areOn() || isWriting(event.target)) return;
  const keys = first + event.key;
  first = "";
  if (dialog.open) return;
  if (event.key === "?") {
    event.preventDefault();
    dialog.showModal();
  } else if (event.key === "/") {
    const field = search();
    if (!field) return;
    event.preventDefault();
    field.focus();
    field.select();
  } else if (places.has(keys)) {
    location.assign(places.get(keys));
  } else if (event.key === "g") {
    first = "g";
    setTimeout(() => { first = ""; }, SECOND_KEY_MS);
  }
});

const switches = document.querySelectorAll(".shortcuts-on");
for (const box of switches) {
  box.closest(".shortcuts-switch").hidden = false;
  box.checked = areOn();
  box.addEventListener("change", () => {
    localStorage.setItem("shortcuts", box.checked ? "on" : "off");
    for (const other of switches) other.checked = box.checked;
  });
}
