/* Loss along time, by size, by flow. */

function barsSvg(width, height, label) {
  return d3.create("svg").attr("class", "bars").attr("viewBox", `0 0 ${width} ${height}`).attr("role", "img").attr("aria-label", label);
}

/* Sent above the line, lost below it, each to its own scale. */
function lossAlongTime(hop) {
  const bins = report.profile["time" + hop], step = report.profile.width;
  const sent = d3.sum(bins, b => b[0]), lost = d3.sum(bins, b => b[1]);
  return drawn((box, width) => {
    const f = { left: 64, right: width - 12, height: 170, axis: 84 };
    const svg = barsSvg(width, f.height, `Along time, ${way(hop)}: ${count(lost)} of ${count(sent)} segments lost`);
    const x = d3.scaleLinear([0, bins.length * step], [f.left, f.right]);
    const up = d3.scaleLinear([0, d3.max(bins, b => b[0]) || 1], [f.axis, 14]), down = d3.scaleLinear([0, d3.max(bins, b => b[1]) || 1], [f.axis, 140]);
    const wide = Math.max(1, x(step) - x(0) - 0.5);
    svg.append("path").attr("class", "sent-area").attr("data-sent", sent).attr("d", `M${f.left},${f.axis}` +
      bins.map((b, i) => `L${x(i * step)},${up(b[0])}H${x((i + 1) * step)}`).join("") + `V${f.axis}Z`);
    const g = svg.append("g").selectAll("rect").data(bins.map((b, i) => ({ sent: b[0], lost: b[1], i })).filter(b => b.lost)).enter().append("rect")
      .attr("class", "lost-bar").attr("x", b => x(b.i * step)).attr("width", wide).attr("y", f.axis).attr("height", b => Math.max(2, down(b.lost) - f.axis))
      .attr("data-lost", b => b.lost);
    const start = report.profile.from;
    explain(svg, g, b => [`${count(b.lost)} of ${count(b.sent)} lost`, "from " + clockTime(base, start + b.i * step), "within " + duration(step)]);
    svg.attr("tabindex", 0).attr("role", "group");
    stepThrough(svg, ".lost-bar");
    svg.append("g").attr("class", "axis").attr("transform", `translate(0,${f.height - 26})`).call(d3.axisBottom(x).ticks(Math.max(3, width / 120)).tickFormat(t => duration(t)));
    svg.append("line").attr("class", "zero").attr("x1", f.left).attr("x2", f.right).attr("y1", f.axis).attr("y2", f.axis);
    [["sent", count(d3.max(bins, b => b[0]) || 0), 18], ["lost", count(d3.max(bins, b => b[1]) || 0), 138]].forEach(([name, most, y]) => {
      svg.append("text").attr("class", "column").attr("x", f.left - 8).attr("y", y).attr("text-anchor", "end").text(most);
      svg.append("text").attr("class", "column").attr("x", f.left - 8).attr("y", y + (name === "sent" ? 14 : -14)).attr("text-anchor", "end").text(name);
    });
    svg.append("text").attr("class", "column").attr("x", f.right).attr("y", 10).attr("text-anchor", "end").text("segments in each " + duration(step) + "; time from the first packet in common");
    box.replaceChildren(svg.node());
  });
}

function sizeName(i) {
  const least = report.profile.least, from = least[i];
  if (from === 0) return "none";
  return i + 1 < least.length ? count(from) + "\u2013" + count(least[i + 1] - 1) : count(from) + "+";
}

/* Rows of a bar, the lost part of the whole: { name, sent, lost, node }. */
function ratioRows(rows, heading, caption) {
  const most = d3.max(rows, r => r.sent ? r.lost / r.sent : 0) || 1;
  return h("table", { class: "ratios" }, h("caption", {}, caption), h("thead", {}, h("tr", {}, h("th", { scope: "col" }, heading),
    h("th", { scope: "col" }, "lost"), h("th", { scope: "col", class: "number" }, "of"), h("th", { scope: "col", class: "number" }, "ratio"))),
  h("tbody", {}, rows.map(r => {
    const bar = h("meter", { min: 0, max: 1, value: r.sent ? r.lost / r.sent / most : 0, "aria-hidden": "true" });
    return h("tr", { "data-sent": r.sent, "data-lost": r.lost }, h("th", { scope: "row" }, r.node || r.name), h("td", {}, bar, " " + count(r.lost)),
      h("td", { class: "number" }, count(r.sent)), h("td", { class: "number" }, percent(r.lost, r.sent)));
  })));
}

function lossBySize(hop) {
  const rows = report.profile["size" + hop].map((b, i) => ({ name: sizeName(i), sent: b[0], lost: b[1] })).filter(r => r.sent || r.lost);
  return ratioRows(rows, "payload bytes", "By size, " + way(hop));
}

function lossByFlow(hop, only) {
  const rows = [], wanted = only && new Set(only);
  for (let i = 0; i < connections.n; i++) {
    const raw = connections.raw[i];
    if (wanted ? !wanted.has(raw[0]) : !(raw[13 + 4 + hop] > 0)) continue;
    rows.push(connections.at(i));
  }
  rows.sort((a, b) => b.lost[hop] - a.lost[hop] || b.sent[hop] - a.sent[hop]);
  const shown = rows.slice(0, 20);
  return h("div", {}, ratioRows(shown.map(c => ({
    node: h("a", { href: "#connection-" + c.id }, c.client + " \u2192 " + c.server), sent: c.sent[hop], lost: c.lost[hop]
  })), "connection", "By flow, " + way(hop)),
  rows.length > shown.length ? h("p", { class: "hint" }, things(rows.length - shown.length, "more connection") + " in the table below.") : null);
}

/* Which distribution shows what a finding says. */
const FINDING_CHARTS = {
  "loss": ["time", "size", "flow"], "loss-bursts": ["time"], "outage": ["time"], "ack-loss": ["size"], "size-dependent-loss": ["size"],
  "path-dependent-loss": ["flow"], "dscp-dependent-loss": ["time"], "flag-dependent-loss": ["time"], "icmp-drop": ["size"], "host-drop": ["time"]
};

function findingCharts(finding) {
  const kinds = FINDING_CHARTS[finding.finding] || [], hop = names.indexOf(finding.from);
  if (hop < 0 || !report.profile.width) return [];
  return kinds.map(kind => kind === "time" ? h("figure", {}, h("figcaption", {}, "Along time, " + way(hop) + ": sent above, lost below"), lossAlongTime(hop))
    : kind === "size" ? lossBySize(hop) : lossByFlow(hop, finding.finding === "path-dependent-loss" ? finding.connections : null));
}

const HOP_ROWS = [
  ["segments sent", x => x.sent, true], ["arrived", x => x.arrived, true], ["lost", x => x.lost, true], ["lost, proven", x => x.lost_proven],
  ["injected", x => x.injected], ["altered", x => x.altered], ["corrupted", x => x.corrupted], ["unresolved", x => x.unresolved],
  ["missed by " + names[0] + "'s capture", (x, i) => i === 0 ? x.missed_by_from : x.missed_by_to],
  ["missed by " + names[1] + "'s capture", (x, i) => i === 0 ? x.missed_by_to : x.missed_by_from],
  ["duplicated", x => x.duplicated], ["reordered", x => x.reordered], ["outside the common window", x => x.outside],
  ["retransmitted", x => x.retransmitted], ["retransmitted for nothing", x => x.spurious], ["bytes sent", x => x.bytes_sent, true],
  ["longest run of losses", x => x.loss_bursts.max]];

function numbersTable(hops) {
  const rows = HOP_ROWS.map(([name, value, always]) => [name, hops.map(value), always]).filter(r => r[2] || r[1].some(v => v > 0));
  const body = rows.map(([name, values]) => h("tr", { class: name === "lost" && values.some(v => v > 0) ? "bad" : null }, h("th", { scope: "row" }, name),
    values.map(v => h("td", { class: "number" }, count(v)))));
  body.push(h("tr", {}, h("th", { scope: "row" }, "loss ratio"), hops.map(x => h("td", { class: "number" }, x.loss_ratio === null ? "\u2013" : percent(x.loss_ratio, 1)))));
  ["min", "median", "p95", "p99", "max", "error"].forEach(key => {
    const values = hops.map(x => x.delay_ns[key]);
    const name = { min: "least", median: "median", p95: "95 %", p99: "99 %", max: "most", error: "the clocks' error, at most" }[key];
    if (values.some(v => v !== null)) {
      body.push(h("tr", {}, h("th", { scope: "row" }, "delay, " + name), values.map(v => h("td", { class: "number" }, v === null ? "\u2013" : duration(v)))));
    }
  });
  return h("table", { class: "numbers" }, h("thead", {}, h("tr", {}, h("td", {}), [0, 1].map(i => h("th", { scope: "col", class: "number" }, way(i))))), h("tbody", {}, body));
}

function showPath(section) {
  const lossy = [0, 1].filter(i => report.hops[i].lost > 0 && report.profile.width);
  section.append(h("h2", { id: "path-h" }, "The path, in numbers"), h("div", { class: "scroll", tabindex: 0 }, numbersTable(report.hops)), ...report.outside.map(s => h("p", { class: "hint" }, s)));
  lossy.forEach(hop => section.append(folding({ class: "card", open: connections.n < 20000 }, "Loss " + way(hop) + ", along time, by size and by flow", () => [
    h("figure", {}, h("figcaption", {}, "Along time: sent above, lost below"), lossAlongTime(hop)), lossBySize(hop), lossByFlow(hop)])));
}
