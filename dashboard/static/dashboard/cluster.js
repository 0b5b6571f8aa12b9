// A link of the path picture may lead into a table that is folded: unfold it, then go there.
const unfold = () => {
  const target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
  if (!target) return;
  for (let fold = target.closest("details"); fold; fold = fold.parentElement.closest("details")) {
    fold.open = true;
  }
  target.scrollIntoView({ block: "nearest" });
};
addEventListener("hashchange", unfold);
unfold();
