// A question by voice: recorded, sent, and shown in the chat as soon as it is understood.

import { canRecord, record, told } from "./recorder.mjs";

const form = document.querySelector("[data-asking]");
const said = form?.dataset;
const microphone = form?.querySelector("[data-microphone]");
const label = microphone?.textContent;
const DELAYS = [1000, 3000, 9000];
let recording = null;

function show(text) {
  const line = form.querySelector("[data-said]");
  line.textContent = text;
  line.hidden = !text;
}

async function asked(sound) {
  const sent = await fetch(`/api/v1/voice/process?wait=false&session_id=${said.asking}`, {
    method: "POST",
    body: sound,
    headers: { "Content-Type": sound.type, "X-CSRF-Token": document.body.dataset.csrf },
  });
  const answer = await sent.json();
  if (sent.ok) return answer;
  const after = 1000 * Number(sent.headers.get("Retry-After") ?? 0);
  throw Object.assign(new Error(answer.message), { told: answer.message, final: sent.status < 500, after });
}

function go({ session_id: number, log_id: id }) {
  const path = `/chats/${number}`;
  if (location.pathname !== path) { location.assign(`${path}#answer-${id}`); return; }
  location.hash = `answer-${id}`;
  location.reload();
}

// The same sound is heard and asked once, however often it is sent. What is refused for good is not sent again.
async function send(sound) {
  show(said.hearing);
  for (const delay of [...DELAYS, 0]) {
    try {
      go(await asked(sound));
      return;
    } catch (error) {
      if (error.final || !delay) { show(error.told ?? said.broken); return; }
      await new Promise((done) => { setTimeout(done, Math.max(delay, error.after ?? 0)); });
    }
  }
}

async function speak() {
  try {
    recording = await record((time) => show(told(said.recording, { time })), Number(said.most));
  } catch {
    show(said.noMicrophone);
    return;
  }
  microphone.textContent = microphone.dataset.stop;
  const { sound } = await recording.ended;
  recording = null;
  microphone.textContent = label;
  microphone.disabled = true;
  await send(sound);
  microphone.disabled = false;
}

if (form) {
  microphone.hidden = !canRecord;
  microphone.addEventListener("click", () => (recording ? recording.stop() : speak()));
  addEventListener("beforeunload", (event) => { if (recording) event.preventDefault(); });
}
