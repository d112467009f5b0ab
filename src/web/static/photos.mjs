// Photographs are sent one after another; each keeps its line with what became of it.

const form = document.querySelector("[data-photos]");
const said = form.dataset;
const input = form.querySelector("input[type=file]");
const drop = form.querySelector("[data-drop]");
const sent = form.querySelector("[data-sent]");
const DELAYS = [1000, 2000, 4000, 8000, 16000, ...Array(21).fill(30000)]; // more than ten minutes
const KNOWN = /\.(jpe?g|png|webp)$/i;
let last = Promise.resolve();
let waiting = 0;

input.multiple = true;

function refusal(file) {
  if (!KNOWN.test(file.name) && !file.type.startsWith("image/")) return said.unknown;
  return file.size > Number(said.most) ? said.tooLarge : "";
}

const pause = (ms) => new Promise((done) => {
  setTimeout(done, ms);
  addEventListener("online", done, { once: true });
});

async function sending(file, state) {
  for (const delay of [...DELAYS, null]) {
    let answer = null;
    try {
      answer = await fetch(`/api/v1${form.getAttribute("action")}`, {
        method: "POST", body: file, headers: { "X-CSRF-Token": document.body.dataset.csrf },
      });
    } catch {
      answer = null;
    }
    if (answer?.ok) return "";
    // What is refused for good is not sent again.
    const passing = !answer || answer.status >= 500 || answer.status === 429;
    if (!passing || delay === null) return answer ? (await answer.json()).message : said.failed;
    state.textContent = said.again;
    await pause(Math.max(delay, 1000 * Number(answer?.headers.get("Retry-After") ?? 0)));
  }
  return said.failed;
}

function add(file) {
  const line = document.createElement("li");
  const name = document.createElement("span");
  const state = document.createElement("span");
  name.textContent = file.name;
  state.className = "hint";
  state.textContent = said.sending;
  line.append(name, state);
  sent.append(line);
  waiting += 1;
  last = last.then(async () => {
    const problem = refusal(file) || await sending(file, state);
    state.className = problem ? "problem" : "shown done";
    state.textContent = problem || said.kept;
    waiting -= 1;
  });
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  for (const file of input.files) add(file);
  input.value = "";
});
for (const kind of ["dragover", "dragleave", "drop"]) {
  drop.addEventListener(kind, (event) => {
    event.preventDefault();
    drop.classList.toggle("over", kind === "dragover");
    if (kind === "drop") for (const file of event.dataTransfer.files) add(file);
  });
}
addEventListener("beforeunload", (event) => { if (waiting) event.preventDefault(); });
