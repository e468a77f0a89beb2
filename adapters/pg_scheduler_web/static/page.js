// Everything works without this file. It adds local times, keys, ticks, and regions that renew themselves.

const root = document.body;

// --- times: as sent in UTC; shown in the viewer's zone, UTC on hover. Ages come from the server's clock.

const clock = new Intl.DateTimeFormat(undefined, {
  year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit",
});

function localTimes(within) {
  for (const time of within.querySelectorAll("time:not(.age):not([data-local])")) {
    const moment = new Date(time.dateTime);
    if (Number.isNaN(moment.getTime())) continue;
    time.textContent = clock.format(moment);
    time.dataset.local = "";
  }
}

// --- renewing a region without losing focus, ticks, texts that are typed, or open details

function same(a, b) {
  if (a.nodeType !== b.nodeType || a.nodeName !== b.nodeName) return false;
  if (a.nodeType !== Node.ELEMENT_NODE) return true;
  // Not `a.id`: of a form with a field of that name it would be the field.
  return ["id", "data-key"].every((name) => a.getAttribute(name) === b.getAttribute(name));
}

function renew(now, next) {
  if (now.nodeType !== Node.ELEMENT_NODE) {
    if (now.nodeValue !== next.nodeValue) now.nodeValue = next.nodeValue;
    return;
  }
  if (now.isEqualNode(next)) return;
  const kept = now.nodeName === "DETAILS" ? ["open"] : now.nodeName === "INPUT" ? ["value", "checked"] : [];
  for (const { name } of [...now.attributes]) {
    if (!next.hasAttribute(name) && !kept.includes(name) && name !== "class") now.removeAttribute(name);
  }
  for (const { name, value } of next.attributes) {
    if (now.getAttribute(name) !== value && !kept.includes(name)) now.setAttribute(name, value);
  }
  if (now.nodeName === "INPUT" && (now.type === "hidden" || now.type === "checkbox")) {
    now.setAttribute("value", next.getAttribute("value") ?? "");
  }
  if (now.nodeName === "TR" && selected?.key === now.dataset.key) now.classList.add("at");
  children(now, next);
}

function children(now, next) {
  const keyed = new Map([...now.children].filter((one) => one.dataset.key).map((one) => [one.dataset.key, one]));
  let place = now.firstChild;
  for (const wanted of [...next.childNodes]) {
    const known = wanted.dataset?.key ? keyed.get(wanted.dataset.key) : undefined;
    if (known && known.nodeName === wanted.nodeName) {
      if (known !== place) now.insertBefore(known, place);
      renew(known, wanted);
      place = known.nextSibling;
    } else if (place && same(place, wanted)) {
      const after = place.nextSibling;
      renew(place, wanted);
      place = after;
    } else {
      now.insertBefore(wanted, place);
    }
  }
  while (place) {
    const after = place.nextSibling;
    place.remove();
    place = after;
  }
}

let fetching = false;
let waiting = new Set();

async function renewRegions(topics) {
  for (const topic of topics) waiting.add(topic);
  if (fetching || document.hidden) return;
  fetching = true;
  try {
    while (waiting.size && !document.hidden) {
      const due = waiting;
      waiting = new Set();
      const regions = [...document.querySelectorAll("[data-region]")].filter((region) =>
        region.dataset.on.split(" ").some((topic) => due.has(topic)));
      if (!regions.length) continue;
      const answer = await fetch(location.href, {
        headers: { "Live-Regions": regions.map((region) => region.dataset.region).join(",") },
        cache: "no-store", credentials: "same-origin",
      });
      if (answer.status === 403 || answer.status === 401) return stop();
      if (!answer.ok) { state(false); continue; }
      const made = new DOMParser().parseFromString(await answer.text(), "text/html");
      localTimes(made);
      for (const next of made.querySelectorAll("[data-region]")) {
        const now = document.getElementById(next.id);
        if (now) renew(now, next);
      }
    }
  } catch {
    state(false);
  } finally {
    fetching = false;
  }
}

// --- what tells that something changed: a stream; where that does not come through, a look now and then

const dot = document.querySelector("[data-live-state]");
let stream = null;
let polling = null;

function state(alive) {
  dot.hidden = false;
  dot.classList.toggle("off", !alive);
  dot.title = alive ? "This page renews itself" : "This page does not renew itself at present";
}

function start() {
  if (stream || !document.querySelector('[data-region]:not([data-on=""])')) return;
  stream = new EventSource(root.dataset.live);
  stream.addEventListener("open", () => { state(true); clearInterval(polling); polling = null; });
  stream.addEventListener("changed", (event) => renewRegions(event.data.split(" ")));
  stream.addEventListener("error", () => {
    state(false);
    if (stream?.readyState === EventSource.CLOSED) { stream = null; }
    polling ??= setInterval(() => renewRegions(["jobs", "queues", "schedules", "workers"]), 5000);
  });
}

function stop() {
  stream?.close();
  stream = null;
  clearInterval(polling);
  polling = null;
  state(false);
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) return stop();
  start();
  renewRegions(["jobs", "queues", "schedules", "workers"]);
});

// --- rows, ticks and keys

let selected = null;

function rows() {
  return [...document.querySelectorAll("[data-rows] tbody tr")];
}

function select(step) {
  const all = rows();
  if (!all.length) return;
  const at = all.findIndex((row) => row.dataset.key === selected?.key);
  const row = all[Math.min(Math.max(at + step, 0), all.length - 1)];
  for (const one of all) one.classList.toggle("at", one === row);
  selected = { key: row.dataset.key };
  row.querySelector("a")?.focus();
  row.scrollIntoView({ block: "nearest" });
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target.closest?.("input:not([type=checkbox]), textarea, select");
  if (typing) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (document.querySelector("dialog[open]")) return;
  if (event.key === "/") {
    const box = document.getElementById("q");
    if (!box) return;
    event.preventDefault();
    box.focus();
    box.select();
  } else if (event.key === "j") select(1);
  else if (event.key === "k") select(-1);
  else if (event.key === "x") {
    const row = rows().find((one) => one.dataset.key === selected?.key);
    row?.querySelector("input[type=checkbox]")?.click();
  } else if (event.key === "?") document.getElementById("help").showModal();
});

document.addEventListener("focusin", (event) => {
  const row = event.target.closest?.("[data-rows] tbody tr");
  if (row) selected = { key: row.dataset.key };
});

function ticks() {
  for (const all of document.querySelectorAll("[data-all]")) {
    all.hidden = false;
    all.onchange = () => {
      for (const one of all.closest("table").querySelectorAll("tbody input[type=checkbox]")) one.checked = all.checked;
    };
  }
}

localTimes(document);
ticks();
if (!document.hidden) start();
