// The versions that this tab has made of a transcript: what they did is undone without asking.

const MOST = 1000;

export class Made {
  #made;
  #expected;

  constructor(recording) {
    this.#made = `made:${recording}`;
    this.#expected = `expected:${recording}`;
  }

  #all() {
    return JSON.parse(sessionStorage.getItem(this.#made) ?? "[]");
  }

  #add(...versions) {
    sessionStorage.setItem(this.#made, JSON.stringify([...this.#all(), ...versions].slice(-MOST)));
  }

  has(version) {
    return this.#all().includes(version);
  }

  note(sent, { utterances, version, others, undoes }) {
    // Nothing that changes is an edit that was sent before, and whose answer was lost.
    const changed = utterances === null || utterances.length || (version === sent + 1 && !others);
    if (changed && undoes === version) this.#add(version);
  }

  // Forms, and what is sent when a page is left, make the versions after the one that they name.
  expect(version, count) {
    sessionStorage.setItem(this.#expected, JSON.stringify([version, count]));
  }

  come(version) {
    const [from, count] = JSON.parse(sessionStorage.getItem(this.#expected) ?? "[0, 0]");
    sessionStorage.removeItem(this.#expected);
    if (version > from && version <= from + count) this.#add(...Array.from({ length: version - from }, (_, place) => from + 1 + place));
  }
}
