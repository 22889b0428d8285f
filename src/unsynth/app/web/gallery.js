// The results on disk: open, compare, delete.
import { ask, attempt, find, make } from "./talk.js";
import { synthName } from "./sound.js";

const compared = new Set();
let matches = [];
let onOpen = () => {};
let onDelete = () => {};

export function start(open, deleted) {
  [onOpen, onDelete] = [open, deleted];
  return attempt(refresh);
}

export const named = (id) => matches.find((match) => match.id === id);

export async function refresh() {
  matches = await (await ask("/matches")).json();
  for (const id of compared) if (!named(id)) compared.delete(id);
  find("app-none").hidden = matches.length > 0;
  find("app-matches").replaceChildren(...matches.map(row));
  compare();
}

function row(match) {
  const box = make("input", { type: "checkbox", checked: compared.has(match.id), ariaLabel: `Compare ${match.name}` });
  box.addEventListener("change", () => {
    if (box.checked) compared.add(match.id); else compared.delete(match.id);
    compare();
  });
  const open = make("button", { type: "button", textContent: "Open", ariaLabel: `Open ${match.name}` });
  open.addEventListener("click", () => onOpen(match.id));
  const remove = make("button", { type: "button", textContent: "Delete", ariaLabel: `Delete ${match.name}` });
  remove.addEventListener("click", () => {
    if (!confirm(`Delete ${match.folder} with all its files?`)) return;
    attempt(async () => {
      await ask(`/matches/${match.id}`, { method: "DELETE" });
      onDelete(match.id);
      await refresh();
    });
  });
  return make("li", { className: "job" },
    make("b", { textContent: match.name }),
    make("span", { className: "what", textContent: `${synthName(match.task)}, ${new Date(1000 * match.time).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" })}` }),
    make("span", { className: "say", textContent: `${match.mss_db.toFixed(2)} dB${match.stopped ? ", stopped early" : ""}` }),
    make("span", { className: "buttons" }, make("label", {}, box, " Compare"), open, remove));
}

function compare() {
  const chosen = matches.filter((match) => compared.has(match.id));
  find("app-compare").hidden = chosen.length < 2;
  find("app-compare").querySelector(".pair").replaceChildren(...chosen.map((match) => {
    const sound = (name, label) => (match.files.includes(name)
      ? [make("p", { className: "note", textContent: label }),
        make("audio", { controls: true, preload: "none", src: `/matches/${match.id}/${name}`, ariaLabel: `${label} of ${match.name}` })]
      : []);
    return make("figure", {},
      make("figcaption", { textContent: `${match.name}, ${synthName(match.task)}: ${match.mss_db.toFixed(2)} dB` }),
      ...sound("target.wav", "Target"), ...sound("best.wav", "Best patch"),
      make("p", { className: "note", textContent: `Noise floor ${match.noise_floor_db.toFixed(2)} dB` }));
  }));
}
