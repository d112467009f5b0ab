// Corrections are stored while a person types, one after another. Until the server has one it is kept in this tab.

const reader = document.querySelector("[data-editor]");
const said = reader.dataset;
const audio = document.querySelector("[data-player] audio");
const saved = document.querySelector("[data-saved]");
const undoing = document.querySelector("[data-undo]");
const speakers = document.querySelector("[data-speakers]");
const find = document.querySelector("[data-find]");
const address = `/api/v1/recordings/${said.editor}/transcript`;
const drafts = `draft:${said.recording}:`;
const SAVE_MS = 250;
const DELAYS = [1000, 3000, 9000];
const STEP_S = 3;
const STUCK = ".conflict, .refused";
let version = Number(said.version);
let queue = Promise.resolve();
let timer = null;
let broken = false;
let others = false;
const unsaved = new Set();

for (const hint of document.querySelectorAll("[data-how], [data-keys]")) hint.hidden = false;

const rows = () => [...reader.querySelectorAll(".utterance")];
const rowOf = (position) => document.getElementById(`s${position}`);
const area = (row) => row.elements.text;

function tell(text, problem = false) {
  saved.textContent = text;
  saved.className = problem ? "problem" : "hint";
}

function keep(row) {
  sessionStorage.setItem(drafts + row.dataset.position, JSON.stringify({ text: area(row).value, mark: row.elements.mark.value }));
  unsaved.add(row);
}

function settle(row) {
  sessionStorage.removeItem(drafts + row.dataset.position);
  unsaved.delete(row);
  row.querySelector(STUCK)?.remove();
}

// What cannot reach the server is tried again until it does; what the server refuses is not.
async function ask(path, options = {}) {
  for (let tries = 0; ; tries += 1) {
    try {
      const answer = await fetch(address + path, options);
      if (answer.status < 500 && answer.status !== 429) { broken = false; return answer; }
    } catch { /* no connection */ }
    broken = true;
    tell(said.broken, true);
    await new Promise((done) => {
      setTimeout(done, DELAYS[Math.min(tries, DELAYS.length - 1)]);
      addEventListener("online", done, { once: true });
    });
  }
}

function posted(edit) {
  return {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRF-Token": document.body.dataset.csrf },
    body: JSON.stringify({ version, ...edit }),
  };
}

const send = (edit) => ask("/edits", posted(edit));

async function reason(answer) {
  try { return (await answer.json()).message; } catch { return String(answer.status); }
}

function now(known) {
  version = known.version;
  for (const field of document.querySelectorAll("input[name=version]")) field.value = version;
  undoing.querySelector("button").disabled = !known.can_undo;
}

function offer(list) {
  for (const row of rows()) {
    const select = row.elements.speaker;
    const chosen = select.value === "new" ? row.dataset.speaker : select.value;
    const offered = list.slice(0, 20);
    const own = list.find((each) => each.id === chosen);
    const former = select.selectedOptions[0];
    if (own && !offered.includes(own)) offered.unshift(own);
    select.replaceChildren(...(own ? [] : [former]), ...offered.map((each) => new Option(each.label, each.id)), new Option(said.somebody, "new"));
    select.value = own ? chosen : former.value;
  }
  if (speakers.open) fresh(); else speakers.dataset.stale = "1";
}

// Names, turns and times of speakers, as they are by now.
async function fresh() {
  delete speakers.dataset.stale;
  const answer = await fetch(location.pathname);
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-speakers]");
  page.open = true;
  speakers.replaceChildren(...page.childNodes);
}

function show(edited) {
  now(edited);
  if (edited.utterances === null) { location.reload(); return; }
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
  if (edited.speakers) offer(edited.speakers);
  others ||= edited.others;
}

// --- texts ----------------------------------------------------------------------------------------------------------

async function save(row) {
  if (!unsaved.has(row) || row.querySelector(STUCK)) return;
  const text = area(row).value;
  tell(said.saving);
  const answer = await send({ change: "text", position: Number(row.dataset.position), mark: row.elements.mark.value, text });
  if (answer.status === 409) { await differs(row, await reason(answer)); return; }
  if (!answer.ok) { refused(row, await reason(answer)); return; }
  const edited = await answer.json();
  if (area(row).value === text) settle(row);
  // What was typed stays as it was typed, while the focus is there.
  show({ ...edited, utterances: edited.utterances?.filter((each) => each.position !== Number(row.dataset.position)) ?? null });
  for (const each of edited.utterances ?? []) if (rowOf(each.position) === row) row.elements.mark.value = each.mark;
  area(row).defaultValue = text;
  if (unsaved.has(row)) { keep(row); later(); }
  if (!unsaved.size) tell(others ? said.others : said.done, others);
}

function refused(row, why) {
  row.querySelector(".refused")?.remove();
  const line = document.createElement("p");
  line.className = "problem refused";
  line.setAttribute("role", "alert");
  line.textContent = said.refused.replace("{reason}", why);
  row.append(line);
  tell(line.textContent, true);
}

async function differs(row, why) {
  const answer = await ask(`/editing?first=${row.dataset.position}`);
  if (!answer.ok) { refused(row, why); return; }
  const known = await answer.json();
  const theirs = known.utterances.find((each) => each.position === Number(row.dataset.position));
  if (!theirs) { refused(row, why); return; }
  now(known);
  if (theirs.mark === row.elements.mark.value) { await save(row); return; }
  const box = document.querySelector("template[data-conflict]").content.firstElementChild.cloneNode(true);
  box.querySelector("blockquote").textContent = theirs.text || said.empty;
  box.querySelector("[data-mine]").addEventListener("click", () => {
    box.remove();
    row.elements.mark.value = theirs.mark;
    keep(row);
    later(0);
    area(row).focus();
  });
  box.querySelector("[data-theirs]").addEventListener("click", () => {
    settle(row);
    row.elements.mark.value = theirs.mark;
    area(row).value = theirs.text;
    area(row).focus();
    tell(said.done);
  });
  row.querySelector(".conflict")?.remove();
  row.append(box);
  tell(said.conflicted, true);
}

function later(delay = SAVE_MS) {
  timer ??= setTimeout(flush, delay);
}

function flush() {
  clearTimeout(timer);
  timer = null;
  for (const row of unsaved) queue = queue.then(() => save(row));
  return queue;
}

reader.addEventListener("input", (event) => {
  if (event.target.name !== "text") return;
  const row = event.target.form;
  row.querySelector(".refused")?.remove();
  keep(row);
  tell(said.saving);
  later();
});

// --- speakers and undoing -------------------------------------------------------------------------------------------

function change(edit, then) {
  flush();
  queue = queue.then(async () => {
    tell(said.saving);
    const answer = await send(edit);
    if (answer.ok) { show(await answer.json()); tell(then); return; }
    // Whatever it was is shown as it is now; what is typed and not saved comes back by itself.
    tell(answer.status === 409 ? said.changed : said.refused.replace("{reason}", await reason(answer)), true);
    sessionStorage.setItem("told", saved.textContent);
    location.reload();
  });
}

reader.addEventListener("change", (event) => {
  if (event.target.name !== "speaker") return;
  const row = event.target.form;
  change({ change: "speaker", position: Number(row.dataset.position), speaker: event.target.value }, said.done);
});

const undo = () => change({ change: "undo" }, said.undone);

speakers.addEventListener("toggle", () => { if (speakers.open && speakers.dataset.stale) fresh(); });

// Forms go when everything typed is stored, with the version that this has made.
addEventListener("submit", (event) => {
  const form = event.target;
  if (form === undoing || form.classList.contains("utterance")) {
    event.preventDefault();
    event.stopImmediatePropagation();
    if (form === undoing) undo();
    return;
  }
  if (!unsaved.size) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  flush().then(() => {
    const [stuck] = unsaved;
    if (stuck) area(stuck).focus(); else form.requestSubmit(event.submitter);
  });
}, true);

// --- keys -----------------------------------------------------------------------------------------------------------

function go(row, step) {
  const all = rows();
  const next = all[all.indexOf(row) + step];
  if (next) { area(next).focus(); area(next).scrollIntoView({ block: "nearest" }); }
}

function listen(row) {
  if (!audio) return;
  if (!audio.paused) audio.pause(); else if (row) row.querySelector("[data-at]").click(); else audio.play();
}

function chosen(row, place) {
  const select = row.elements.speaker;
  const list = [...select.options].filter((each) => each.value && each.value !== "new");
  if (!list[place] || list[place].selected) return;
  list[place].selected = true;
  select.dispatchEvent(new Event("change", { bubbles: true }));
}

addEventListener("keydown", (event) => {
  const row = event.target.closest?.(".utterance");
  const digit = /^Digit([1-9])$/.exec(event.code);
  if (event.isComposing || event.ctrlKey || event.metaKey) return;
  if (event.key === "Enter" && !event.altKey && event.target.name === "text" && row) go(row, event.shiftKey ? -1 : 1);
  else if (event.key === "Escape" && event.target.localName !== "select") listen(row);
  else if (event.key === "F2" && audio) audio.currentTime -= STEP_S;
  else if (event.altKey && event.code === "KeyZ") undo();
  else if (event.altKey && event.code === "KeyF") { find.open = true; find.querySelector("[name=wanted]").focus(); }
  else if (event.altKey && digit && row) chosen(row, Number(digit[1]) - 1);
  else return;
  event.preventDefault();
});

// A reload comes back to the utterance that was being corrected.
reader.addEventListener("focusin", (event) => {
  const row = event.target.closest(".utterance");
  if (!row) return;
  const position = Number(row.dataset.position);
  history.replaceState(null, "", `${location.pathname}?from=${position - (position % Number(said.page))}#s${position}`);
});

// --- nothing is lost ------------------------------------------------------------------------------------------------

function restore(root) {
  for (const row of root.querySelectorAll(".utterance")) {
    row.dataset.speaker = row.elements.speaker.value;
    const kept = sessionStorage.getItem(drafts + row.dataset.position);
    if (kept === null || unsaved.has(row)) continue;
    const { text, mark } = JSON.parse(kept);
    if (text === area(row).value) { settle(row); continue; }
    area(row).value = text;
    row.elements.mark.value = mark;
    unsaved.add(row);
    later(0);
  }
}

// Texts of utterances that this page does not show are stored all the same; in a conflict they wait until it does.
function store(position, kept) {
  queue = queue.then(async () => {
    const answer = await send({ change: "text", position, ...JSON.parse(kept) });
    if (!answer.ok) return;
    sessionStorage.removeItem(drafts + position);
    now(await answer.json());
  });
}

addEventListener("pagehide", () => {
  for (const row of unsaved) {
    if (row.querySelector(STUCK)) continue;
    fetch(`${address}/edits`, { ...posted({ change: "text", position: Number(row.dataset.position), mark: row.elements.mark.value, text: area(row).value }), keepalive: true });
  }
});
addEventListener("beforeunload", (event) => { if (broken && unsaved.size) event.preventDefault(); });

restore(reader);
for (const name of Object.keys(sessionStorage)) {
  const position = Number(name.slice(drafts.length));
  if (name.startsWith(drafts) && !rowOf(position)) store(position, sessionStorage.getItem(name));
}
new MutationObserver((changes) => {
  for (const { addedNodes } of changes) for (const node of addedNodes) if (node.matches?.("[data-segments]")) restore(node);
}).observe(reader, { childList: true });
const told = sessionStorage.getItem("told");
if (told) { sessionStorage.removeItem("told"); tell(told, true); }
const aimed = document.getElementById(location.hash.slice(1));
if (aimed?.matches(".utterance")) area(aimed).focus();
if (aimed === speakers) speakers.open = true;
