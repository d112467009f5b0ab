// Files are sent in pieces by tus: what has come stays, and the same file chosen again goes on from there.

import { canRecord, record, told } from "./recorder.mjs";

const form = document.querySelector("[data-upload]");
const said = form.dataset;
const input = form.querySelector("input[type=file]");
const drop = form.querySelector("[data-drop]");
const problem = form.querySelector("[data-problem]");
const sent = form.querySelector("[data-sent]");
const DELAYS = [1000, 2000, 4000, 8000, 16000, ...Array(1000).fill(30000)];
const TRIES = 26; // in more than ten minutes
const PIECE = 8 * 1024 * 1024;

input.multiple = true;

function size(bytes) {
  const units = ["Б", "КБ", "МБ", "ГБ"];
  let unit = 0;
  while (bytes >= 1024 && unit < units.length - 1) { bytes /= 1024; unit += 1; }
  return `${bytes.toLocaleString("ru", { maximumFractionDigits: bytes < 10 && unit ? 1 : 0 })} ${units[unit]}`;
}

function show(text) {
  problem.textContent = text;
  problem.hidden = !text;
}

function refusal(file) {
  if (!file.size) return told(said.empty, { name: file.name });
  if (file.size > Number(said.most)) return told(said.tooLarge, { name: file.name, size: said.mostTold });
  return "";
}

// What the server refuses for good is not tried again.
function isFinal(error) {
  const status = error.originalResponse?.getStatus() ?? 0;
  return status >= 400 && status < 500 && status !== 409 && status !== 423 && status !== 429;
}

function reason(error) {
  try {
    return told(said.failed, { reason: JSON.parse(error.originalResponse.getBody()).message });
  } catch {
    return said.givenUp;
  }
}

function send(file) {
  const wrong = refusal(file);
  if (wrong) { show(wrong); return; }
  const line = document.createElement("li");
  const name = document.createElement("span");
  const state = document.createElement("span");
  const bar = document.createElement("progress");
  const stop = document.createElement("button");
  const goOn = document.createElement("button");
  name.textContent = file.name;
  state.className = "hint";
  bar.max = file.size;
  bar.value = 0;
  bar.setAttribute("aria-label", file.name);
  stop.type = "button";
  stop.className = "quiet small";
  stop.textContent = said.cancel;
  goOn.type = "button";
  goOn.className = "small";
  goOn.textContent = said.continue;
  goOn.hidden = true;
  line.append(name, state, bar, goOn, stop);
  sent.append(line);
  let tries = 0;
  let arrived = 0;
  const again = async () => {
    tries = 0;
    goOn.hidden = true;
    state.className = "hint";
    await upload.abort();
    upload.start();
  };
  const upload = new tus.Upload(file, {
    endpoint: "/api/v1/uploads",
    chunkSize: PIECE,
    retryDelays: DELAYS,
    removeFingerprintOnSuccess: true,
    headers: { "X-CSRF-Token": document.body.dataset.csrf },
    metadata: {
      filename: file.name, filetype: file.type, scenario: form.elements.scenario.value,
      building: form.elements.building.value,
    },
    async onAfterResponse(request, response) {
      // Else tus would take any answer for "there is no such upload", and begin anew.
      if (request.getMethod() === "HEAD" && response.getStatus() >= 429) throw new Error(String(response.getStatus()));
      const offset = Number(response.getHeader("Upload-Offset"));
      if (offset > arrived) { arrived = offset; tries = 0; }
    },
    onShouldRetry(error) {
      state.textContent = said.broken;
      tries += 1;
      return !isFinal(error) && tries <= TRIES;
    },
    onProgress(done, all) {
      bar.value = done;
      state.textContent = told(said.sending, { done: size(done), size: size(all) });
    },
    onSuccess() { line.remove(); },
    onError(error) {
      state.className = "problem";
      state.textContent = reason(error);
      if (isFinal(error)) { bar.remove(); stop.remove(); } else goOn.hidden = false;
    },
  });
  stop.addEventListener("click", () => {
    line.remove();
    upload.abort(true).catch(() => { /* the list of what is at work has it */ });
  });
  goOn.addEventListener("click", again);
  addEventListener("online", () => { if (tries && bar.isConnected) again(); });
  upload.findPreviousUploads().then((earlier) => {
    if (earlier.length) upload.resumeFromPreviousUpload(earlier[0]);
    upload.start();
  });
}

function sendAll(files) {
  show("");
  for (const file of files) send(file);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  sendAll(input.files);
  input.value = "";
});
for (const kind of ["dragover", "dragleave", "drop"]) {
  drop.addEventListener(kind, (event) => {
    event.preventDefault();
    drop.classList.toggle("over", kind === "dragover");
    if (kind === "drop") sendAll(event.dataTransfer.files);
  });
}

const microphone = form.querySelector("[data-microphone]");
const label = microphone.textContent;
let recording = null;
microphone.hidden = !canRecord;

async function speak() {
  try {
    recording = await record((time) => show(told(said.recording, { time })));
  } catch {
    show(said.noMicrophone);
    return;
  }
  microphone.textContent = microphone.dataset.stop;
  const { sound, began } = await recording.ended;
  recording = null;
  microphone.textContent = label;
  show("");
  const time = new Date(began).toLocaleString("ru").replace(/[:/,]/g, "-");
  const name = `${told(said.microphoneFile, { time })}.${sound.type === "audio/mp4" ? "m4a" : "webm"}`;
  sendAll([new File([sound], name, { type: sound.type })]);
}

microphone.addEventListener("click", () => (recording ? recording.stop() : speak()));
addEventListener("beforeunload", (event) => { if (recording || sent.querySelector("progress")) event.preventDefault(); });
