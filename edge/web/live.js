"use strict";
// Fills the page from the stream; asks for a pause when a button is pressed.

const connection = document.getElementById("connection");

function text(element, words) {
  if (element.textContent !== words) element.textContent = words; // a screen reader speaks only of changes
}

function since(utc) {
  const seconds = Math.max(0, (Date.now() - Date.parse(utc)) / 1000);
  if (seconds < 90) return Math.round(seconds) + " s ago";
  if (seconds < 5400) return Math.round(seconds / 60) + " min ago";
  return Math.round(seconds / 3600) + " h ago";
}

function draw(svg, history) {
  // Where nothing was heard, the line is broken: it is no quiet.
  const path = (of) => history.map((point, i) => point[of] === null ? "" :
    (i && history[i - 1][of] !== null ? "L" : "M") + i + "," + (39 - 38 * point[of]).toFixed(1)).join("");
  svg.replaceChildren(...[2, 1].map((of) => {
    const line = document.createElementNS(svg.namespaceURI, "path");
    line.setAttribute("d", path(of));
    line.setAttribute("fill", "none");
    line.setAttribute("stroke", of === 1 ? "var(--cry)" : "var(--axis)");
    line.setAttribute("stroke-width", of === 1 ? "1.5" : "1");
    line.setAttribute("vector-effect", "non-scaling-stroke");
    return line;
  }));
}

function show(monitor) {
  const card = document.querySelector('.monitor[data-name="' + monitor.name + '"]');
  if (!card) return;
  const part = (name) => card.querySelector("." + name);
  const paused = monitor.state === "paused";
  card.classList.toggle("deaf", !monitor.hearing && !paused);
  card.classList.toggle("is-crying", monitor.crying);
  text(part("crying"), monitor.crying ? "Crying" : "");
  text(part("state"), monitor.hearing ? "Hears" : paused ? "Paused: " + monitor.detail
    : "Does not hear (" + monitor.state + "): " + monitor.detail);
  part("level").value = monitor.level_dbfs === null ? -90 : monitor.level_dbfs;
  text(part("dbfs"), monitor.level_dbfs === null ? "unknown" : Math.round(monitor.level_dbfs) + " dBFS");
  text(part("probability"), monitor.hearing ? Math.round(100 * monitor.cry_probability) + " %" : "unknown");
  draw(part("history"), monitor.history);
  const facts = [];
  if (monitor.last_cry_utc) facts.push("Last cry " + since(monitor.last_cry_utc));
  facts.push("crying today " + monitor.cry_minutes_today.toFixed(0) + " min");
  if (monitor.cause) facts.push("cause " + monitor.cause);
  if (monitor.loud) facts.push("loud");
  if (monitor.missed_deadlines) facts.push(monitor.missed_deadlines + " frames were late");
  if (monitor.database_trouble) facts.push("cannot write down: " + monitor.database_trouble);
  if (monitor.hearing) facts.push(!monitor.asks_detector ? "too quiet to be shown to the models"
    : monitor.asks_verifier ? "a second opinion was asked" : "nothing suspects crying");
  (monitor.told || []).slice(-3).forEach((told) => facts.push((told.trouble ? "NOT told by " : "told by ") + told.by +
    " " + since(told.at_utc) + ": " + told.what + (told.trouble ? " (" + told.trouble + ")" : "")));
  (monitor.notices || []).forEach((notice) => facts.push(notice.what + ": " + notice.detail));
  text(part("facts"), facts.join(" · "));
  part("pause").hidden = paused;
  part("resume").hidden = !paused;
  part("marks").hidden = !monitor.last_cry_utc || monitor.crying; // of the one that is over
}

async function ask(card, path, fields) {
  const said = card.querySelector(".said");
  try {
    const answer = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(Object.assign({ source: card.dataset.name }, fields)),
    });
    said.textContent = (await answer.json()).said;
  } catch (error) {
    said.textContent = "The page's server does not answer.";
  }
}

document.querySelectorAll(".monitor").forEach((card) => {
  card.querySelector(".pause").addEventListener("click", () => ask(card, "pause", { minutes: 30 }));
  card.querySelector(".resume").addEventListener("click", () => ask(card, "resume", {}));
  card.querySelectorAll(".marks button").forEach((button) =>
    button.addEventListener("click", () => ask(card, "mark", { event: "last", mark: button.value })));
});

const stream = new EventSource("stream");
stream.onmessage = (message) => {
  text(connection, "");
  JSON.parse(message.data).forEach(show);
};
stream.onerror = () => {
  text(connection, "The page has lost its server: what it shows is old.");
  document.querySelectorAll(".monitor").forEach((card) => {
    card.classList.add("deaf");
    text(card.querySelector(".state"), "Unknown: the page has lost its server.");
  });
};
