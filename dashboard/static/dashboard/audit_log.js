// The upload of audit logs: how far it is, a way to stop it, and why it was refused, in place.
const form = document.querySelector("#audit-log");
const progress = form.querySelector(".upload-progress");
const bar = progress.querySelector("progress");
const words = progress.querySelector("[role=status]");
const send = form.querySelector("[type=submit]");
const refusal = document.querySelector("#refusal");

const inUnits = (bytes) => (bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);

const refuse = (text) => {
  const note = document.createElement("div");
  note.className = "note tone-critical any-break";
  note.textContent = text;
  refusal.replaceChildren(note);
  note.scrollIntoView({ block: "nearest" });
};

const rest = () => {
  progress.hidden = true;
  send.disabled = false;
  send.removeAttribute("aria-busy");
};

const refusalIn = (request) => {
  try {
    return JSON.parse(request.responseText).refusal;
  } catch {
    return `The upload was refused (${request.status}). Load the page again and try once more.`;
  }
};

form.addEventListener("submit", (event) => {
  event.preventDefault();
  refusal.replaceChildren();
  const files = [...form.querySelector("[type=file]").files];
  const size = files.reduce((sum, file) => sum + file.size, 0);
  if (size > Number(form.dataset.mostBytes)) {
    refuse(`These are ${inUnits(size)}, more than this server takes at once. Read them with authzviz evidence, as below.`);
    return;
  }
  const request = new XMLHttpRequest();
  let step = -1;
  request.upload.addEventListener("progress", ({ loaded, total }) => {
    bar.value = loaded / total;
    const now = Math.floor((10 * loaded) / total);
    if (now === step) return; // a screen reader need not hear each of them
    step = now;
    words.textContent = loaded < total ? `${inUnits(loaded)} of ${inUnits(total)}` : "All sent: reading the rest…";
  });
  request.addEventListener("load", () => {
    rest();
    const said = refusalIn(request);
    if (request.status === 200 && !said) location.assign(form.action);
    else refuse(said);
  });
  request.addEventListener("error", () => {
    rest();
    refuse("The connection was lost: nothing was kept. Try again.");
  });
  request.addEventListener("abort", () => {
    rest();
    refuse("Stopped: nothing was kept.");
  });
  progress.querySelector("button").onclick = () => request.abort();
  request.open("POST", form.action);
  request.setRequestHeader("Accept", "application/json");
  request.send(new FormData(form));
  bar.value = 0;
  words.textContent = `0 of ${inUnits(size)}`;
  progress.hidden = false;
  send.disabled = true;
  send.setAttribute("aria-busy", "true");
});
