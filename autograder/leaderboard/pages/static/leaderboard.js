"use strict";

// ---- the table: sort, filter, keys, and what has changed since

const read = (id) => JSON.parse(document.getElementById(id)?.textContent ?? "null");
const board = document.getElementById("board");
const search = document.getElementById("search");
const rows = () => [...board.tBodies[0].rows];
let sorted = { column: 0, down: false };

function compare(a, b) {
  const [x, y] = [a, b].map((row) => row.cells[sorted.column].dataset.v);
  const [m, n] = [Number(x), Number(y)];
  const order = x === y ? 0 : Number.isNaN(m) || Number.isNaN(n) ? x.localeCompare(y) : m - n;
  return sorted.down ? -order : order;
}

function arrange() {
  const found = rows();
  if (sorted.column === 0 && !sorted.down) {
    found.sort((a, b) => place.get(a.dataset.key) - place.get(b.dataset.key));
  } else {
    found.sort((a, b) => compare(a, b) || place.get(a.dataset.key) - place.get(b.dataset.key));
  }
  const body = board.tBodies[0];
  found.forEach((row, number) => body.rows[number] === row || body.insertBefore(row, body.rows[number])); // a moved row loses its focus
  [...board.tHead.rows[0].cells].forEach((cell, number) => {
    if (number === sorted.column) cell.ariaSort = sorted.down ? "descending" : "ascending";
    else cell.removeAttribute("aria-sort");
  });
}

function filter() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const wanted = new Set([...document.querySelectorAll("[name=verdict]:checked")].map((box) => box.value));
  let students = 0, shown = 0;
  for (const row of rows()) {
    const text = row.textContent.toLowerCase();
    row.hidden = !wanted.has(row.dataset.verdict) || !words.every((word) => text.includes(word));
    if (row.dataset.verdict !== "baseline") {
      students += 1;
      shown += !row.hidden;
    }
  }
  document.getElementById("shown").textContent = shown === students ? `${students} students` : `${shown} of ${students} students`;
}

function step(by) {
  const links = rows().filter((row) => !row.hidden).map((row) => row.querySelector("th a")).filter(Boolean);
  const at = links.indexOf(document.activeElement);
  const next = at < 0 ? (by > 0 ? 0 : links.length - 1) : Math.min(Math.max(at + by, 0), links.length - 1);
  links[next]?.focus();
}

function keys(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target === search;
  if (event.key === "/" && !typing) search.focus();
  else if (event.key === "Escape" && typing) { search.value = ""; filter(); search.blur(); }
  else if ((event.key === "j" && !typing) || (event.key === "ArrowDown" && typing)) step(1);
  else if (event.key === "k" && !typing) step(-1);
  else return;
  event.preventDefault();
}

let following = read("following"), place;

function take(news) {
  const body = board.tBodies[0];
  const known = new Map(rows().map((row) => [row.dataset.key, row]));
  const focus = document.activeElement?.closest?.("tbody tr")?.dataset.key;
  for (const [key, html] of Object.entries(news.rows)) {
    const made = document.createElement("template");
    made.innerHTML = html; // the server's template, in which everything is escaped
    const row = made.content.firstElementChild;
    row.classList.add("fresh");
    if (known.has(key)) known.get(key).replaceWith(row);
    else body.append(row);
  }
  place = new Map(news.order.map((key, number) => [key, number]));
  rows().filter((row) => !place.has(row.dataset.key)).forEach((row) => row.remove());
  arrange();
  filter();
  const kept = focus && rows().find((row) => row.dataset.key === focus);
  if (kept && !kept.contains(document.activeElement)) kept.querySelector("th a")?.focus({ preventScroll: true });
}

async function follow() {
  const live = document.getElementById("live");
  try {
    const answer = await fetch(`${following.url}?since=${encodeURIComponent(following.version)}`, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(answer.status);
    const news = await answer.json();
    if (news.version !== following.version) {
      following.version = news.version;
      take(news);
    }
    live.textContent = "following";
  } catch {
    live.textContent = "the server does not answer; trying again";
  }
  setTimeout(follow, document.hidden ? 4 * following.milliseconds : following.milliseconds);
}

if (following) {
  place = new Map(rows().map((row, number) => [row.dataset.key, number]));
  [...board.tHead.rows[0].cells].forEach((cell, number) =>
    cell.querySelector("button")?.addEventListener("click", () => {
      sorted = { column: number, down: sorted.column === number && !sorted.down };
      arrange();
    }));
  document.getElementById("filter").addEventListener("input", filter);
  document.getElementById("filter").addEventListener("submit", (event) => event.preventDefault());
  document.addEventListener("keydown", keys);
  filter();
  setTimeout(follow, following.milliseconds);
}

// ---- charts, in the colours of the style sheet

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

function coloured(figure) {
  const data = figure.data.map(({ role, roles, ...trace }) => {
    const own = roles ? roles.map(colour) : colour(role);
    return { ...trace, marker: { ...trace.marker, color: own }, line: { ...trace.line, color: roles ? undefined : own } };
  });
  const axis = { gridcolor: colour("line"), zerolinecolor: colour("line"), fixedrange: true };
  const given = figure.layout;
  const short = innerWidth < 700 && given.yaxis?.short;
  const layout = {
    ...given,
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { color: colour("text"), family: "system-ui, sans-serif", size: 13 },
    margin: { l: 60, r: 20, t: 20, b: 50 },
    hoverlabel: { bgcolor: colour("card"), bordercolor: colour("line"), font: { color: colour("text") } },
    legend: { orientation: "h", y: 1.12 },
    xaxis: { ...axis, ...given.xaxis },
    yaxis: { ...axis, ...given.yaxis, ...(short && { ticktext: short }) },
    shapes: (given.shapes ?? []).map(({ role, ...shape }) => ({ ...shape, line: { ...shape.line, color: colour(role) } })),
    annotations: (given.annotations ?? []).map((word) => ({ ...word, font: { color: colour("goal") } })),
  };
  return [data, layout];
}

function draw() {
  const figures = read("figures");
  for (const element of document.querySelectorAll("[data-figure]")) {
    const figure = figures[element.dataset.figure];
    Plotly.react(element, ...coloured(figure), { responsive: true, displayModeBar: false });
    if (figures.attempt && !element.dataset.linked) {
      element.dataset.linked = "yes";
      element.on("plotly_click", ({ points }) => {
        const attempt = points[0].customdata?.[1];
        if (Number.isInteger(attempt)) location.assign(figures.attempt + attempt);
      });
    }
  }
}

if (document.querySelector("[data-figure]")) {
  draw();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
}
