// The knobs of a patch: change them, lock them, undo, and search on from there.
import { ask, download, find, make } from "./talk.js";

const STEPS = 1000; // places of a knob for a continuous parameter
let synth = null;
let controls = [];
let original = {};
let values = {};
let inaudible = new Set();
let kept = null; // the values that were last written to a file or searched on from
const locked = new Set();
const past = [];
let onChange = () => {};

export function start(listener) {
  onChange = listener;
  find("app-undo").addEventListener("click", () => { values = past.pop(); refresh(); onChange(values); });
  find("app-reset").addEventListener("click", () => { change({ ...original }); });
}

export const controlsOf = async (source) =>
  (await ask(`/synths/controls?synth=${encodeURIComponent(source)}`)).json();

/** Show a patch; `undetermined` names the parameters that cannot be heard. */
export function show(source, itsControls, parameters, undetermined) {
  if (source !== synth) {
    controls = itsControls;
    synth = source;
    locked.clear();
    build();
  }
  original = { ...parameters };
  values = { ...parameters };
  inaudible = new Set(undetermined);
  past.length = 0;
  refresh();
}

/** Whether the patch has changes that are nowhere else. */
export const changed = () => values !== kept && JSON.stringify(values) !== JSON.stringify(original);
export const keep = (written) => { kept = written; };
export const current = () => values;
export const locks = () => Object.fromEntries([...locked].map((name) => [name, values[name]]));

export async function take(suffix) {
  const parameters = values;
  await download(await ask(`/patch-file?suffix=${suffix}`, { method: "POST", json: { synth, parameters } }));
  keep(parameters);
}

function change(next) {
  if (Object.keys(next).every((name) => next[name] === values[name])) return;
  past.push(values);
  values = next;
  refresh();
  onChange(values);
}

function build() {
  const groups = new Map();
  for (const control of controls) {
    const [group, ...rest] = control.name.split(".");
    const title = rest.length ? group : "voice";
    if (!groups.has(title)) groups.set(title, []);
    groups.get(title).push(knob(control, rest.join(" ") || group));
  }
  find("app-knobs").replaceChildren(...[...groups].map(([title, knobs]) =>
    make("details", {}, make("summary", { textContent: title.replaceAll("_", " ") }),
      make("div", { className: "knobs-of", role: "group", ariaLabel: title.replaceAll("_", " ") }, ...knobs))));
}

function knob(control, label) {
  const text = label.replaceAll("_", " ");
  const output = make("output");
  let input;
  if (control.choices) {
    input = make("select", {}, ...control.choices.map((choice) => make("option", { value: choice, textContent: choice })));
  } else {
    const whole = control.step === 1 && !control.log;
    input = make("input", { type: "range", min: whole ? control.low : 0, max: whole ? control.high : STEPS, step: 1 });
  }
  input.dataset.name = control.name;
  input.addEventListener("input", () => say(input, shown(control, read(control, input))));
  input.addEventListener("change", () => change({ ...values, [control.name]: read(control, input) }));
  const lock = make("button", { type: "button", className: "lock", ariaLabel: `Lock ${control.name}` });
  lock.innerHTML = '<svg viewBox="0 0 16 16" aria-hidden="true"><path class="bow" d="M5 8V5a3 3 0 0 1 6 0v3"/><rect x="3" y="7.5" width="10" height="7" rx="1.5"/></svg>';
  lock.setAttribute("aria-pressed", "false");
  lock.dataset.lock = control.name;
  lock.addEventListener("click", () => {
    if (locked.has(control.name)) locked.delete(control.name); else locked.add(control.name);
    lock.setAttribute("aria-pressed", String(locked.has(control.name)));
  });
  return make("div", { className: "knob" }, make("label", {}, make("span", { textContent: text }), input), output, lock);
}

function read(control, input) {
  if (control.choices) return input.value;
  const place = Number(input.value);
  if (control.step === 1 && !control.log) return place;
  const part = place / STEPS;
  const value = control.log
    ? control.low * (control.high / control.low) ** part : control.low + part * (control.high - control.low);
  const stepped = Math.round(value / control.step) * control.step;
  return Number(Math.min(control.high, Math.max(control.low, stepped)).toPrecision(12));
}

function place(control, value) {
  if (control.step === 1 && !control.log) return value;
  const part = control.log
    ? Math.log(value / control.low) / Math.log(control.high / control.low)
    : (value - control.low) / (control.high - control.low);
  return Math.round(STEPS * part);
}

function shown(control, value) {
  if (control.choices) return "";
  const digits = control.step === 1 ? String(value) : Number(value).toPrecision(3);
  return control.unit ? `${digits} ${control.unit}` : digits;
}

/** Show the value of a knob, also to screen readers: a slider's own number is only its place. */
function say(input, text) {
  input.closest(".knob").querySelector("output").textContent = text;
  if (text) input.setAttribute("aria-valuetext", text);
}

function refresh() {
  for (const control of controls) {
    const input = find("app-knobs").querySelector(`[data-name="${control.name}"]`);
    const value = values[control.name];
    input.value = control.choices ? value : place(control, value);
    const item = input.closest(".knob");
    say(input, shown(control, value));
    item.classList.toggle("inaudible", inaudible.has(control.name) && value === original[control.name]);
    item.classList.toggle("changed", value !== original[control.name]);
    item.querySelector(".lock").setAttribute("aria-pressed", String(locked.has(control.name)));
  }
  find("app-undo").disabled = !past.length;
  find("app-reset").disabled = JSON.stringify(values) === JSON.stringify(original);
}
