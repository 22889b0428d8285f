// Requests to the server; every failure becomes one sentence on the page.
const error = document.getElementById("app-error");
error.querySelector("button").addEventListener("click", () => { error.hidden = true; });

export const find = (id) => document.getElementById(id);

export function say(text) {
  error.querySelector("span").textContent = text;
  error.hidden = false;
}

/** Ask the server; throws an Error with the server's sentence. */
export async function ask(path, { method = "GET", json, body } = {}) {
  const headers = {};
  if (json !== undefined) {
    headers["Content-Type"] = "application/json";
    body = JSON.stringify(json);
  } else if (body !== undefined) {
    headers["Content-Type"] = "application/octet-stream";
  }
  let answer;
  try {
    answer = await fetch(path, { method, headers, body });
  } catch {
    throw new Error("unsynth does not answer: is it still running in your terminal?");
  }
  if (answer.ok) return answer;
  let text = `unsynth answered ${answer.status}`;
  try { text = (await answer.json()).error || text; } catch { /* not JSON */ }
  throw new Error(text);
}

/** Run an action of the user; a failure is shown, not thrown, if it still `matters` by then. */
export async function attempt(action, matters = () => true) {
  try {
    error.hidden = true;
    return await action();
  } catch (failure) {
    if (matters()) say(failure.message);
    return undefined;
  }
}

/** Make an element with properties and children. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element) element[name] = value; else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

const NAMES = ["C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B"];
export const noteName = (pitch) => `${NAMES[pitch % 12]}${Math.floor(pitch / 12) - 1}`;

/** Save bytes as a file. */
export async function download(answer) {
  const name = /filename="(.+)"/.exec(answer.headers.get("Content-Disposition") || "")?.[1] || "patch";
  const url = URL.createObjectURL(await answer.blob());
  make("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
