// The words that hold what is typed; the others are hidden, and headings that are left alone.
const field = document.querySelector("#find");
const nothing = document.querySelector("#nothing");
const items = [...document.querySelectorAll("[data-explains]")];

const find = () => {
  const wanted = field.value.trim().toLowerCase().split(/\s+/);
  for (const item of items) {
    const words = item.textContent.toLowerCase();
    item.hidden = !wanted.every((word) => words.includes(word));
  }
  for (const section of document.querySelectorAll("section.explained")) {
    section.hidden = !section.querySelector("[data-explains]:not([hidden])");
  }
  const found = items.filter((item) => !item.hidden).length;
  nothing.textContent = field.value.trim() ? `${found} of ${items.length}` : "";
};
field.closest("search").hidden = false;
field.addEventListener("input", find);
find();
// A link to a word shows it, whatever was typed before.
addEventListener("hashchange", () => {
  field.value = "";
  find();
  document.querySelector(`#${CSS.escape(location.hash.slice(1))}`)?.scrollIntoView();
});
