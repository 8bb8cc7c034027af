/* The time-sequence chart: what tcptrace taught, from both taps on one axis, and the one-way delay beneath.
 *
 * A bar is a segment, from its first to its last sequence number, when it left and when it arrived. The lines are what
 * the receiver had acknowledged and what its window allowed, as its own tap and the sender's saw it. */

const LAYERS = [
  ["sent", "left"], ["arrived", "arrived"], ["ack-far", "ACK, sent"], ["ack-near", "ACK, received"],
  ["window-far", "window, sent"], ["window-near", "window, received"], ["mark lost", "lost"],
  ["mark again", "retransmission, needed"], ["mark vain", "retransmission, for nothing"], ["mark reset", "reset"],
  ["mark back", "reset, the other way"], ["mark injected", "injected"], ["mark other", "other events"]];
const SYMBOLS = {
  lost: "M-5,-5L5,5M-5,5L5,-5", again: "M0,-6L5.5,4L-5.5,4Z", vain: "M0,-6L5.5,4L-5.5,4Z", reset: "M0,-6L6,0L0,6L-6,0Z",
  back: "M0,-6L6,0L0,6L-6,0Z", injected: "M-5,0a5,5 0 1 0 10,0a5,5 0 1 0 -10,0", other: "M-4.5,-4.5h9v9h-9Z"
};

/* What the chart of one direction shows, in chart time. */
function sequenceData(chart, hop) {
  const own = chart.points[hop], far = chart.points[1 - hop];
  const data = own.filter(s => s.hop === hop && !(s.flags & RST));
  const arrived = far.filter(s => s.hop === hop && !(s.flags & RST));
  const acks = side => side.filter(s => s.hop !== hop && s.ack !== null && !(s.flags & RST));
  const marks = [];
  own.forEach(s => {
    if (s.hop !== hop) return;
    if (s.again) marks.push({ kind: s.again === 1 ? "again" : "vain", s, item: { s, tx: s, ends: s.arrivals, t: s.t, hop } });
  });
  chart.marks.forEach(m => {
    if (m.hop !== hop) return;
    const kind = m.kind === "lost" || m.kind === "injected" ? m.kind : "other", s = m.segment;
    const item = { s, tx: s.p === hop ? s : null, ends: s.p === hop ? s.arrivals : [s], t: s.t, hop };
    marks.push({ kind, s, item, event: m });
  });
  [own, far].forEach((side, i) => side.forEach(s => {
    if (!(s.flags & RST)) return;
    if (s.hop !== hop) {
      const seen = i === 1; /* its own sender's tap */
      if (seen || s.partner === -1) marks.push({ kind: "back", s, item: { s, tx: seen ? s : null, ends: seen ? s.arrivals : [s], t: s.t, hop: s.hop } });
    } else if (i === 0 || s.partner === -1) marks.push({ kind: "reset", s, item: { s, tx: i ? null : s, ends: i ? [s] : s.arrivals, t: s.t, hop } });
  }));
  const delays = [];
  own.forEach(s => { if (s.hop === hop && s.arrivals.length) delays.push({ t: s.t, d: s.arrivals[0].t - s.t, e: clockError(chart, s.t) }); });
  marks.sort((a, b) => (a.kind === "lost") - (b.kind === "lost")); /* on top: a reset that was lost shows both */
  return { data, arrived, near: acks(own), far: acks(far), marks, delays };
}

function markSeq(shown, m) {
  const s = m.s, at = m.kind === "back" ? (s.ack === null ? shown[1] - 0.04 * (shown[1] - shown[0]) : s.ack) : s.seq + s.len;
  return Math.max(shown[0], Math.min(shown[1], at));
}

/* Bars of many segments are one path. */
function barPath(list, x, y) {
  let d = "";
  list.forEach(s => {
    const at = x(s.t).toFixed(1), a = y(s.seq), b = y(s.seq + Math.max(s.len, s.flags & (SYN | FIN) ? 1 : 0));
    d += s.len ? `M${at},${a.toFixed(1)}V${b.toFixed(1)}m-2.5,0h5M${(+at - 2.5).toFixed(1)},${a.toFixed(1)}h5` : `M${(+at - 2).toFixed(1)},${a.toFixed(1)}h4`;
  });
  return d;
}

function stepPath(list, x, y, value) {
  let d = "";
  list.forEach(s => {
    const v = value(s);
    if (v === null) return;
    d += (d ? `H${x(s.t).toFixed(1)}V` : `M${x(s.t).toFixed(1)},`) + y(v).toFixed(1);
  });
  return d;
}

function bandPath(delays, x, y) {
  const known = delays.filter(d => d.e !== null);
  if (!known.length) return "";
  return "M" + known.map(d => `${x(d.t).toFixed(1)},${y(d.d + d.e).toFixed(1)}`).join("L") + "L" +
    known.slice().reverse().map(d => `${x(d.t).toFixed(1)},${y(d.d - d.e).toFixed(1)}`).join("L") + "Z";
}

/* The part of a list, in order of time, that lies in view, and one on either side. */
function inView(list, [from, to]) {
  const by = d3.bisector(s => s.t);
  return list.slice(Math.max(0, by.left(list, from) - 1), Math.min(list.length, by.right(list, to) + 1));
}

function seqDomain(data, domain) {
  const bars = inView(data.data, domain).concat(inView(data.arrived, domain)), lines = inView(data.near, domain).concat(inView(data.far, domain));
  let low = Infinity, high = -Infinity;
  bars.forEach(s => { low = Math.min(low, s.seq); high = Math.max(high, s.seq + s.len); });
  if (low === Infinity) lines.forEach(s => { low = Math.min(low, s.ack); high = Math.max(high, s.ack); });
  if (low === Infinity) return [0, 1];
  const pad = Math.max(1, (high - low) * 0.06);
  return [low - pad, high + pad];
}

function delayDomain(delays, domain) {
  const seen = inView(delays, domain);
  if (!seen.length) return [0, 1];
  const low = d3.min(seen, d => d.d - (d.e || 0)), high = d3.max(seen, d => d.d + (d.e || 0));
  const pad = Math.max(1, (high - low) * 0.08);
  return [Math.min(0, low - pad), high + pad];
}

function drawAxes(svg, f) {
  const ticks = Math.max(3, Math.round((f.width - f.left) / 110));
  svg.select(".x-axis").attr("transform", `translate(0,${f.bottom})`).call(d3.axisBottom(f.x).ticks(ticks).tickFormat(t => duration(t)));
  svg.select(".y-axis").attr("transform", `translate(${f.left},0)`).call(d3.axisLeft(f.y).ticks(6).tickFormat(d3.format("~s")));
  svg.select(".delay-axis").attr("transform", `translate(${f.left},0)`).call(d3.axisLeft(f.delay).ticks(3).tickFormat(t => duration(t)));
}

function paint(svg, chart, data, f) {
  const view = f.x.domain();
  f.y.domain(seqDomain(data, view));
  f.delay.domain(delayDomain(data.delays, view));
  const path = (name, d) => svg.select("." + name.replace(" ", ".")).attr("d", d);
  const window = s => s.window === null ? null : s.ack + s.window;
  path("sent", barPath(inView(data.data, view), f.x, f.y));
  path("arrived", barPath(inView(data.arrived, view), f.x, f.y));
  [["near", data.near], ["far", data.far]].forEach(([name, list]) => {
    const seen = inView(list, view);
    path("ack-" + name, stepPath(seen, f.x, f.y, s => s.ack));
    path("window-" + name, stepPath(seen, f.x, f.y, window));
  });
  const scale = data.marks.filter(m => m.s.t >= view[0] && m.s.t <= view[1]).length > 120 ? 0.6 : 1; /* fewer, larger */
  svg.selectAll(".mark").attr("transform", m => `translate(${f.x(m.s.t)},${f.y(markSeq(f.y.domain(), m))}) scale(${scale})`)
    .classed("aside", m => m.s.t < view[0] || m.s.t > view[1]);
  const seen = inView(data.delays, view);
  path("band", bandPath(seen, f.x, f.delay));
  path("delays", seen.map(d => `M${(f.x(d.t) - 1.5).toFixed(1)},${f.delay(d.d).toFixed(1)}h3`).join(""));
  drawAxes(svg, f);
}

function sequenceFrame(width, data) {
  const left = width < 500 ? 56 : 64, plot = width < 500 ? 240 : 320, gap = 44, delay = data.delays.length ? 90 : 0;
  const top = 18, bottom = top + plot, height = bottom + (delay ? gap + delay : 30) + 18;
  return { width, left, right: width - 12, top, bottom, delayTop: bottom + gap, delayBottom: bottom + gap + delay, height, hasDelay: delay > 0 };
}

function sequenceExtent(data) {
  const all = [data.data, data.arrived, data.near, data.far].filter(l => l.length).map(l => [l[0].t, l[l.length - 1].t])
    .concat(data.marks.map(m => [m.s.t, m.s.t]));
  const from = d3.min(all, d => d[0]) || 0, to = Math.max(d3.max(all, d => d[1]) || 0, from + 1000);
  return [from - (to - from) * 0.02, to + (to - from) * 0.02];
}

function buildSequence(chart, hop, data, f) {
  const clip = "clip-" + chart.id + "-" + hop, panel = (id, top, bottom) => {
    svg.append("clipPath").attr("id", id).append("rect").attr("x", f.left).attr("y", top).attr("width", f.right - f.left).attr("height", bottom - top);
    svg.append("rect").attr("class", "ground").attr("x", f.left).attr("y", top).attr("width", f.right - f.left).attr("height", bottom - top);
    return svg.append("g").attr("clip-path", `url(#${id})`);
  };
  const svg = d3.create("svg").attr("class", "sequence").attr("viewBox", `0 0 ${f.width} ${f.height}`).attr("tabindex", 0).attr("role", "group")
    .attr("aria-label", `Time-sequence chart of ${way(hop)}. Plus and minus zoom, left and right move, 0 shows all, up and down go through the marks.`);
  const inside = panel(clip, f.top, f.bottom), below = f.hasDelay ? panel(clip + "-delay", f.delayTop, f.delayBottom) : null;
  ["x-axis", "y-axis"].forEach(name => svg.append("g").attr("class", "axis " + name));
  svg.append("text").attr("class", "column").attr("x", f.left + 4).attr("y", f.top - 4).text("sequence number, bytes from the first");
  svg.append("text").attr("class", "column").attr("x", f.right).attr("y", f.bottom + 33).attr("text-anchor", "end").text("time from the connection's first packet");
  ["window-far", "window-near", "ack-far", "ack-near", "arrived", "sent"].forEach(name => inside.append("path").attr("class", name));
  svg.select("path.sent").attr("data-n", data.data.length);
  svg.select("path.arrived").attr("data-n", data.arrived.length);
  if (f.hasDelay) {
    svg.append("g").attr("class", "axis delay-axis");
    svg.append("text").attr("class", "column").attr("x", f.left + 4).attr("y", f.delayTop - 5)
      .text(data.delays.some(d => d.e !== null) ? "one-way delay; the band is what the clocks leave open" : "one-way delay; nothing bounds the clocks: only differences mean something");
    below.append("path").attr("class", "band");
    below.append("path").attr("class", "delays").attr("data-n", data.delays.length);
  }
  const marks = inside.append("g").selectAll("path").data(data.marks).enter().append("path")
    .attr("class", m => "mark " + m.kind).attr("d", m => SYMBOLS[m.kind]).attr("data-segments", m => m.event ? m.event.segments : m.s.pieces);
  explain(svg, marks, m => travelLines(chart, m.item));
  stepThrough(svg, ".mark:not(.aside)");
  return svg;
}

function addZoom(svg, f, whole, repaint) {
  const x0 = d3.scaleLinear(whole, [f.left, f.right]);
  const zoom = d3.zoom().scaleExtent([1, 1e7]).extent([[f.left, 0], [f.right, f.height]]).translateExtent([[f.left, 0], [f.right, f.height]])
    .filter(() => d3.event.type !== "wheel" || d3.event.ctrlKey || svg.node() === document.activeElement)
    .on("zoom", () => {
      f.x.domain(d3.event.transform.rescaleX(x0).domain());
      svg.attr("data-from", f.x.domain()[0]).attr("data-to", f.x.domain()[1]);
      repaint();
    });
  svg.call(zoom).on("dblclick.zoom", null);
  const act = {
    "+": () => svg.call(zoom.scaleBy, 2), "=": () => svg.call(zoom.scaleBy, 2), "-": () => svg.call(zoom.scaleBy, 0.5),
    "0": () => svg.call(zoom.transform, d3.zoomIdentity),
    ArrowLeft: () => svg.call(zoom.translateBy, (f.right - f.left) * 0.2 / d3.zoomTransform(svg.node()).k, 0),
    ArrowRight: () => svg.call(zoom.translateBy, (f.left - f.right) * 0.2 / d3.zoomTransform(svg.node()).k, 0)
  };
  svg.on("keydown.zoom", () => {
    if (!act[d3.event.key] || d3.event.ctrlKey || d3.event.metaKey || d3.event.altKey) return;
    d3.event.preventDefault();
    act[d3.event.key]();
  });
  return act;
}

function legend(svg, data) {
  const n = { "mark lost": "lost", "mark again": "again", "mark vain": "vain", "mark reset": "reset", "mark back": "back", "mark injected": "injected", "mark other": "other" };
  return h("p", { class: "legend" }, LAYERS.map(([name, text]) => {
    const kind = n[name], marks = kind ? data.marks.filter(m => m.kind === kind).length : null;
    if (marks === 0) return null;
    const sample = d3.create("svg").attr("viewBox", "-12 -7 24 14").attr("class", "sample").attr("aria-hidden", "true");
    sample.append("path").attr("class", name).attr("d", kind ? SYMBOLS[kind] : name === "sent" || name === "arrived" ? "M0,-6V6m-2.5,0h5M-2.5,-6h5" : "M-11,0h22");
    const toggle = h("button", { type: "button", "aria-pressed": "true", onclick: () => {
      const off = toggle.getAttribute("aria-pressed") === "true";
      toggle.setAttribute("aria-pressed", String(!off));
      svg.selectAll("." + name.replace(" ", ".")).classed("off", off);
    } }, sample.node(), marks === null ? text : text + " " + count(marks));
    return toggle;
  }));
}

function sequence(chart, hop) {
  const data = sequenceData(chart, hop);
  return drawn((box, width) => {
    const f = sequenceFrame(width, data), whole = sequenceExtent(data);
    f.x = d3.scaleLinear(whole, [f.left, f.right]);
    f.y = d3.scaleLinear([0, 1], [f.bottom, f.top]);
    f.delay = d3.scaleLinear([0, 1], [f.delayBottom, f.delayTop]);
    const svg = buildSequence(chart, hop, data, f), repaint = () => paint(svg, chart, data, f);
    repaint();
    const act = addZoom(svg, f, whole, repaint);
    const tools = h("p", { class: "tools" }, button("Zoom in", act["+"]), button("Zoom out", act["-"]), button("\u2190", act.ArrowLeft, { "aria-label": "Earlier" }),
      button("\u2192", act.ArrowRight, { "aria-label": "Later" }), button("All", act["0"]),
      h("span", { class: "hint" }, "Drag to move; wheel zooms once the chart is clicked. Keys: + \u2212 \u2190 \u2192 0, \u2191 \u2193 for the marks."));
    box.replaceChildren(legend(svg, data), svg.node(), tools);
  }, { class: "drawing sequence-box" });
}
