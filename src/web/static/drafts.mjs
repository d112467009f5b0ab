// Texts that the server does not have yet, by person, recording, tab and utterance. A tab sends its own, also after a
// reload; those of other tabs, closed ones for instance, are offered. They stay for a week at most.

const LASTS_MS = 7 * 24 * 60 * 60 * 1000;
const ANY = "draft:";
const tab = (sessionStorage.tab ??= crypto.getRandomValues(new Uint32Array(4)).join("-"));
const keys = (beginning) => Object.keys(localStorage).filter((each) => each.startsWith(beginning));

// Blanks are stored as one.
const lined = (text) => text.trim().split(/\s+/).join(" ");
export const same = (one, other) => lined(one) === lined(other);

export class Drafts {
  #of;
  #own;

  constructor(person, recording) {
    this.#of = `${ANY}${person}:${recording}:`;
    this.#own = `${this.#of}${tab}:`;
  }

  keep(position, draft) {
    localStorage.setItem(this.#own + position, JSON.stringify({ ...draft, at: Date.now() }));
  }

  drop(position) {
    localStorage.removeItem(this.#own + position);
  }

  move({ key, isOwn, position, ...draft }, to, version) {
    const moved = key.slice(0, key.lastIndexOf(":") + 1) + to;
    localStorage.removeItem(key);
    if (localStorage.getItem(moved) === null) localStorage.setItem(moved, JSON.stringify({ ...draft, version }));
  }

  has(key) {
    return key?.startsWith(this.#of) ?? false;
  }

  list() {
    return keys(this.#of).map((key) => ({
      ...JSON.parse(localStorage.getItem(key)),
      key,
      isOwn: key.startsWith(this.#own),
      position: Number(key.slice(key.lastIndexOf(":") + 1)),
    }));
  }
}

export const hasDrafts = (person) => keys(`${ANY}${person}:`).length > 0;

export function forget(person) {
  for (const key of keys(`${ANY}${person}:`)) localStorage.removeItem(key);
}

export function forgetOld() {
  for (const key of keys(ANY)) if (JSON.parse(localStorage.getItem(key)).at < Date.now() - LASTS_MS) localStorage.removeItem(key);
}
