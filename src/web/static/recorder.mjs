// Sound from the microphone, for pages that send it.

export const canRecord = Boolean(navigator.mediaDevices?.getUserMedia && globalThis.MediaRecorder);

export function told(text, values) {
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

// Records until `stop` is called, for `most` seconds at most; `tick` gets the time so far. `ended` brings the sound.
// Rejects when there is no microphone, or nobody allows it.
export async function record(tick, most = Infinity) {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  const pieces = [];
  const type = ["audio/webm;codecs=opus", "audio/mp4"].find((each) => MediaRecorder.isTypeSupported(each));
  const recorder = new MediaRecorder(stream, type ? { mimeType: type } : {});
  const began = Date.now();
  const stop = () => { if (recorder.state !== "inactive") recorder.stop(); };
  const ticking = setInterval(() => {
    const seconds = Math.floor((Date.now() - began) / 1000);
    if (seconds >= most) stop();
    tick(`${String(Math.floor(seconds / 60)).padStart(2, "0")}:${String(seconds % 60).padStart(2, "0")}`);
  }, 500);
  recorder.addEventListener("dataavailable", (event) => pieces.push(event.data));
  const ended = new Promise((done) => {
    recorder.addEventListener("stop", () => {
      clearInterval(ticking);
      for (const track of stream.getTracks()) track.stop();
      done({ sound: new Blob(pieces, { type: recorder.mimeType.split(";")[0] }), began });
    });
  });
  recorder.start(1000);
  return { stop, ended };
}
