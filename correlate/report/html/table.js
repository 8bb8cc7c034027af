/* The connections: a table that sorts and filters, and one of them in full. */

const COLUMN = { id: 0, first: 6, length: 7, rtt: 8 };
const SUMS = { sent: 9, bytes: 11, again: 13, lost: 17, injected: 21, altered: 23, corrupted: 25, unresolved: 27, duplicated: 29, reordered: 31, missed: 33 };

function both(row, key) {
  const k = SUMS[key];
  return (row[k] || 0) + (row[k + 1] || 0);
}

const TABLE = [
  { key: "id", name: "#", number: true, value: i => connections.raw[i][0], show: c => h("a", { href: "#connection-" + c.id }, c.id) },
  { key: "ends", name: "client \u2192 server", value: i => connections.ends(i), show: c => [c.client + " \u2192 " + c.server, c.other ? h("div", { class: "hint" }, "at " + names[1] + ": " + c.other.join(" \u2192 ")) : null] },
  { key: "ended", name: "ended", value: i => connections.endedAt(i), show: c => c.ended },
  { key: "paired", name: "paired", value: i => connections.pairedAt(i), show: c => c.only ? "only at " + c.only : c.paired },
  { key: "first", name: "began", number: true, value: i => connections.raw[i][COLUMN.first] || 0, show: c => clockTime(base, c.first) },
  { key: "length", name: "lasted", number: true, value: i => connections.raw[i][COLUMN.length] || 0, show: c => duration(c.length) },
  { key: "rtt", name: "round trip", number: true, value: i => connections.raw[i][COLUMN.rtt] || 0, show: c => c.rtt === null ? "\u2013" : duration(c.rtt) },
  { key: "sent", name: "sent", number: true, value: i => both(connections.raw[i], "sent"), show: c => count(c.sent[0]) + " / " + count(c.sent[1]), title: true },
  { key: "lost", name: "lost", number: true, value: i => both(connections.raw[i], "lost"), show: c => twoWay(c.lost), title: true },
  { key: "injected", name: "injected", number: true, value: i => both(connections.raw[i], "injected"), show: c => twoWay(c.injected), title: true },
  { key: "again", name: "resent", number: true, value: i => both(connections.raw[i], "again"), show: c => twoWay(c.retransmitted), title: true },
  { key: "other", name: "other", number: true, value: i => otherHarm(connections.raw[i]), show: c => otherText(c) }];

function twoWay(pair) {
  return pair[0] + pair[1] ? count(pair[0]) + " / " + count(pair[1]) : "";
}

function otherHarm(row) {
  return both(row, "altered") + both(row, "corrupted") + both(row, "unresolved") + both(row, "missed") + both(row, "duplicated") + both(row, "reordered");
}

function otherText(c) {
  return ["altered", "corrupted", "unresolved", "missed", "duplicated", "reordered"].filter(k => c[k][0] + c[k][1]).map(k => count(c[k][0] + c[k][1]) + " " + k).join(", ");
}

function troubled(row) {
  return both(row, "lost") + both(row, "injected") + both(row, "altered") + both(row, "corrupted") + both(row, "unresolved") + both(row, "missed") > 0 || (row[5] & 3) === 0 || (row[5] & 3) === 3;
}

/* The rows to show, by what is asked for; searching reads a text that is made once a row. */
function tableState() {
  const state = { sort: null, descending: false, text: "", trouble: false };
  let texts = null;
  const words = i => connections.raw[i][0] + " " + connections.ends(i) + " " + connections.endedAt(i) + " " + connections.pairedAt(i);
  state.rows = () => {
    let list = d3.range(connections.n);
    if (state.trouble) list = list.filter(i => troubled(connections.raw[i]));
    const asked = state.text.toLowerCase().split(/\s+/).filter(Boolean);
    if (asked.length) {
      if (!texts) texts = d3.range(connections.n).map(words);
      list = list.filter(i => asked.every(w => texts[i].includes(w)));
    }
    const column = TABLE.find(c => c.key === state.sort);
    if (column) {
      const values = list.map(column.value), order = d3.range(list.length), sign = state.descending ? -1 : 1;
      order.sort((a, b) => (values[a] < values[b] ? -sign : values[a] > values[b] ? sign : a - b));
      list = order.map(k => list[k]);
    }
    return list;
  };
  return state;
}

function tableRow(i) {
  const c = connections.at(i);
  return h("tr", { "data-connection": c.id, class: c.lost[0] + c.lost[1] + c.injected[0] + c.injected[1] ? "bad" : null },
    TABLE.map(col => h("td", { class: col.number ? "number" : null, "data-label": col.name }, col.show(c))));
}

function showTable(section) {
  const state = tableState(), body = h("tbody", {}), said = h("p", { class: "hint", "aria-live": "polite" }), STEP = 50;
  let rows = [], shown = 0;
  const more = button("", () => extend());
  const extend = () => {
    rows.slice(shown, shown + STEP).forEach(i => body.append(tableRow(i)));
    shown = Math.min(rows.length, shown + STEP);
    said.textContent = `${count(shown)} of ${things(rows.length, "connection")} shown` + (rows.length < connections.n ? `, of ${count(connections.n)} in all` : "");
    more.textContent = "Show " + count(Math.min(STEP, rows.length - shown)) + " more";
    more.hidden = shown >= rows.length;
  };
  const again = () => { rows = state.rows(); shown = 0; body.replaceChildren(); extend(); };
  const heads = TABLE.map(col => h("th", { scope: "col", class: col.number ? "number" : null, "aria-sort": "none" }, button(col.name, () => {
    state.descending = state.sort === col.key ? !state.descending : !!col.number && col.key !== "id";
    state.sort = col.key;
    heads.forEach((th, k) => th.setAttribute("aria-sort", TABLE[k].key === col.key ? (state.descending ? "descending" : "ascending") : "none"));
    again();
  }, { title: col.title ? names[0] + " \u2192 " + names[1] + " / back" : null })));
  let timer = null;
  const search = h("input", { type: "search", id: "filter", placeholder: "address, port, ended, paired", oninput: () => {
    clearTimeout(timer);
    timer = setTimeout(() => { state.text = search.value; again(); }, 120);
  } });
  const trouble = h("input", { type: "checkbox", id: "trouble", onchange: () => { state.trouble = trouble.checked; again(); } });
  section.append(h("h2", { id: "connections-h" }, "Connections"), h("div", { id: "one" }),
    h("p", { class: "tools" }, h("label", { for: "filter" }, "Filter "), search, " ", h("label", {}, trouble, " troubled only"), " ", h("span", { class: "hint" }, "Numbers: " + names[0] + " \u2192 " + names[1] + " / back.")),
    h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Table of connections" }, h("table", { id: "table" }, h("thead", {}, h("tr", {}, heads)), body)), said, more);
  again();
}

/* ---- one connection ---- */

const ENDED_WORDS = { open: "Still open at the end", closed: "Closed by both sides", reset: "Ended by a reset", unanswered: "Never answered" };
const PAIRED_WORDS = { same: "the same addresses at both points", translated: "other addresses at " + names[1], terminated: "ended and begun anew by something between the points" };

function connectionHead(c) {
  return [h("p", {}, c.client + " \u2192 " + c.server + ". " + ENDED_WORDS[c.ended] + "; " + (c.only ? "seen only at " + c.only : PAIRED_WORDS[c.paired]) + ". Began " + utc(base, c.first) + ", lasted " + duration(c.length) +
    (c.rtt === null ? "." : ", round trip between the taps " + duration(c.rtt) + ".")), c.other ? h("p", {}, "At " + names[1] + ": " + c.other.join(" \u2192 ")) : null];
}

function connectionCharts(id) {
  const chart = charts.get(id);
  if (!chart) return [h("p", { class: "notice" }, "This page does not hold this connection's packets: " + things(left.charts[0], "connection") + " of " + count(left.charts[1]) +
    " fit. Correlate again with a --filter for it, and it is drawn.")];
  const parts = [];
  if (chart.step > 1) {
    parts.push(h("p", { class: "notice" }, `A long connection: of the frames about which there is nothing to tell, one in ${chart.step} is drawn (${names.map((n, p) => count(chart.points[p].length) + " of " + count(chart.of[p]) + " at " + n).join(", ")}).`));
  }
  if (chart.unmarked[0] || chart.unmarked[1]) {
    parts.push(h("p", { class: "notice" }, "Not marked, for there are too many: " + things(chart.unmarked[0], "packet event") + " and " + things(chart.unmarked[1], "retransmission") + ". events.ndjson has the events."));
  }
  if (!chart.scaled) parts.push(h("p", { class: "hint" }, "The windows are not drawn: the handshake, which tells their scale, was not captured."));
  [0, 1].forEach(hop => {
    const side = chart.points[hop].concat(chart.points[1 - hop]);
    if (side.some(s => s.hop === hop)) parts.push(h("figure", { "data-sequence": hop }, h("figcaption", {}, "Time and sequence numbers, " + way(hop)), sequence(chart, hop)));
  });
  const first = travels(chart)[0];
  parts.push(folding({ class: "card" }, "Ladder of the whole connection", () => [ladder(chart, { focus: first ? [first.s] : [], label: "Ladder of connection " + id }), ladderKey()]));
  return parts;
}

function showConnection(id) {
  const box = document.getElementById("one"), c = connections.get(id);
  if (!c) {
    box.replaceChildren(h("p", { class: "notice" }, "Connection " + id + " is not in this page; report.json has it."));
    return;
  }
  const title = h("h3", { id: "connection-" + id, tabindex: -1 }, "Connection " + id);
  box.replaceChildren(h("div", { class: "card one" }, h("p", { class: "tools" }, button("Close", () => { location.hash = "connections"; box.replaceChildren(); })), title, connectionHead(c), ...connectionCharts(id)));
  title.scrollIntoView({ block: "start" });
  title.focus({ preventScroll: true });
}
