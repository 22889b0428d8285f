// The page: its parts, and the result that is open.
import * as gallery from "./gallery.js";
import * as jobs from "./jobs.js";
import * as keyboard from "./keyboard.js";
import * as patch from "./patch.js";
import * as sound from "./sound.js";
import { ask, attempt, find, make, say } from "./talk.js";

let asked = null; // the id of the result that was asked for last
let opened = null; // the result that is open: its summary, its patch.json, and its controls
let reportKeys = new AbortController();

await sound.start(jobs.follow); // the lists below show the names of synthesizers
jobs.start(open, finish, gallery.refresh);
await gallery.start(open, (id) => { if (opened?.id === id) close(); });
keyboard.start();
patch.start((values) => { keyboard.setPatch(opened.task, values); keyboard.audition(); });
find("app-close").addEventListener("click", close);
find("app-candidate").addEventListener("change", () => choose(Number(find("app-candidate").value)));
find("app-on").addEventListener("click", () => attempt(searchOn));
const linked = /^#match-(\w+)$/.exec(location.hash);
if (linked && gallery.named(linked[1])) open(linked[1]);
else if (linked) { close(); say("the result of this address was deleted"); }
document.documentElement.dataset.ready = "true";

function close() {
  reportKeys.abort();
  keyboard.forget();
  opened = null;
  find("app-result").hidden = true;
  find("app-report").replaceChildren();
  history.replaceState(null, "", location.pathname);
}

/** Open the result of a search that was watched, unless changes of another would be lost. */
function finish(job) {
  if (opened && patch.changed()) say(`The search for ${job.name} is done: its result is in the list. This patch keeps your changes.`);
  else open(job.match);
}

/** Open a result, unless another was asked for before all of it was there. */
function open(id) {
  asked = id;
  const matters = () => asked === id;
  return attempt(async () => {
    const match = await (await ask(`/matches/${id}`)).json();
    const text = await (await ask(`/matches/${id}/report.html`)).text();
    const controls = await patch.controlsOf(match.task);
    if (!matters()) return;
    close();
    opened = { ...match, controls };
    history.replaceState(null, "", `#match-${id}`);
    find("app-result-title").textContent = `${match.name}: ${match.mss_db.toFixed(2)} dB`;
    find("app-candidate").replaceChildren(...match.content.candidates.map((each, i) =>
      make("option", { value: i, textContent: `${i + 1}: ${each.mss_db.toFixed(2)} dB` })));
    find("app-result").hidden = false;
    takeable();
    choose(0);
    report(text);
    find("app-result").scrollIntoView({ block: "start" });
    // For the keyboard and for screen readers, unless something is being typed.
    if (!document.activeElement.matches("input, select")) find("app-result-title").focus({ preventScroll: true });
  }, matters);
}

function choose(place) {
  const { parameters, undetermined } = opened.content.candidates[place];
  patch.show(opened.task, opened.controls, parameters, undetermined);
  keyboard.setPatch(opened.task, parameters);
}

/** Put the sections of a match's own report into the page. Its scripts and styles stay outside. */
function report(text) {
  const page = new DOMParser().parseFromString(text, "text/html");
  for (const each of page.querySelectorAll("script, style, meta, base, link, iframe, object, embed, form")) each.remove();
  const root = find("app-report");
  root.replaceChildren(...page.querySelectorAll("main > *, .ab"));
  reportKeys = new AbortController();
  startReport(root, reportKeys.signal);
}

function takeable() {
  const { id, files, content } = opened;
  const link = (name, label) => make("a", { href: `/matches/${id}/${encodeURIComponent(name)}`, download: name, textContent: label });
  const patches = [...new Set(content.candidates.flatMap((each) => each.files))].filter((name) => files.includes(name));
  const suffixes = [...new Set(patches.map((name) => name.slice(name.lastIndexOf("."))))];
  const changed = suffixes.map((suffix) => {
    const button = make("button", { type: "button", textContent: `This patch as ${suffix}` });
    button.addEventListener("click", () => attempt(() => patch.take(suffix)));
    return button;
  });
  const best = patches.length > 1 ? [link(patches[0], `${patches[0]} (the best)`)] : patches.map((name) => link(name, `${name} (all patches)`));
  const others = patches.length > 1
    ? [make("details", {}, make("summary", { textContent: `All ${patches.length} patch files` }), ...patches.map((name) => link(name, name)))] : [];
  const labels = { "best.wav": "best.wav (its sound)", "target.wav": "target.wav (the sound as matched)", "note.mid": "note.mid (its note)", "report.html": "report.html (all in one file)", "patch.json": "patch.json (all values)" };
  find("app-files").replaceChildren(...best, ...changed,
    ...Object.entries(labels).filter(([name]) => files.includes(name)).map(([name, label]) => link(name, label)), ...others);
}

async function searchOn() {
  if (!find("app-on-seconds").reportValidity()) return;
  const json = {
    synth: opened.task,
    seconds: Number(find("app-on-seconds").value),
    patch: patch.current(),
    locks: patch.locks(),
  };
  const job = await (await ask(`/matches/${opened.id}/again`, { method: "POST" })).json();
  const search = await (await ask(`/jobs/${job.id}/search`, { method: "POST", json })).json();
  patch.keep(json.patch);
  jobs.follow(search);
}
