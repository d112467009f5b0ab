// Corrections are stored while a person types, one after another. Until the server has one it is kept in the browser.

import { Drafts, same } from "./drafts.mjs";
import { listenToKeys, showTools } from "./keys.mjs";
import { Made } from "./made.mjs";
import { askWhose, offerText, tellRefused, tellWaiting } from "./offers.mjs";
import { persist, reason } from "./persistence.mjs";
import { chooseSpeaker, offerSpeakers } from "./speakers.mjs";

const reader = document.querySelector("[data-editor]");
const said = reader.dataset;
const audio = document.querySelector("[data-player] audio");
const saved = document.querySelector("[data-saved]");
const undoing = document.querySelector("[data-undo]");
const redoing = document.querySelector("[data-redo]");
const address = `/api/v1/recordings/${said.editor}/transcript`;
const drafts = new Drafts(document.body.dataset.person, said.recording);
const made = new Made(said.recording);
const SAVE_MS = 250;
const MOST_SENT = 10;
const STUCK = ".conflict, .refused";
let version = Number(said.version);
let undoes = Number(said.undoes ?? NaN);
let redoes = Number(said.redoes ?? NaN);
let queue = Promise.resolve();
let timer = null;
let others = false;
let leaving = false;
const unsaved = new Set();

for (const hint of document.querySelectorAll("[data-how], [data-keys]")) hint.hidden = false;

const rows = () => [...reader.querySelectorAll(".utterance")];
const rowOf = (position) => document.getElementById(`s${position}`);
const area = (row) => row.elements.text;
const positionOf = (row) => Number(row.dataset.position);
const addressOf = (position) => `${location.pathname}?from=${position - (position % Number(said.page))}#s${position}`;

function tell(text, problem = false) {
  saved.textContent = text;
  saved.className = problem ? "problem" : "hint";
}

function keep(row) {
  drafts.keep(positionOf(row), { text: area(row).value, mark: row.elements.mark.value, version, sent: row.sent });
  unsaved.add(row);
}

// A server that dies may have stored it without an answer: it is known again as this window's own.
function sending(row) {
  row.sent = [...(row.sent ?? []), area(row).value].slice(-MOST_SENT);
  keep(row);
}

function settle(row) {
  drafts.drop(positionOf(row));
  unsaved.delete(row);
  row.querySelector(STUCK)?.remove();
}

// What is to be told goes along with a page that is loaded anew.
function leave(text, problem, position = null) {
  sessionStorage.setItem("told", JSON.stringify([text, problem]));
  leaving = true;
  if (position !== null) history.replaceState(null, "", addressOf(position));
  location.reload();
}

const ask = (path, options = {}) => persist(address + path, options, () => tell(said.broken, true));

function posted(edit) {
  return {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRF-Token": document.body.dataset.csrf },
    body: JSON.stringify({ version, ...edit }),
  };
}

const send = (edit) => ask("/edits", posted(edit));

function now(known) {
  version = known.version;
  for (const field of document.querySelectorAll("input[name=version]")) field.value = version;
  undoes = known.undoes ?? NaN;
  redoes = known.redoes ?? NaN;
  const button = undoing.querySelector("button");
  button.disabled = !known.can_undo;
  button.removeAttribute("title");
  redoing.querySelector("button").disabled = Number.isNaN(redoes);
}

function show(edited) {
  now(edited);
  for (const each of edited.utterances) {
    const row = rowOf(each.position);
    if (!row) continue;
    row.dataset.speaker = each.speaker ?? "";
    // What is being typed was typed upon another text: its saving tells whether that has changed.
    if (!unsaved.has(row)) {
      row.elements.mark.value = each.mark;
      area(row).value = area(row).defaultValue = each.text;
    }
    if (each.speaker) {
      const select = row.elements.speaker;
      if (![...select.options].some((option) => option.value === each.speaker)) select.prepend(new Option(each.speaker, each.speaker));
      select.value = each.speaker;
    }
  }
  if (edited.speakers) offerSpeakers(rows(), edited.speakers);
  others ||= edited.others;
}

// --- texts ----------------------------------------------------------------------------------------------------------

async function save(row) {
  if (!unsaved.has(row) || row.querySelector(STUCK)) return;
  const text = area(row).value;
  const sent = version;
  tell(said.saving);
  sending(row);
  const answer = await send({ change: "text", position: positionOf(row), mark: row.elements.mark.value, text });
  if (answer.status === 409) { await differs(row, await reason(answer)); return; }
  if (!answer.ok) { refused(row, await reason(answer)); return; }
  const edited = await answer.json();
  row.sent = [];
  made.note(sent, edited);
  if (area(row).value === text) settle(row);
  if (edited.utterances === null) { leave(said.done, false); return; }
  // What was typed stays as it was typed, while the focus is there.
  show({ ...edited, utterances: edited.utterances.filter((each) => each.position !== positionOf(row)) });
  for (const each of edited.utterances) if (rowOf(each.position) === row) row.elements.mark.value = each.mark;
  area(row).defaultValue = text;
  if (unsaved.has(row)) { keep(row); later(); }
  if (!unsaved.size) tell(others ? said.others : said.done, others);
}

function refused(row, why) {
  const text = said.refused.replace("{reason}", why);
  tellRefused(row, text);
  tell(text, true);
}

async function differs(row, why) {
  const answer = await ask(`/editing?first=${row.dataset.position}&version=${version}`);
  if (!answer.ok) { refused(row, why); return; }
  const known = await answer.json();
  if (known.moved > version) { leave(said.conflicted, true); return; }
  const theirs = known.utterances.find((each) => each.position === positionOf(row));
  if (!theirs) { refused(row, why); return; }
  now(known);
  const ours = [area(row).defaultValue, ...(row.sent ?? [])];
  const isOurs = theirs.mark === row.elements.mark.value || ours.some((text) => same(theirs.text, text));
  if (isOurs) { row.elements.mark.value = theirs.mark; await save(row); return; }
  askWhose(row, theirs.text || said.empty, () => {
    row.elements.mark.value = theirs.mark;
    keep(row);
    later(0);
  }, () => {
    settle(row);
    row.elements.mark.value = theirs.mark;
    area(row).value = theirs.text;
    tell(said.done);
  });
  tell(said.conflicted, true);
}

// One after another, also after one that failed.
function enqueue(work) {
  queue = queue.then(work, work);
}

function later(delay = SAVE_MS) {
  timer ??= setTimeout(flush, delay);
}

function flush() {
  clearTimeout(timer);
  timer = null;
  for (const row of unsaved) enqueue(() => save(row));
  return queue;
}

reader.addEventListener("input", (event) => {
  if (event.target.name !== "text") return;
  const row = event.target.form;
  row.querySelector(".refused")?.remove();
  keep(row);
  if (!row.querySelector(STUCK)) { tell(said.saving); later(); }
});

// --- speakers and undoing -------------------------------------------------------------------------------------------

async function make(edit) {
  const sent = version;
  tell(said.saving);
  const answer = await send(edit);
  if (!answer.ok) {
    // Whatever it was is shown as it is now; what is typed and not saved comes back by itself.
    leave(answer.status === 409 ? said.changed : said.refused.replace("{reason}", await reason(answer)), true);
    return null;
  }
  const edited = await answer.json();
  made.note(sent, edited);
  return edited;
}

function change(edit) {
  flush();
  enqueue(async () => {
    const edited = await make(edit);
    if (edited) { show(edited); tell(said.done); }
  });
}

reader.addEventListener("change", (event) => {
  if (event.target.name !== "speaker") return;
  const row = event.target.form;
  change({ change: "speaker", position: positionOf(row), speaker: event.target.value });
});

async function agreed(back) {
  if (!back) return confirm(said.redoAsked);
  const answer = await ask("/editing");
  const which = answer.ok ? (await answer.json()).undoes_told : null;
  return confirm(said.undoAsked.replace("{edit}", () => which ?? said.undoUnknown));
}

// Positions move: the page is loaded anew, at the half behind the caret or the utterance that was joined to.
function cut(row) {
  const { selectionStart, value } = area(row);
  const text = value.slice(0, selectionStart);
  if (!text.trim() || !value.slice(selectionStart).trim()) { tell(said.notSplit, true); return; }
  reshape(row, { change: "split", text }, said.split, 1);
}

function join(row) {
  if (positionOf(row)) reshape(row, { change: "join" }, said.joined, -1);
}

function reshape(row, edit, then, step) {
  flush();
  enqueue(async () => {
    if (unsaved.size) { area([...unsaved][0]).focus(); return; }
    if (await make({ ...edit, position: positionOf(row) })) leave(then, false, positionOf(row) + step);
  });
}

// One edit back or forth; the page goes to where it was.
function turn(back) {
  flush();
  enqueue(async () => {
    if ((back ? undoing : redoing).querySelector("button").disabled) return;
    if (!made.has(back ? undoes : redoes) && !await agreed(back)) return;
    const edited = await make({ change: back ? "undo" : "redo" });
    if (!edited) return;
    const told = back ? said.undone : said.redone;
    if (edited.utterances === null) { leave(told, false); return; }
    const [first] = edited.utterances;
    if (!first) { show(edited); tell(told); return; }
    const where = told + said.ofTurn.replace("{turn}", first.position + 1);
    const row = rowOf(first.position);
    if (!row) { leave(where, false, first.position); return; }
    show(edited);
    area(row).focus({ preventScroll: true });
    row.scrollIntoView({ block: "center" });
    tell(where);
  });
}

// Forms go when everything typed is stored, with the version that this has made.
addEventListener("submit", (event) => {
  const form = event.target;
  if (form === undoing || form === redoing || form.classList.contains("utterance")) {
    event.preventDefault();
    event.stopImmediatePropagation();
    if (!form.classList.contains("utterance")) turn(form === undoing);
    return;
  }
  if (!unsaved.size) {
    if (form.method === "post") made.expect(version, 1);
    return;
  }
  event.preventDefault();
  event.stopImmediatePropagation();
  flush().then(() => {
    const [stuck] = unsaved;
    if (stuck) area(stuck).focus(); else form.requestSubmit(event.submitter);
  });
}, true);

// --- keys -----------------------------------------------------------------------------------------------------------

showTools(reader, { cut, join });
listenToKeys({ rows, area, audio, chosen: chooseSpeaker, turn, cut, join });

// A reload comes back to the utterance that was being corrected.
reader.addEventListener("focusin", (event) => {
  const row = event.target.closest(".utterance");
  if (!row) return;
  history.replaceState(null, "", addressOf(positionOf(row)));
});

// --- nothing is lost ------------------------------------------------------------------------------------------------

const isOld = (draft) => draft.version < Number(said.moved);

// Where the utterance is by now that a text was typed for, before utterances were split or joined.
async function placed(draft) {
  const answer = await ask(`/editing?first=${draft.position}&version=${draft.version}`);
  if (!answer.ok) return;
  const { version: known, utterances: [there] } = await answer.json();
  drafts.move(draft, there.position, known);
}

const waits = () => tellWaiting(drafts.list().map((each) => each.position).filter((each) => !rowOf(each)), addressOf);

function take(row, text) {
  area(row).value = text;
  keep(row);
  later(0);
}

function restore(root) {
  const kept = drafts.list().filter((each) => !isOld(each));
  for (const row of root.querySelectorAll(".utterance")) {
    row.dataset.speaker = row.elements.speaker.value;
    for (const draft of kept) {
      if (draft.position !== positionOf(row)) continue;
      if (draft.isOwn) resume(row, draft); else offerText(row, draft, take);
    }
  }
  waits();
}

// It goes with the mark of the text that it was typed upon: where that has changed, but to this one, the person is asked.
function resume(row, { text, mark, sent }) {
  if (unsaved.has(row)) return;
  if (same(text, area(row).value)) { settle(row); return; }
  area(row).value = area(row).defaultValue = text;
  row.elements.mark.value = mark;
  row.sent = sent;
  unsaved.add(row);
  later(0);
}

// Texts of utterances that this page does not show are stored all the same; in a conflict they wait until it does.
function store({ position, text, mark }) {
  enqueue(async () => {
    const sent = version;
    const answer = await send({ change: "text", position, text, mark });
    if (!answer.ok) return;
    drafts.drop(position);
    const edited = await answer.json();
    made.note(sent, edited);
    if (edited.utterances === null) { leave(said.done, false); return; }
    now(edited);
    waits();
  });
}

addEventListener("pagehide", () => {
  const going = [...unsaved].filter((row) => !row.querySelector(STUCK));
  for (const row of going) {
    sending(row);
    fetch(`${address}/edits`, { ...posted({ change: "text", position: positionOf(row), mark: row.elements.mark.value, text: area(row).value }), keepalive: true });
  }
  if (going.length) made.expect(version, going.length);
});
addEventListener("beforeunload", (event) => { if (!leaving && unsaved.size) event.preventDefault(); });
// Another tab has stored its text, or somebody has decided there.
addEventListener("storage", ({ key, newValue }) => {
  if (newValue !== null || !drafts.has(key)) return;
  for (const box of reader.querySelectorAll(".offer")) if (box.dataset.key === key) box.remove();
  waits();
});

made.come(version);
restore(reader);
Promise.all(drafts.list().filter(isOld).map(placed)).then((moved) => {
  if (moved.length) restore(reader);
  for (const draft of drafts.list()) if (draft.isOwn && !rowOf(draft.position)) store(draft);
});
new MutationObserver((changes) => {
  for (const { addedNodes } of changes) for (const node of addedNodes) if (node.matches?.("[data-segments]")) {
    if (Number(node.dataset.moved) > version) leave(said.others, true); else restore(node);
  }
}).observe(reader, { childList: true });
// What is not stored yet stays in the page, however far it is scrolled.
reader.addEventListener("leaving", (event) => { if ([...unsaved].some((row) => event.target.contains(row))) event.preventDefault(); });
const told = sessionStorage.getItem("told");
if (told) { sessionStorage.removeItem("told"); tell(...JSON.parse(told)); }
const aimed = document.getElementById(location.hash.slice(1));
const aim = () => { if (aimed?.matches(".utterance") && document.activeElement === document.body) area(aimed).focus(); };
aim();
// Going to a part of the page takes the focus away, once the page is there.
addEventListener("load", () => setTimeout(aim));
if (aimed?.matches("[data-speakers]")) aimed.open = true;
