// The searches: their list, and the one that is watched live.
import { ask, attempt, find, make, say } from "./talk.js";
import { synthName } from "./sound.js";

const rows = new Map();
let watched = null; // id of the job in the live view
let stopping = false; // whether that job was told to stop
let running = null; // id of the job that runs
let finished = ""; // ids of the searches that have a result
let onOpen = () => {};
let onDone = () => {};
let onResults = () => {};

/** Follow all searches. `open` opens a result, `done` hears of the search that was watched, and
 * `refresh` lists the results again. */
export function start(open, done, refresh) {
  [onOpen, onDone, onResults] = [open, done, refresh];
  listen("");
  find("app-live-stop").addEventListener("click", () => attempt(() => stop(watched, stopping)));
}

/** Hear of all jobs; `trouble` is what was last said of a lost connection. */
function listen(trouble) {
  const events = new EventSource("/jobs/events");
  events.addEventListener("message", (event) => update(JSON.parse(event.data)));
  events.addEventListener("open", () => { if (trouble) find("app-error").hidden = true; trouble = ""; });
  events.addEventListener("error", () => {
    // The browser tries again by itself, unless a server has refused this page.
    const refused = events.readyState === EventSource.CLOSED;
    const text = refused
      ? "unsynth was started again: open the address that it printed in your terminal"
      : "unsynth does not answer: is it still running in your terminal?";
    if (text !== trouble) say(text);
    trouble = text;
    if (refused) setTimeout(() => listen(trouble), 2000);
  });
}

/** Stop a search and keep its best, or `atOnce` and keep nothing. */
function stop(id, atOnce) {
  return ask(`/jobs/${id}/stop${atOnce ? "?at_once=true" : ""}`, { method: "POST" });
}

/** Watch a search that was just started, unless another is running and watched. */
export function follow(job) {
  if (running && running === watched) find("app-searches").scrollIntoView({ block: "start" });
  else watch(job);
}

function watch(job) {
  watched = job.id;
  shown.clear();
  for (const id of ["app-live-target", "app-live-best"]) find(id).removeAttribute("src");
  for (const figure of find("app-live").querySelectorAll("figure")) figure.hidden = true;
  live(job);
  find("app-live").hidden = false;
  find("app-live").scrollIntoView({ block: "start" });
}

function update(jobs) {
  const listed = jobs.filter((job) => job.state !== "new");
  for (const [id, row] of rows) {
    if (listed.some((job) => job.id === id)) continue;
    row.remove();
    rows.delete(id);
    if (id === watched) { watched = null; find("app-live").hidden = true; }
  }
  for (const job of listed) {
    if (!rows.has(job.id)) {
      rows.set(job.id, row(job));
      find("app-jobs").append(rows.get(job.id));
    }
    fill(rows.get(job.id), job, listed);
  }
  const done = listed.filter((job) => job.state === "done").map((job) => job.id).join();
  if (done !== finished) onResults().catch(() => {}); // a lost connection is said already
  finished = done;
  find("app-searches").hidden = !listed.length;
  const active = listed.find((job) => job.state === "running");
  running = active?.id;
  // After a reload, the search in progress is watched again, but not in place of a result.
  if (active && watched === null && find("app-result").hidden) watch(active);
  const job = listed.find((each) => each.id === watched);
  if (job) live(job);
}

function row(job) {
  return make("li", { className: "job" },
    make("b"), make("span", { className: "what" }), make("progress", { max: 1, ariaLabel: `Progress of ${job.name}` }),
    make("span", { className: "say" }), make("span", { className: "buttons" }));
}

function fill(item, job, all) {
  const [name, what, bar, text, buttons] = item.children;
  name.textContent = job.name;
  what.textContent = `${synthName(job.request.synth)}, ${job.request.seconds} s`;
  const active = job.state === "running" || job.state === "waiting";
  bar.hidden = !active;
  bar.value = job.total ? job.done / job.total : 0;
  const before = all.filter((each) => each.state === "waiting" || each.state === "running").indexOf(job);
  text.textContent = {
    waiting: `waits for ${before} ${before === 1 ? "search" : "searches"} before it`,
    running: `${job.stage}${job.best === null ? "" : `, best ${job.best.toFixed(2)} dB`}`,
    done: "done", failed: job.reason, unfinished: job.reason,
  }[job.state];
  if (buttons.dataset.state === job.state + job.stopping) return;
  buttons.dataset.state = job.state + job.stopping;
  const button = (label, action) => {
    const element = make("button", { type: "button", textContent: label, ariaLabel: `${label}: ${job.name}` });
    element.addEventListener("click", () => attempt(action));
    return element;
  };
  const remove = () => ask(`/jobs/${job.id}`, { method: "DELETE" });
  const again = async () => {
    const answer = await ask(`/jobs/${job.id}/search`, { method: "POST", json: job.request });
    follow(await answer.json());
  };
  buttons.replaceChildren(...({
    waiting: [button("Stop", () => stop(job.id, false))],
    running: [button("Watch", () => watch(job)), button(job.stopping ? "Stop now" : "Stop", () => stop(job.id, job.stopping))],
    done: [button("Open", () => onOpen(job.match)), button("Remove", remove)],
    failed: [button("Search again", again), button("Remove", remove)],
    unfinished: [button("Search again", again), button("Remove", remove)],
  }[job.state]));
}

const shown = new Map(); // what the live view shows, so that nothing is loaded twice

function once(key, value, action) {
  if (shown.get(key) === value) return;
  shown.set(key, value);
  action();
}

function live(job) {
  if (job.state === "done" && job.match) {
    once("done", job.match, () => { find("app-live").hidden = true; onDone(job); });
    return;
  }
  stopping = job.stopping;
  find("app-live-title").textContent = job.name;
  find("app-live-bar").value = job.total ? job.done / job.total : 0;
  const over = job.state === "failed" || job.state === "unfinished";
  find("app-live-bar").hidden = over;
  find("app-live-stop").hidden = over;
  find("app-live-stop").textContent = job.stopping ? "Stop at once, keep nothing" : "Stop, and keep the best";
  const word = job.stopping && !over ? "stopping: the patches are compared" : job.stage;
  const text = over ? job.reason : `${word[0].toUpperCase()}${word.slice(1)} …`;
  once("status", text, () => { find("app-live-status").textContent = text; }); // it is read aloud
  find("app-live-score").textContent = job.best === null ? "" : `${job.best.toFixed(2)} dB`;
  once("remarks", job.remarks.join("\n"), () => {
    find("app-live-remarks").hidden = !job.remarks.length;
    find("app-live-remarks").replaceChildren(...job.remarks.map((text) => make("li", { textContent: text })));
  });
  if (job.hasTarget) once("target", true, () => load("target", job.id, 0));
  if (job.version) {
    // A sound that is playing plays to its end; the next better one is loaded after it.
    if (find("app-live-best").paused) once("best", job.version, () => load("best", job.id, job.version));
  }
  once("curve", job.curve.length, () => {
    find("app-live-curve").innerHTML = curve(job.curve);
    find("app-live-curve").closest("figure").hidden = !job.curve.length;
  });
}

function load(whose, id, version) {
  find(`app-live-${whose}`).src = `/jobs/${id}/${whose}.flac?${version}`;
  find(`app-live-${whose}-image`).src = `/jobs/${id}/${whose}.png?${version}`;
  find(`app-live-${whose}`).closest("figure").hidden = false;
}

/** Draw the best distance over the seconds, as the report does. */
function curve(points) {
  if (!points.length) return "";
  const [width, height, left, base, top] = [360, 210, 34, 170, 14];
  const end = points.at(-1)[0] || 1;
  const most = Math.min(points[0][1], 4 * points.at(-1)[1]) || 1;
  const x = (time) => left + (348 - left) * time / end;
  const y = (score) => base - (base - top) * Math.min(score, most) / most;
  let path = `M${x(points[0][0])} ${y(points[0][1])}`;
  for (const [time, score] of points.slice(1)) path += `H${x(time)}V${y(score)}`;
  const grid = [0, 0.5, 1].map((part) => `<path class="grid" d="M${left} ${y(part * most)}H348"/>`
    + `<text x="${left - 6}" y="${y(part * most) + 4}" text-anchor="end">${(part * most).toFixed(1)}</text>`).join("");
  return `<svg class="history" viewBox="0 0 ${width} ${height}" role="img" aria-label="Best distance so far: ${points.at(-1)[1].toFixed(2)} dB after ${end.toFixed(0)} s">`
    + `${grid}<path class="curve" d="${path}"/><text x="${left}" y="${base + 16}">0 s</text>`
    + `<text x="348" y="${base + 16}" text-anchor="end">${end.toFixed(0)} s</text></svg>`;
}
