// Texts that are not stored yet, and what a person can do about them.

import { same } from "./drafts.mjs";

// A text that another tab has left behind; nothing is done with it before the person chose.
export function offerText(row, { key, text }, take) {
  const area = row.elements.text;
  if (same(text, area.value)) { localStorage.removeItem(key); return; }
  if ([...row.querySelectorAll(".offer")].some((each) => each.dataset.key === key)) return;
  const box = document.querySelector("template[data-offer]").content.firstElementChild.cloneNode(true);
  const close = () => { localStorage.removeItem(key); box.remove(); area.focus(); };
  box.dataset.key = key;
  box.querySelector("blockquote").textContent = text || document.querySelector("[data-editor]").dataset.empty;
  box.querySelector("[data-drop]").addEventListener("click", close);
  box.querySelector("[data-take]").addEventListener("click", () => {
    take(row, text);
    close();
  });
  row.append(box);
}

// Texts of utterances that the page does not show: where they are.
export function tellWaiting(positions, addressOf) {
  const places = new Set(positions);
  const waiting = document.querySelector("[data-waiting]");
  waiting.hidden = !places.size;
  waiting.querySelector("span").replaceChildren(...[...places].sort((one, other) => one - other).flatMap((each) => {
    const link = document.createElement("a");
    link.href = addressOf(each);
    link.textContent = each + 1;
    return [link, " "];
  }));
}

// Somebody else was first: either text may stay. What the person decides is done, and the question goes.
export function askWhose(row, text, keepMine, takeTheirs) {
  const box = document.querySelector("template[data-conflict]").content.firstElementChild.cloneNode(true);
  box.querySelector("blockquote").textContent = text;
  for (const [button, decided] of [["[data-mine]", keepMine], ["[data-theirs]", takeTheirs]]) {
    box.querySelector(button).addEventListener("click", () => { box.remove(); decided(); row.elements.text.focus(); });
  }
  row.querySelector(".conflict")?.remove();
  row.append(box);
}

// Why the text of an utterance cannot be stored.
export function tellRefused(row, text) {
  row.querySelector(".refused")?.remove();
  const line = document.createElement("p");
  line.className = "problem refused";
  line.setAttribute("role", "alert");
  line.textContent = text;
  row.append(line);
}
