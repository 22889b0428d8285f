// A sound comes in: dropped, chosen or recorded; its stretch, its note, and the search to start.
import { ask, attempt, find, make, noteName, say } from "./talk.js";

const SECONDS = 4; // the length of a match
let job = null;
let chosen = null; // where the stretch begins, once the user has moved it
let onSearch = () => {};
const player = new Audio();

export async function start(searchStarted) {
  onSearch = searchStarted;
  const drop = find("app-drop");
  for (const type of ["dragenter", "dragover"]) {
    document.addEventListener(type, (event) => {
      drop.classList.toggle("over", !takesFiles(event.target));
      if (!takesFiles(event.target)) event.preventDefault();
    });
  }
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) drop.classList.remove("over"); });
  document.addEventListener("drop", (event) => {
    drop.classList.remove("over");
    if (takesFiles(event.target)) return;
    event.preventDefault();
    const { files, items } = event.dataTransfer;
    const folder = [...items].some((item) => item.webkitGetAsEntry()?.isDirectory);
    if (files.length > 1 || folder) say("Drop one sound at a time; `unsynth match FOLDER` does whole folders.");
    else if (files.length) bring(files[0], files[0].name);
  });
  find("app-browse").addEventListener("click", () => find("app-file").click());
  find("app-file").addEventListener("change", (event) => {
    if (event.target.files.length) bring(event.target.files[0], event.target.files[0].name);
    event.target.value = "";
  });
  find("app-record").addEventListener("click", record);
  find("app-discard").addEventListener("click", () => attempt(async () => {
    await ask(`/jobs/${job.id}`, { method: "DELETE" });
    show(null);
  }));
  find("app-hear").addEventListener("click", hear);
  find("app-start").addEventListener("input", (event) => { chosen = Number(event.target.value); draw(); });
  find("app-start").addEventListener("change", () => { player.pause(); listen(); });
  find("app-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    find("app-go").disabled = true;
    await attempt(search);
    find("app-go").disabled = false;
  });
  addEventListener("resize", draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  const notes = find("app-note");
  notes.append(make("option", { value: "", textContent: "as heard" }));
  for (let pitch = 0; pitch < 128; pitch += 1) {
    notes.append(make("option", { value: pitch, textContent: `${noteName(pitch)} (MIDI ${pitch})` }));
  }
  await attempt(listSynths);
}

/** Whether a drop belongs to an element itself: the choice of a file of patches. */
const takesFiles = (element) => Boolean(element.matches?.("input[type=file]"));

async function listSynths() {
  const synths = await (await ask("/synths")).json();
  find("app-synth").replaceChildren(
    ...synths.filter((each) => !each.missing).map((each) => make("option", { value: each.source, textContent: each.name })));
  const missing = synths.filter((each) => each.missing);
  find("app-missing").hidden = !missing.length;
  find("app-missing").querySelector("ul").replaceChildren(
    ...missing.map((each) => make("li", {}, make("b", { textContent: each.name }), `: ${each.missing}`)));
}

export const synthName = (source) =>
  [...find("app-synth").options].find((option) => option.value === source)?.textContent || source;

function bring(data, name) {
  const bar = find("app-upload");
  const request = new XMLHttpRequest(); // fetch does not tell how far an upload is
  request.open("POST", `/sounds?name=${encodeURIComponent(name)}`);
  request.setRequestHeader("Content-Type", "application/octet-stream");
  request.responseType = "json";
  bar.hidden = false;
  bar.value = 0;
  request.upload.addEventListener("progress", (event) => { bar.value = event.loaded / event.total; });
  request.addEventListener("loadend", () => {
    bar.hidden = true;
    if (request.status === 201) attempt(() => replace(request.response));
    else say(request.response?.error || "The sound did not arrive: is unsynth still running?");
  });
  find("app-error").hidden = true;
  request.send(data);
}

/** Show a sound that came in; the one that was shown was never searched. */
async function replace(next) {
  const before = job;
  show(next);
  if (before) await ask(`/jobs/${before.id}`, { method: "DELETE" });
}

function show(next) {
  job = next;
  chosen = null;
  player.pause();
  find("app-form").hidden = !job;
  find("app-drop").hidden = Boolean(job);
  if (!job) { find("app-browse").focus(); return; }
  const { seconds, start: suggested } = job.waveform;
  find("app-sound-name").textContent = job.name;
  find("app-stretch").hidden = seconds <= SECONDS + 0.01;
  find("app-start").max = Math.max(0, seconds - 0.1).toFixed(2);
  find("app-start").value = suggested;
  find("app-note").value = "";
  find("app-patches").value = "";
  draw();
  listen();
}

const begin = () => chosen ?? job.waveform.start;

function draw() {
  if (!job) return;
  const canvas = find("app-waveform");
  const { seconds, peaks, start: suggested } = job.waveform;
  const style = getComputedStyle(document.documentElement);
  canvas.width = canvas.clientWidth * devicePixelRatio;
  canvas.height = 96 * devicePixelRatio;
  const pen = canvas.getContext("2d");
  pen.scale(devicePixelRatio, devicePixelRatio);
  const width = canvas.clientWidth;
  const step = width / peaks.length;
  peaks.forEach((peak, i) => {
    const time = (i + 0.5) / peaks.length * seconds;
    const inside = time >= begin() && time <= begin() + SECONDS;
    pen.fillStyle = style.getPropertyValue(inside ? "--accent" : "--grey");
    const half = Math.max(0.5, 46 * peak);
    pen.fillRect(i * step, 48 - half, Math.max(1, step * 0.8), 2 * half);
  });
  if (seconds > SECONDS) {
    pen.fillStyle = style.getPropertyValue("--target");
    pen.fillRect(suggested / seconds * width, 0, 2, 96);
  }
  const end = Math.min(seconds, begin() + SECONDS);
  canvas.setAttribute("aria-label",
    `Waveform of ${job.name}, ${seconds.toFixed(1)} s; ${begin().toFixed(1)} s to ${end.toFixed(1)} s are matched`);
  find("app-stretch-value").textContent =
    `${begin().toFixed(2)} s${chosen === null ? " (suggested)" : ""}`;
}

const query = () => (chosen === null ? "" : `?start=${chosen}`);

async function listen() {
  const [current, asked] = [job, query()];
  const matters = () => job === current && query() === asked;
  const first = find("app-note").options[0];
  first.textContent = "listening …";
  const heard = await attempt(
    async () => (await ask(`/jobs/${job.id}/note${asked}`)).json(), matters);
  if (!matters()) return;
  if (!heard) first.textContent = "as heard";
  else if (heard.note === null) first.textContent = "no clear pitch: all are tried";
  else first.textContent = `as heard: ${noteName(heard.note)} (MIDI ${heard.note})`;
  const remarks = heard?.remarks ?? [];
  find("app-sound-remarks").hidden = !remarks.length;
  find("app-sound-remarks").replaceChildren(...remarks.map((text) => make("li", { textContent: text })));
}

function hear() {
  if (!player.paused) { player.pause(); return; }
  player.src = `/jobs/${job.id}/stretch.wav?start=${begin()}`;
  player.play();
}
player.addEventListener("pause", () => { find("app-hear").textContent = "Hear it"; });
player.addEventListener("play", () => { find("app-hear").textContent = "Pause"; });

async function search() {
  const note = find("app-note").value;
  const patches = find("app-patches").files[0];
  const synth = find("app-synth").value;
  if (patches) {
    const names = new URLSearchParams({ name: patches.name, synth });
    await ask(`/jobs/${job.id}/patches?${names}`, { method: "POST", body: patches });
  }
  const json = {
    synth,
    seconds: Number(find("app-seconds").value),
    start: chosen,
    note: note === "" ? null : Number(note),
    patches: patches ? patches.name : null,
  };
  const answer = await ask(`/jobs/${job.id}/search`, { method: "POST", json });
  const started = await answer.json();
  show(null);
  onSearch(started);
}

let recorder = null;

function record() {
  if (recorder) { recorder.stop(); return; }
  attempt(async () => {
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia(
        { audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false } });
    } catch {
      throw new Error("No microphone: allow it in the browser, or drop a file.");
    }
    const parts = [];
    recorder = new MediaRecorder(stream);
    recorder.addEventListener("dataavailable", (event) => parts.push(event.data));
    recorder.addEventListener("stop", () => attempt(async () => {
      recorder = null;
      find("app-record").textContent = "Record";
      find("app-record").setAttribute("aria-pressed", "false");
      for (const track of stream.getTracks()) track.stop();
      const context = new OfflineAudioContext(1, 1, 48000);
      const audio = await context.decodeAudioData(await new Blob(parts).arrayBuffer());
      bring(wav(audio), "recording.wav");
    }));
    recorder.start();
    find("app-record").textContent = "Stop recording";
    find("app-record").setAttribute("aria-pressed", "true");
  });
}

/** Write the first channel of a sound as a WAV file of 32-bit floats. */
function wav(audio) {
  const samples = audio.getChannelData(0);
  const header = new DataView(new ArrayBuffer(44));
  const text = (place, word) => [...word].forEach((c, i) => header.setUint8(place + i, c.charCodeAt(0)));
  text(0, "RIFF"); header.setUint32(4, 36 + 4 * samples.length, true); text(8, "WAVEfmt ");
  header.setUint32(16, 16, true); header.setUint16(20, 3, true); header.setUint16(22, 1, true);
  header.setUint32(24, audio.sampleRate, true); header.setUint32(28, 4 * audio.sampleRate, true);
  header.setUint16(32, 4, true); header.setUint16(34, 32, true);
  text(36, "data"); header.setUint32(40, 4 * samples.length, true);
  return new Blob([header, samples], { type: "audio/wav" });
}
