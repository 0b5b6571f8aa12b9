// While nodes are watched: what changed is said once to a screen reader, not every two seconds; and
// the steps can be unfolded all at once.
const said = document.querySelector("#watch-said");
const tell = () => {
  const words = document.querySelector("#watch")?.dataset.said ?? "";
  if (said && said.textContent !== words) said.textContent = words;
};
document.addEventListener("htmx:afterSwap", tell);
