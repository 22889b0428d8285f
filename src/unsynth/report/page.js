// A/B: the target (A) and one candidate (B) share a playback position; at most one of them plays.
"use strict";

/** Start the players of a report in `root`; its keys work until `signal` aborts. */
function startReport(root, signal) {
  const LAST = 0.2; // seconds: Chromium fails when it seeks into the last frame of a FLAC stream
  const find = (id) => root.querySelector(`#${id}`);
  const sounds = [...root.querySelectorAll("audio")];
  const a = find("sound-0");
  let b = find("sound-1");
  let current = a;

  function choose(sound) {
    const before = current;
    const playing = !before.paused;
    if (sound !== a) b = sound;
    current = sound;
    if (sound !== before) {
      before.pause();
      sound.currentTime = Math.max(0, Math.min(before.currentTime, sound.duration - LAST || 0));
      if (playing) sound.play();
    }
    show();
    follow();
  }

  function toggle() {
    if (current.paused) current.play(); else current.pause();
  }

  function show() {
    const rank = b.id.replace("sound-", "");
    find("ab-a").setAttribute("aria-pressed", current === a);
    find("ab-b").setAttribute("aria-pressed", current === b);
    find("ab-name").textContent = b.getAttribute("aria-label");
    find("ab-play").setAttribute("aria-label", current.paused ? "Play" : "Pause");
    find("ab-play").querySelector("path").setAttribute(
      "d", current.paused ? "M3 1l11 7-11 7z" : "M3 1h4v14H3zM9 1h4v14H9z");
    for (const card of root.querySelectorAll("article")) {
      card.classList.toggle("chosen", card.id === `candidate-${rank}`);
    }
  }

  function follow() {
    for (const image of root.querySelectorAll(".image")) {
      const sound = find(`sound-${image.dataset.of}`);
      const head = image.querySelector(".playhead");
      const visible = sound === current && sound.currentTime > 0;
      head.style.opacity = visible ? 0.9 : 0;
      if (visible) head.style.left = `${100 * sound.currentTime / sound.duration}%`;
    }
    if (!current.paused) requestAnimationFrame(follow);
  }

  for (const sound of sounds) {
    sound.addEventListener("play", () => {
      for (const other of sounds) if (other !== sound) other.pause();
      if (sound !== a) b = sound;
      current = sound;
      show();
      requestAnimationFrame(follow);
    });
    sound.addEventListener("pause", show);
    sound.addEventListener("seeking", follow);
    sound.addEventListener("error", () => sound.load());
  }
  for (const button of root.querySelectorAll(".compare")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      choose(find(`sound-${button.dataset.compare}`));
      if (current.paused) { current.currentTime = 0; current.play(); }
    });
  }
  find("ab-play").addEventListener("click", toggle);
  find("ab-a").addEventListener("click", () => choose(a));
  find("ab-b").addEventListener("click", () => choose(b));
  find("ab-loop").addEventListener("change", (event) => {
    for (const sound of sounds) sound.loop = event.target.checked;
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches("input:not([type=checkbox]), select, textarea")) return;
    const action = {
      a: () => choose(a), b: () => choose(b), x: () => choose(current === a ? b : a), p: toggle,
    }[event.key.toLowerCase()];
    if (action) action();
  }, { signal });
  root.querySelector(".ab").hidden = false;
  show();
}
