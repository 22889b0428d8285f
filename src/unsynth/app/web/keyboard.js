// The keyboard plays a patch through the real engine. A key starts the note as it sounds when held;
// its release fetches the note of that length and fades over to it.
import { ask, find, make, noteName } from "./talk.js";

const HELD = 4; // seconds of a held note
const RING = 2; // seconds after a release
const FADE = 0.015;
const CACHE = 150; // notes
const COMPUTER = "awsedftgyhujk";

let context = null;
let patch = null; // { synth, parameters, gain }
let first = 48; // the lowest key shown
let version = 0; // rises with every change of the patch
const cache = new Map();
const voices = new Map();

export function start() {
  find("app-down").addEventListener("click", () => move(-12));
  find("app-up").addEventListener("click", () => move(12));
  find("app-keys").addEventListener("click", () => {
    const on = find("app-keys").getAttribute("aria-pressed") !== "true";
    find("app-keys").setAttribute("aria-pressed", String(on));
  });
  document.addEventListener("keydown", (event) => computerKey(event, true), true);
  document.addEventListener("keyup", (event) => computerKey(event, false), true);
  addEventListener("blur", releaseAll);
  if (navigator.requestMIDIAccess) {
    find("app-midi").hidden = false;
    find("app-midi").addEventListener("click", connectMidi);
  }
  draw();
}

/** Choose the patch that the keyboard plays. */
export function setPatch(synth, parameters) {
  if (!patch) first = 12 * Math.floor(parameters["note.pitch"] / 12);
  patch = { synth, parameters, gain: patch?.synth === synth ? patch.gain : null };
  version += 1;
  cache.clear();
  draw();
  prefetch();
}

export function forget() {
  releaseAll();
  patch = null;
}

/** Play the patch's own note once. */
export function audition() {
  const { "note.pitch": pitch, "note.duration": duration } = patch.parameters;
  press(pitch, 100);
  setTimeout(() => release(pitch), 1000 * Math.min(1.5, duration));
}

function move(step) {
  first = Math.max(0, Math.min(96, first + step));
  releaseAll();
  draw();
  if (patch) prefetch();
}

function draw() {
  find("app-octave").textContent = `${noteName(first)} to ${noteName(first + 24)}`;
  const keys = [];
  for (let pitch = first; pitch <= Math.min(127, first + 24); pitch += 1) {
    const black = [1, 3, 6, 8, 10].includes(pitch % 12);
    const key = make("button", { type: "button", className: black ? "black" : "white", ariaLabel: noteName(pitch) });
    key.dataset.pitch = pitch;
    key.addEventListener("pointerdown", (event) => {
      key.releasePointerCapture(event.pointerId);
      if (event.button === 0) press(pitch, 100);
    });
    key.addEventListener("pointerenter", (event) => { if (event.buttons & 1) press(pitch, 100); });
    key.addEventListener("pointerup", () => release(pitch));
    key.addEventListener("pointerleave", () => release(pitch));
    key.addEventListener("keydown", (event) => {
      if ((event.key === " " || event.key === "Enter") && !event.repeat) { event.preventDefault(); press(pitch, 100); }
    });
    key.addEventListener("keyup", (event) => { if (event.key === " " || event.key === "Enter") release(pitch); });
    if (pitch % 12 === 0) key.append(make("span", { textContent: noteName(pitch), ariaHidden: "true" }));
    keys.push(key);
  }
  find("app-piano").replaceChildren(...keys);
}

function computerKey(event, down) {
  const on = find("app-keys").getAttribute("aria-pressed") === "true";
  const typing = event.target.matches?.("input, select, textarea");
  if (!on || !patch || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const step = COMPUTER.indexOf(event.key.toLowerCase());
  if (step < 0) return;
  event.preventDefault();
  event.stopPropagation(); // the report has keys of its own
  if (event.repeat) return;
  if (down) press(first + step, 100); else release(first + step);
}

async function connectMidi() {
  try {
    const access = await navigator.requestMIDIAccess();
    const inputs = [...access.inputs.values()];
    for (const input of inputs) {
      input.onmidimessage = ({ data: [status, pitch, velocity] }) => {
        if ((status & 0xf0) === 0x90 && velocity) press(pitch, velocity);
        else if ((status & 0xf0) === 0x80 || (status & 0xf0) === 0x90) release(pitch);
      };
    }
    find("app-play-status").textContent = inputs.length
      ? `listening to ${inputs.map((input) => input.name).join(", ")}` : "no MIDI keyboard is connected";
  } catch {
    find("app-play-status").textContent = "the browser does not allow MIDI";
  }
}

/** Fetch a note as an AudioBuffer, once. */
function note(pitch, velocity, duration, seconds) {
  const key = `${version} ${pitch} ${velocity} ${duration}`;
  if (!cache.has(key)) {
    if (cache.size >= CACHE) cache.delete(cache.keys().next().value);
    const sound = fetchNote({ synth: patch.synth, parameters: patch.parameters, pitch, velocity, duration, seconds });
    sound.catch(() => cache.delete(key));
    cache.set(key, sound);
  }
  return cache.get(key);
}

async function fetchNote(json) {
  const answer = await ask("/play", { method: "POST", json });
  const rate = Number(answer.headers.get("X-Sample-Rate"));
  const channels = Number(answer.headers.get("X-Channels"));
  const samples = new Float32Array(await answer.arrayBuffer());
  const length = samples.length / channels;
  const buffer = new AudioBuffer({ length, numberOfChannels: channels, sampleRate: rate });
  for (let i = 0; i < channels; i += 1) buffer.copyToChannel(samples.subarray(i * length, (i + 1) * length), i);
  return buffer;
}

/** Play so loud that the first note of a patch peaks at half of full scale. */
function gain(buffer) {
  if (patch.gain === null) {
    let peak = 0;
    for (let i = 0; i < buffer.numberOfChannels; i += 1) {
      for (const sample of buffer.getChannelData(i)) peak = Math.max(peak, Math.abs(sample));
    }
    patch.gain = peak > 0 ? 0.5 / peak : 1;
  }
  return patch.gain;
}

function sound(buffer, offset, fadeIn) {
  const level = context.createGain();
  const source = context.createBufferSource();
  source.buffer = buffer;
  source.connect(level).connect(context.destination);
  const full = gain(buffer);
  level.gain.setValueAtTime(fadeIn ? 0 : full, context.currentTime);
  if (fadeIn) level.gain.linearRampToValueAtTime(full, context.currentTime + FADE);
  source.start(0, offset);
  return { source, level };
}

function fade({ source, level }, seconds) {
  level.gain.setTargetAtTime(0, context.currentTime, seconds / 3);
  source.stop(context.currentTime + 2 * seconds);
}

async function press(pitch, velocity) {
  if (!patch || voices.has(pitch)) return;
  const pressed = performance.now();
  context ??= new AudioContext({ latencyHint: "interactive" });
  context.resume();
  const voice = { velocity, released: null };
  voices.set(pitch, voice);
  key(pitch)?.classList.add("down");
  try {
    const buffer = await note(pitch, velocity, HELD, HELD);
    if (voice.released !== null && context.currentTime === 0) return;
    voice.began = context.currentTime;
    voice.sound = sound(buffer, 0, false);
    performance.measure("unsynth-key", { start: pressed, end: performance.now() });
    find("app-play-status").textContent = "";
    if (voice.released !== null) letGo(pitch, voice);
  } catch (failure) {
    find("app-play-status").textContent = failure.message;
  }
}

function release(pitch) {
  const voice = voices.get(pitch);
  if (!voice) return;
  voices.delete(pitch);
  key(pitch)?.classList.remove("down");
  voice.released = performance.now();
  if (voice.sound) letGo(pitch, voice);
}

async function letGo(pitch, voice) {
  const held = Math.max(0.05, Math.round(50 * (context.currentTime - voice.began)) / 50);
  if (held >= HELD) return; // it ended by itself
  try {
    const buffer = await note(pitch, voice.velocity, held, Math.min(10, held + RING));
    const place = context.currentTime - voice.began;
    if (place < held + RING) sound(buffer, place, true);
    fade(voice.sound, FADE);
  } catch {
    fade(voice.sound, 0.2);
  }
}

function releaseAll() {
  for (const pitch of [...voices.keys()]) release(pitch);
}

const key = (pitch) => find("app-piano").querySelector(`[data-pitch="${pitch}"]`);

/** Fetch the keys that are shown, from the patch's own note outwards, while the engine is quick. */
async function prefetch() {
  const mine = version;
  const centre = patch.parameters["note.pitch"];
  const pitches = [...find("app-piano").children].map((each) => Number(each.dataset.pitch));
  pitches.sort((a, b) => Math.abs(a - centre) - Math.abs(b - centre));
  for (const pitch of [centre, ...pitches]) {
    const asked = performance.now();
    try {
      const buffer = await note(pitch, 100, HELD, HELD);
      if (mine !== version || !patch) return;
      gain(buffer);
    } catch {
      return;
    }
    if (performance.now() - asked > 400 && pitch !== centre) return; // a slow engine: on demand only
  }
}
