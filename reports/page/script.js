"use strict";
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const said = document.getElementById("said");
const say = (text) => { said.textContent = text; };

// Copying
for (const button of all("button[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const text = document.getElementById(button.dataset.copy).textContent;
    try { await navigator.clipboard.writeText(text); }
    catch {
      const area = document.body.appendChild(document.createElement("textarea"));
      area.value = text; area.select(); document.execCommand("copy"); area.remove(); button.focus();
    }
    button.textContent = "Copied";
    say("Copied");
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
}

// Filters of findings: what does not match is hidden, and a heading with nothing under it
const filter = document.getElementById("filter");
if (filter) {
  filter.hidden = false;
  const findings = all("details.finding");
  const texts = new Map(findings.map((one) => [one, one.textContent.toLowerCase()]));
  const apply = () => {
    const { words, severity, operation } = filter.elements;
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const one of findings) {
      const fits = (!severity.value || one.dataset.severity === severity.value)
        && (!operation.value || one.dataset.operation === operation.value)
        && wanted.every((word) => texts.get(one).includes(word));
      one.hidden = !fits;
      shown += fits;
    }
    for (const rule of all(".rule")) rule.hidden = !rule.querySelector("details.finding:not([hidden])");
    for (const section of all("section.findings")) {
      section.querySelector(".none").hidden = !!section.querySelector("details.finding:not([hidden])");
    }
    document.getElementById("how-many").textContent = `${shown} of ${findings.length} shown`;
  };
  filter.addEventListener("input", apply);
  filter.addEventListener("submit", (event) => event.preventDefault());
  filter.addEventListener("reset", () => setTimeout(apply));
  document.getElementById("open-all").addEventListener("click", (event) => {
    const open = event.target.dataset.open !== "true";
    for (const one of findings) one.open = open;
    event.target.dataset.open = open;
    event.target.textContent = open ? "Close all" : "Open all";
  });
}

// Filters of long tables
for (const box of all("input[data-rows]")) {
  box.parentElement.hidden = false;
  const rows = all("tbody tr", document.getElementById(box.dataset.rows));
  box.addEventListener("input", () => {
    const word = box.value.toLowerCase();
    let shown = 0;
    for (const row of rows) {
      row.hidden = !row.textContent.toLowerCase().includes(word);
      shown += !row.hidden;
    }
    say(`${shown} of ${rows.length} rows shown`);
  });
}

// Definitions: one click opens what a number means; without this script the link leads to the same text below
const card = document.getElementById("card");
let asked = null;
const close = () => {
  if (card.hidden) return;
  card.hidden = true;
  if (card.contains(document.activeElement)) asked?.focus();
  asked?.setAttribute("aria-expanded", "false");
};
if (card) {
  for (const link of all("a.def")) {
    link.setAttribute("role", "button");
    link.setAttribute("aria-expanded", "false");
    const open = (event) => {
      event.preventDefault();
      const again = asked === link && !card.hidden;
      close();
      if (again) return;
      asked = link;
      const entry = document.getElementById(link.hash.slice(1));
      card.querySelector("h2").textContent = entry.querySelector("dt").textContent;
      card.querySelector("p").textContent = entry.querySelector("dd").textContent;
      card.hidden = false;
      link.setAttribute("aria-expanded", "true");
      const box = link.getBoundingClientRect();
      const left = Math.max(8, Math.min(box.left, document.documentElement.clientWidth - card.offsetWidth - 8));
      card.style.left = `${left + scrollX}px`;
      card.style.top = `${box.bottom + scrollY + 6}px`;
      card.querySelector("button").focus();
    };
    link.addEventListener("click", open);
    link.addEventListener("keydown", (event) => { if (event.key === " ") open(event); });
  }
  card.querySelector("button").addEventListener("click", close);
  addEventListener("keydown", (event) => { if (event.key === "Escape") close(); });
  addEventListener("click", (event) => { if (!card.contains(event.target) && !event.target.closest("a.def")) close(); });
}

// Charts: what a mark says, by pointer, by touch and by arrow keys; series are put out by their legend
const tip = document.getElementById("tip");
const hide = () => { tip.hidden = true; all(".pointed").forEach((mark) => mark.classList.remove("pointed")); };
const show = (mark) => {
  hide();
  mark.classList.add("pointed");
  tip.textContent = mark.dataset.tip;
  tip.hidden = false;
  const box = mark.getBoundingClientRect();
  const left = Math.max(8, Math.min(box.left + box.width / 2 - tip.offsetWidth / 2, document.documentElement.clientWidth - tip.offsetWidth - 8));
  const above = box.top - tip.offsetHeight - 8;
  tip.style.left = `${left + scrollX}px`;
  tip.style.top = `${(above > 0 ? above : box.bottom + 8) + scrollY}px`;
};
for (const drawing of all(".drawing")) {
  const marks = () => all("[data-tip]", drawing).filter((mark) => !mark.classList.contains("out"));
  let at = -1;
  drawing.addEventListener("pointerover", (event) => {
    const mark = event.target.closest("[data-tip]");
    if (mark) show(mark); else hide();
  });
  drawing.addEventListener("pointerleave", hide);
  drawing.addEventListener("blur", hide);
  drawing.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return; // the browser's own
    const found = marks();
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") { hide(); return; }
    if (!found.length || (!step && event.key !== "Home" && event.key !== "End")) return;
    event.preventDefault();
    if (at < 0 && step < 0) at = 0; // before the first one comes the last
    at = event.key === "Home" ? 0 : event.key === "End" ? found.length - 1 : (at + step + found.length) % found.length;
    found[at].scrollIntoView({ block: "nearest", inline: "nearest" });
    show(found[at]);
    say(found[at].dataset.tip);
  });
  const legend = drawing.parentElement.querySelector(".legend");
  if (!legend || legend.children.length < 2) continue;
  all("li", legend).forEach((item, series) => {
    const touched = all(`[data-series="${series}"]`, drawing);
    if (!touched.length) return;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...item.childNodes);
    button.setAttribute("aria-pressed", "true");
    item.append(button);
    button.addEventListener("click", () => {
      const on = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", on);
      for (const mark of touched) mark.classList.toggle("out", !on);
    });
  });
}

// Paper shows what a screen would fold away, or a filter leaves out
let folded = [], left = [];
addEventListener("beforeprint", () => {
  const out = all("details.finding[hidden], .rule[hidden], tbody tr[hidden]");
  const none = all(".none:not([hidden])");
  for (const one of out) one.hidden = false;
  for (const one of none) one.hidden = true;
  left.push(...out.map((one) => [one, true]), ...none.map((one) => [one, false]));
  const closed = all("details:not([open])").filter((one) => one.matches(".finding, .printed"));
  for (const one of closed) one.open = true;
  folded.push(...closed);
});
addEventListener("afterprint", () => {
  for (const one of folded) one.open = false;
  for (const [one, hidden] of left) one.hidden = hidden;
  folded = []; left = [];
});

// A link to something inside a folded part unfolds it
const unfold = () => {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const around = target && target.closest("details:not([open])");
  if (around) { around.open = true; target.scrollIntoView(); }
};
addEventListener("hashchange", unfold);
unfold();
