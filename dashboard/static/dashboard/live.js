// What a page does while it waits: progress of requests and forms, a lost server, a session over.
const SLOW_MS = 300;
const lost = document.querySelector("#lost");
let lastAnswer = Date.now();

// Says why what is shown gets old; nothing twice, since it is read out. `why` is "" where all is well.
const say = (why) => {
  if (!lost) return;
  for (const note of lost.children) {
    const isIt = note.dataset.why === why;
    if (isIt && note.hidden) {
      const time = document.createElement("time");
      time.className = "ago";
      time.dateTime = new Date(lastAnswer).toISOString();
      time.title = `${time.dateTime.slice(0, 19).replace("T", " ")} UTC`;
      time.textContent = `${Math.round((Date.now() - lastAnswer) / 1000)} s ago`;
      note.querySelector("[data-since]").replaceChildren(time);
      const link = note.querySelector("a");
      if (link) link.search = new URLSearchParams({ next: location.pathname + location.search });
    }
    note.hidden = !isIt;
  }
};
addEventListener("htmx:sendError", () => say("unreachable"));
addEventListener("htmx:timeout", () => say("unreachable"));
addEventListener("htmx:responseError", () => say("failing"));
addEventListener("signed-out", () => say("signed-out"));
addEventListener("htmx:afterRequest", ({ detail }) => {
  if (!detail.successful || detail.xhr.getResponseHeader("HX-Trigger") === "signed-out") return;
  lastAnswer = Date.now();
  say("");
});

// Only what someone asked for is announced: a page that refreshes itself stays quiet.
const waiting = new Map();
addEventListener("htmx:beforeSend", ({ detail }) => {
  if (!detail.requestConfig.triggeringEvent) return;
  const mark = () => document.documentElement.classList.add("is-loading");
  waiting.set(detail.xhr, setTimeout(mark, SLOW_MS));
});
addEventListener("htmx:afterRequest", ({ detail }) => {
  clearTimeout(waiting.get(detail.xhr));
  waiting.delete(detail.xhr);
  if (!waiting.size) document.documentElement.classList.remove("is-loading");
});

// A form is sent once. Its button keeps its value and its focus, so it isn't disabled.
const sent = new Set();
const release = (form) => {
  sent.delete(form);
  for (const button of form.querySelectorAll("[aria-busy]")) button.removeAttribute("aria-busy");
};
addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post" || "stays" in form.dataset) return;
  if (sent.has(form)) {
    event.preventDefault();
    event.stopImmediatePropagation();
    return;
  }
  sent.add(form);
  event.submitter?.setAttribute("aria-busy", "true");
}, { capture: true });
addEventListener("submit", (event) => {
  // Stopped by another module, which is to say that it isn't sent; htmx sends its own.
  if (event.defaultPrevented && !event.target.matches("[hx-post]")) release(event.target);
});
addEventListener("htmx:afterRequest", ({ detail }) => {
  if (detail.elt.matches("form")) release(detail.elt);
});
addEventListener("pageshow", (event) => {
  if (event.persisted) [...sent].forEach(release);
});
