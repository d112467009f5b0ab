// Of a long transcript only what is near is in the page: blocks far from sight give way to gaps of their height.

const NEAR = "2000px";
const FAR = "6000px";
const AGAIN_MS = 3000;

// A page of the transcript, or null when it cannot be had now.
export async function pageAt(address) {
  try {
    const answer = await fetch(address);
    const page = new DOMParser().parseFromString(answer.ok ? await answer.text() : "", "text/html");
    return page.querySelector("[data-segments]") && page;
  } catch {
    return null;
  }
}

// Observers tell nothing anew of what stays in sight.
export function lookAgain(observer, element) {
  observer.unobserve(element);
  setTimeout(() => { if (element.isConnected) observer.observe(element); }, AGAIN_MS);
}

export class Windows {
  #shown;
  #far = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) if (!isIntersecting) this.#leave(target);
  }, { rootMargin: FAR });
  #near = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) if (isIntersecting) this.#fill(target);
  }, { rootMargin: NEAR });

  // Each block that comes is passed to `shown`. One that goes is asked by a "leaving" event, which may be prevented.
  constructor(shown) {
    this.#shown = shown;
  }

  add(block) {
    this.#shown(block);
    this.#far.observe(block);
  }

  #leave(block) {
    if (!block.isConnected || block.contains(document.activeElement)) return;
    if (!block.dispatchEvent(new Event("leaving", { bubbles: true, cancelable: true }))) return;
    const gap = document.createElement("div");
    gap.dataset.first = block.dataset.first;
    gap.style.height = `${block.offsetHeight}px`;
    this.#far.unobserve(block);
    block.replaceWith(gap);
    this.#near.observe(gap);
  }

  async #fill(gap) {
    this.#near.unobserve(gap);
    const page = await pageAt(`${location.pathname}?from=${gap.dataset.first}`);
    if (!page) { lookAgain(this.#near, gap); return; }
    const block = page.querySelector("[data-segments]");
    gap.replaceWith(block);
    this.add(block);
  }
}
