// The form of a change: bindings are found while typing, and the address holds what changes only.
const form = document.querySelector("#change");
const find = document.querySelector("#find");

if (find) {
  const rows = [...form.querySelectorAll(".bindings li[data-text]")];
  find.addEventListener("input", () => {
    const wanted = find.value.trim().toLowerCase();
    for (const row of rows) {
      row.hidden = !row.querySelector(":checked") && !row.dataset.text.includes(wanted);
    }
  });
}

form?.addEventListener("formdata", ({ formData }) => {
  const given = [...formData].map(([name, value]) => [name, value.trim()]);
  const of = (name) => given.filter((each) => each[0] === name && each[1]).map((each) => each[1]);
  const plugins = of("plugins").flatMap((text) => text.split(",").map((one) => one.trim()));
  const { modes: modesToday, plugins: pluginsToday, version: versionToday } = form.dataset;
  for (const name of new Set(formData.keys())) formData.delete(name);
  const modes = of("modes").join(",");
  if (modes && modes !== modesToday) formData.append("modes", modes);
  const asTheyAre = plugins.includes("unchanged") || plugins.slice().sort().join(",") === pluginsToday;
  if (!asTheyAre) formData.append("plugins", plugins.join(","));
  for (const [name, value] of given) {
    const isToday = name === "version" && value === versionToday;
    if (value && !isToday && !["modes", "plugins", "find"].includes(name)) formData.append(name, value);
  }
  if (of("find").length && form.querySelector(".rows-left-out")) formData.append("find", of("find")[0]);
});
