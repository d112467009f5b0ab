// Parts of pages that change while work goes on: each follows the stream that it names.

import { forget, forgetOld, hasDrafts } from "./drafts.mjs";

function follow(part) {
  const source = new EventSource(part.dataset.live);
  source.addEventListener("state", (event) => {
    const { html } = JSON.parse(event.data);
    // What a person is typing or has the focus on stays until the next change.
    if (part.contains(document.activeElement) && document.activeElement.matches("input, textarea, select")) return;
    const focused = part.contains(document.activeElement) ? document.activeElement.id : "";
    part.innerHTML = html;
    if (focused) document.getElementById(focused)?.focus();
  });
  source.addEventListener("end", () => {
    source.close();
    part.removeAttribute("data-live");
    if ("reload" in part.dataset && !document.querySelector("[data-reader]")) location.reload();
  });
}

forgetOld();
for (const form of document.querySelectorAll("form[data-unsaved]")) {
  form.addEventListener("submit", (event) => {
    const { person } = document.body.dataset;
    if (hasDrafts(person) && !confirm(form.dataset.unsaved)) {
      event.preventDefault();
      event.stopImmediatePropagation();
    } else forget(person);
  });
}

const offline = document.querySelector("[data-offline]");
addEventListener("offline", () => { offline.hidden = false; });
addEventListener("online", () => { offline.hidden = true; });

for (const part of document.querySelectorAll("[data-live]")) follow(part);

for (const area of document.querySelectorAll("[data-submit]")) {
  area.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) area.form.requestSubmit();
  });
}
for (const form of document.querySelectorAll("form[method=post]:not([data-upload], [data-photos])")) {
  form.addEventListener("submit", () => {
    setTimeout(() => { for (const button of form.querySelectorAll("button")) button.disabled = true; });
  });
}
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
