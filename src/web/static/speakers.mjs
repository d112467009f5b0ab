// Who speaks, where a transcript is corrected.

const said = document.querySelector("[data-editor]").dataset;
const speakers = document.querySelector("[data-speakers]");

// The list of speakers that each utterance can be given to.
export function offerSpeakers(rows, list) {
  for (const row of rows) {
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

export function chooseSpeaker(row, place) {
  const select = row.elements.speaker;
  const list = [...select.options].filter((each) => each.value && each.value !== "new");
  if (!list[place] || list[place].selected) return;
  list[place].selected = true;
  select.dispatchEvent(new Event("change", { bubbles: true }));
}

speakers.addEventListener("toggle", () => { if (speakers.open && speakers.dataset.stale) fresh(); });
