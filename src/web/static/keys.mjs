// What is done by keys where a transcript is corrected, and by the buttons of the utterance that has the focus.

const STEP_S = 3;
const find = document.querySelector("[data-find]");

function go({ rows, area }, row, step) {
  const all = rows();
  const next = all[all.indexOf(row) + step];
  if (next) { area(next).focus(); area(next).scrollIntoView({ block: "nearest" }); }
}

function listen({ audio }, row) {
  if (!audio) return;
  if (!audio.paused) audio.pause(); else if (row) row.querySelector("[data-at]").click(); else audio.play();
}

export function listenToKeys(editor) {
  addEventListener("keydown", (event) => {
    const row = event.target.closest?.(".utterance");
    const digit = /^Digit([1-9])$/.exec(event.code);
    const typing = row && event.target.name === "text";
    if (event.isComposing) return;
    if (event.ctrlKey || event.metaKey) {
      if (!typing || event.altKey) return;
      if (event.key === "Enter") editor.cut(row);
      else if (event.key === "Backspace" && !event.target.selectionEnd) editor.join(row);
      else return;
    } else if (event.key === "Enter" && !event.altKey && event.target.name === "text" && row) go(editor, row, event.shiftKey ? -1 : 1);
    else if (event.key === "Escape" && event.target.localName !== "select") listen(editor, row);
    else if (event.key === "F2" && editor.audio) editor.audio.currentTime -= STEP_S;
    else if (event.altKey && event.code === "KeyZ") editor.turn(!event.shiftKey);
    else if (event.altKey && event.code === "KeyF") { find.open = true; find.querySelector("[name=wanted]").focus(); }
    else if (event.altKey && event.code === "KeyG") document.querySelector("[data-time] [name=time]").focus();
    else if (event.altKey && digit && row) editor.chosen(row, Number(digit[1]) - 1);
    else return;
    event.preventDefault();
  });
}

export function showTools(reader, { cut, join }) {
  const tools = document.querySelector("template[data-tools]").content.firstElementChild;
  for (const [name, act] of [["cut", cut], ["join", join]]) {
    const button = tools.querySelector(`[data-${name}]`);
    // The caret stays where it is.
    button.addEventListener("pointerdown", (event) => event.preventDefault());
    button.addEventListener("click", () => act(tools.closest(".utterance")));
  }
  reader.addEventListener("focusin", (event) => {
    const row = event.target.closest(".utterance");
    if (row && tools.parentNode !== row) row.append(tools);
  });
}
