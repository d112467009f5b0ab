// Sound and text together: a word or a time is pressed to hear it, and what is heard is marked.

import { lookAgain, pageAt, Windows } from "./windows.mjs";

const player = document.querySelector("[data-player]");
const audio = player?.querySelector("audio") ?? new Audio();
const reader = document.querySelector("[data-reader]");
const STEP_S = 3;
let until = Infinity;
let marked = null;
let heard = null;

function play(at, end = Infinity) {
  until = end;
  const go = () => { audio.currentTime = at; audio.play(); };
  if (audio.readyState) go();
  else {
    audio.addEventListener("loadedmetadata", go, { once: true });
    audio.preload = "auto";
    audio.load();
  }
}

// Words become places to press when they come into view: eight hours have seventy thousand.
function open(segment) {
  const said = segment.querySelector(".said[data-words]");
  if (!said || said.dataset.open) return;
  said.dataset.open = "1";
  const starts = said.dataset.words.trim().split(" ");
  const words = said.textContent.split(/(\s+)/);
  const counted = words.filter((each) => each.trim()).length;
  let place = 0;
  said.replaceChildren(...words.map((each) => {
    if (!each.trim()) return each;
    const word = document.createElement("span");
    word.className = "word";
    word.textContent = each;
    // Where a word of the text is no word of the engine's, its neighbour's time is near enough.
    word.dataset.at = starts[Math.min(starts.length - 1, Math.floor((place * starts.length) / counted))];
    place += 1;
    return word;
  }));
}

const seen = new IntersectionObserver((entries) => {
  for (const entry of entries) if (entry.isIntersecting) open(entry.target);
}, { rootMargin: "400px" });

function watch(root) {
  for (const segment of root.querySelectorAll(".segment")) seen.observe(segment);
}

function mark(now) {
  const segments = reader?.querySelectorAll(".segment") ?? [];
  let low = 0;
  let high = segments.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (Number(segments[middle].dataset.start) <= now) low = middle; else high = middle - 1;
  }
  const segment = segments[low];
  const inside = segment && Number(segment.dataset.start) <= now && now < Number(segment.dataset.end) + 1;
  if (segment !== marked) {
    marked?.classList.remove("playing");
    marked = inside ? segment : null;
    marked?.classList.add("playing");
  }
  const words = marked?.querySelectorAll(".word") ?? [];
  let word = null;
  for (const each of words) { if (Number(each.dataset.at) <= now) word = each; else break; }
  if (word !== heard) {
    heard?.classList.remove("playing");
    heard = word;
    heard?.classList.add("playing");
  }
}

audio.addEventListener("timeupdate", () => {
  if (audio.currentTime >= until) { until = Infinity; audio.pause(); }
  mark(audio.currentTime);
});
audio.addEventListener("error", () => {
  if (player && !player.querySelector("[role=alert]")) {
    const line = document.createElement("p");
    line.setAttribute("role", "alert");
    line.className = "problem";
    line.textContent = audio.dataset.failed;
    player.prepend(line);
  }
});

document.addEventListener("click", (event) => {
  const cited = event.target.closest("[data-hear]");
  if (cited) {
    if (audio.dataset.of !== cited.dataset.hear) { audio.src = cited.dataset.hear; audio.dataset.of = cited.dataset.hear; }
    play(Number(cited.dataset.at), Number(cited.dataset.until));
    return;
  }
  const place = event.target.closest("[data-at]");
  if (!place || !player || event.ctrlKey || event.metaKey || String(getSelection())) return;
  event.preventDefault();
  play(Number(place.dataset.at));
});
player?.querySelector("[data-back]")?.addEventListener("click", () => { audio.currentTime -= STEP_S; });
player?.querySelector("[data-speed]")?.addEventListener("change", (event) => {
  audio.playbackRate = Number(event.target.value);
});
document.addEventListener("keydown", (event) => {
  if (!player || event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.target.closest("input, textarea, select, button, a, summary, audio")) return;
  if (event.key === " ") { if (audio.paused) audio.play(); else audio.pause(); }
  else if (event.key === "ArrowLeft") audio.currentTime -= STEP_S;
  else if (event.key === "ArrowRight") audio.currentTime += STEP_S;
  else return;
  event.preventDefault();
});

// Later pages come as they are scrolled to; what is out of sight is not laid out (content-visibility).

const windows = new Windows(watch);

async function extend(more, atEnd) {
  const link = more.querySelector("a");
  if (more.dataset.busy) return;
  more.dataset.busy = "1";
  ends.unobserve(more);
  const page = await pageAt(link.href);
  delete more.dataset.busy;
  if (!page) { if (atEnd) lookAgain(ends, more); return; }
  const block = page.querySelector("[data-segments]");
  const next = page.querySelector(atEnd ? "[data-later]" : "[data-earlier]");
  const before = document.documentElement.scrollHeight;
  if (atEnd) more.before(block); else {
    more.after(block);
    scrollBy(0, document.documentElement.scrollHeight - before);
  }
  windows.add(block);
  if (!next) { more.remove(); return; }
  link.href = next.querySelector("a").href;
  if (atEnd) ends.observe(more);
}

const ends = new IntersectionObserver((entries) => {
  for (const entry of entries) if (entry.isIntersecting) extend(entry.target, true);
}, { rootMargin: "800px" });

if (reader) {
  for (const block of reader.querySelectorAll("[data-segments]")) windows.add(block);
  const later = reader.querySelector("[data-later]");
  if (later) ends.observe(later);
  const earlier = reader.querySelector("[data-earlier]");
  earlier?.addEventListener("click", (event) => { event.preventDefault(); extend(earlier, false); });
  if (audio.dataset.begin) {
    document.getElementById("now")?.classList.add("playing");
    audio.addEventListener("play", () => { if (audio.currentTime === 0) audio.currentTime = Number(audio.dataset.begin); }, { once: true });
  }
}
