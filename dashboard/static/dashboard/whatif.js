// The form of a change: bindings are found while typing, and the address holds what is said only.
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
  const joined = (name) => formData.getAll(name).map((each) => each.trim()).filter(Boolean).join(",");
  const modes = joined("modes");
  const plugins = joined("plugins");
  const kept = [...formData].filter(([name, value]) => value.trim() && !["modes", "plugins"].includes(name));
  for (const name of new Set(formData.keys())) formData.delete(name);
  if (modes) formData.append("modes", modes);
  if (plugins !== "unchanged") formData.append("plugins", plugins);
  for (const [name, value] of kept) formData.append(name, value);
});
