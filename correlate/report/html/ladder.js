/* The ladder: both points' time lines, an arrow for each segment, slanted by its delay.
 *
 * Time runs downwards, in order and without overlaps, but not to scale: where much happens at once it is stretched, and
 * pauses are cut (the time line is dotted there). The layout goes through all moments in order and gives each a height:
 * at least so far below the one before on the same line that both can be labelled, else in proportion to the time. */

const LADDER = { row: 18, pause: 44, delay: 36, fold: 24, top: 46, neighbours: 3, most: 1500 };

/* Everything that travelled, in order: { tx, ends, t, hop, mark }. tx null: it came in from nowhere. */
function travels(chart) {
  if (chart.travels) return chart.travels;
  chart.marks.forEach(mark => { /* a copy or another version arrived: an arrow of the same transmission */
    const event = events.get(mark.id);
    const end = event && event.more.arrival ? findFrame(chart, event.more.arrival) : null;
    if (!end || mark.segment.p !== mark.segment.hop) return;
    end.spanned = true;
    if (!mark.segment.arrivals.includes(end)) mark.segment.arrivals.push(end);
  });
  const list = [];
  chart.points.forEach((side, p) => side.forEach(s => {
    if (s.hop === p) list.push({ tx: s, ends: s.arrivals, t: s.t, hop: p, s });
    else if (s.partner === -1 && !s.spanned) list.push({ tx: null, ends: [s], t: s.t, hop: s.hop, s });
  }));
  list.sort((a, b) => a.t - b.t);
  list.forEach(item => { item.mark = worst(item.s.events); });
  const delays = list.filter(i => i.tx && i.ends.length).map(i => i.ends[0].t - i.t).sort((a, b) => a - b);
  chart.medianDelay = Math.max(1, delays.length ? delays[delays.length >> 1] : 1e6);
  chart.travels = list;
  return list;
}

function worst(marks) {
  const order = ["lost", "injected", "corrupted", "altered", "unresolved", "missed", "duplicated", "reordered"];
  return marks.slice().sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind))[0] || null;
}

/* As Wireshark's info column says it. */
function segmentLabel(s, short) {
  if (short) return flagNames(s.flags) + " " + s.seq + (s.len ? "+" + s.len : "");
  const flags = FLAG_NAMES.filter((name, i) => s.flags >> i & 1).join(", ") || "none";
  const ack = s.ack === null ? "" : " Ack=" + s.ack;
  return "[" + flags + "] Seq=" + s.seq + ack + " Len=" + s.len;
}

function fateText(item, short) {
  const said = [];
  if (item.mark && item.mark.kind === "lost" && item.ends.length) return "in part lost";
  if (short) return item.mark ? item.mark.kind : item.s.again ? (item.s.again === 1 ? "again" : "in vain") : "";
  if (item.mark) said.push(item.mark.kind === "missed" ? "not recorded" : item.mark.kind);
  if (item.s.again) said.push(item.s.again === 1 ? "retransmission" : "retransmission for nothing");
  return said.join(", ");
}

function rawNumber(chart, hop, relative) {
  return ((chart.zero[hop] + relative) % 4294967296 + 4294967296) % 4294967296;
}

function travelLines(chart, item) {
  const s = item.s, lines = [segmentLabel(s)];
  const at = x => frameName([x.p, x.file, x.frame]) + ", " + clockTime(chart.base, Math.round(x.t));
  if (item.tx) lines.push("left " + at(item.tx));
  item.ends.forEach(e => lines.push("arrived " + at(e)));
  if (item.tx && item.ends.length) lines.push("delay " + duration(item.ends[0].t - item.t));
  lines.push("raw seq " + rawNumber(chart, s.hop, s.seq) + (s.ack === null ? "" : ", ack " + rawNumber(chart, 1 - s.hop, s.ack)));
  if (s.window !== null) lines.push("window " + count(s.window));
  if (s.again) lines.push(s.again === 1 ? "retransmission, needed" : "retransmission, for nothing: the original had arrived");
  s.events.forEach(mark => {
    const event = events.get(mark.id);
    lines.push(mark.kind + ", " + mark.level + " (event " + mark.id + ")");
    if (event) event.evidence.forEach(e => lines.push(e.text));
  });
  return lines;
}

/* Each item's place in the order in which one point saw them: there one sees what was answered. */
function localOrder(list, p) {
  const at = item => (item.tx && item.tx.p === p ? item.tx.t : item.ends.length && item.ends[0].p === p ? d3.min(item.ends, e => e.t) : item.t);
  const times = list.map(at), order = d3.range(list.length).sort((a, b) => times[a] - times[b] || a - b), rank = [];
  order.forEach((i, k) => { rank[i] = k; });
  return { order, rank };
}

/* Which items to show: those meant and their neighbours at the point that recorded them; the rest is folded into runs. */
function foldTravels(list, spec, unfolded, all) {
  const show = new Array(list.length).fill(all);
  const meant = new Set(spec.focus), also = new Set(spec.also || []);
  const touches = (item, set) => set.has(item.tx) || item.ends.some(e => set.has(e));
  const places = [];
  list.forEach((item, i) => {
    item.meant = touches(item, meant);
    if (item.meant) places.push(i);
    else if (touches(item, also)) show[i] = true;
  });
  const { order, rank } = localOrder(list, spec.focus.length ? spec.focus[0].p : 0);
  const near = (i, n) => order.slice(Math.max(0, rank[i] - n), rank[i] + n + 1).forEach(k => { show[k] = true; });
  places.forEach((i, n) => {
    if (n === 0) near(i, LADDER.neighbours);
    else if (n < 4 || n === places.length - 1) near(i, 1);
  });
  const rows = [];
  for (let i = 0; i < list.length;) {
    let k = i;
    while (k < list.length && !show[k] && !unfolded.has(k)) k++;
    if (k - i > 1) rows.push({ fold: true, from: i, to: k, t: list[i].t, items: list.slice(i, k) });
    else for (k = Math.max(k, i + 1); i < k; i++) rows.push({ item: list[i], t: list[i].t, index: i });
    i = Math.max(i, k);
  }
  return rows;
}

/* Heights: fills item.y, item.yEnds, fold.y; returns { height, at(t), pauses }. */
function layLadder(chart, rows, due) {
  const moments = [];
  rows.forEach(row => {
    if (row.fold) { moments.push({ t: row.t, fold: row }); return; }
    const item = row.item;
    if (item.tx) moments.push({ t: item.tx.t, side: item.tx.p, set: y => { item.y = y; } });
    item.yEnds = [];
    item.ends.forEach((e, k) => moments.push({ t: e.t, side: e.p, end: e, set: y => { item.yEnds[k] = y; } }));
  });
  if (due) moments.push({ t: due.t, side: due.point, set: y => { due.y = y; }, due: true });
  moments.sort((a, b) => a.t - b.t);
  const scale = LADDER.delay / chart.medianDelay, low = [LADDER.top, LADDER.top], known = [], pauses = [], met = new Map();
  let y = LADDER.top, t = moments.length ? moments[0].t : 0;
  moments.forEach(m => {
    const free = Math.min((m.t - t) * scale, LADDER.pause), before = y;
    y += free;
    if (m.fold) {
      y = Math.max(y, low[0], low[1]) + 2;
      m.fold.y = y;
      y += LADDER.fold;
      low[0] = low[1] = y + LADDER.row - 6;
    } else {
      const again = m.end && met.get(m.end); /* several transmissions arrived as one frame */
      if (again === undefined || !m.end) {
        y = Math.max(y, low[m.side]);
        low[m.side] = y + LADDER.row;
      }
      if (m.end) met.set(m.end, y);
      m.set(y);
    }
    if ((m.t - t) * scale > LADDER.pause * 1.5) pauses.push([before, y]);
    known.push([m.t, y]);
    t = m.t;
  });
  return { height: Math.max(y, ...low.map(v => v - LADDER.row)) + 20, pauses, at: when => heightAt(known, when) };
}

function heightAt(known, when) {
  const i = d3.bisector(k => k[0]).left(known, when);
  if (i === 0) return known.length ? known[0][1] : LADDER.top;
  if (i === known.length) return known[i - 1][1] + 14;
  const [t0, y0] = known[i - 1], [t1, y1] = known[i];
  return t1 > t0 ? y0 + (y1 - y0) * (when - t0) / (t1 - t0) : y1;
}

/* The lines of one travel: from, to, how it begins and ends. */
function travelLinesOf(chart, item, x, lay) {
  const from = x[item.hop], to = x[1 - item.hop], across = to - from;
  if (!item.tx) {
    const y = item.yEnds[0], slant = 7; /* where it came from is not known, so no delay is */
    const injected = item.mark && item.mark.kind === "injected";
    const part = injected || !item.mark ? 0.4 : item.mark.kind === "missed" ? 0 : 0.4;
    return [{ x1: from + across * part, y1: y - slant * (1 - part), x2: to, y2: y, start: part ? "nowhere" : "unseen", end: "arrow" }];
  }
  const lines = item.yEnds.map((y, k) => ({ x1: from, y1: item.y, x2: to, y2: y, end: item.mark && item.mark.kind === "corrupted" ? "cross" : "arrow" }));
  const gone = item.mark && !lines.some(l => l.end === "cross") && { lost: "cross", corrupted: "cross", unresolved: "doubt", missed: "unseen" }[item.mark.kind];
  const partly = item.s.events.some(m => m.kind === "lost");
  if (!lines.length || partly || (gone && gone !== "unseen" && !lines.length)) {
    const slant = Math.min(28, Math.max(8, lay.at(item.t + chart.medianDelay) - item.y));
    const part = gone === "unseen" ? 1 : 0.62;
    lines.push({ x1: from, y1: item.y, x2: from + across * part, y2: item.y + slant * part,
      end: gone || (item.s.partner === -1 ? "doubt" : "arrow") });
  }
  return lines;
}

function ladderClass(item) {
  return "travel" + (item.meant ? " meant" : "") + (item.mark ? " " + item.mark.kind : "") +
    (item.s.again === 1 ? " again" : item.s.again === 2 ? " vain" : "") + (item.s.flags & RST ? " reset" : "");
}

function drawTravel(g, chart, item, x, lay) {
  const lines = travelLinesOf(chart, item, x, lay);
  lines.forEach(l => {
    const arrived = l.end === "arrow" && item.mark && item.mark.kind === "lost" ? " arrived" : "";
    g.append("line").attr("class", "shaft" + arrived).attr("x1", l.x1).attr("y1", l.y1).attr("x2", l.x2).attr("y2", l.y2);
    const angle = Math.atan2(l.y2 - l.y1, l.x2 - l.x1) * 180 / Math.PI;
    const tipEnd = g.append("path").attr("class", "end " + l.end + arrived).attr("transform", `translate(${l.x2},${l.y2}) rotate(${angle})`);
    tipEnd.attr("d", { arrow: "M0,0L-8,-3.5L-8,3.5Z", cross: "M-6,-6L6,6M-6,6L6,-6", unseen: "M0,0L-8,-3.5L-8,3.5Z",
      doubt: "M-3,-5a4,4 0 1 1 5,4q-2,1 -2,4" }[l.end]);
    if (l.start) g.append("circle").attr("class", "start " + l.start).attr("cx", l.x1).attr("cy", l.y1).attr("r", 4);
  });
  return lines;
}

/* Level, on the row of the moment that it belongs to, so that no two of one side meet. */
function drawLabel(g, item, lines, narrow) {
  const l = lines[0], leftwards = l.x2 < l.x1, nowhere = !item.tx;
  const onRight = nowhere ? !leftwards : leftwards, said = fateText(item, narrow);
  const text = g.append("text").attr("class", "label").attr("x", (nowhere ? l.x2 : l.x1) + (onRight ? -12 : 12))
    .attr("y", (nowhere ? l.y2 : l.y1) - 4).attr("text-anchor", onRight ? "end" : "start");
  text.append("tspan").text(segmentLabel(item.s, narrow));
  if (said) text.append("tspan").attr("class", "fate").text("  " + said);
}

function drawFrameNames(g, chart, item, x, zero, narrow) {
  const name = (s, y) => {
    const left = s.p === 0, out = left ? -8 : 8;
    const text = g.append("text").attr("class", "frame").attr("x", x[s.p] + out).attr("y", y + 4).attr("text-anchor", left ? "end" : "start");
    const file = chart.files[s.p] ? s.file + ":" : "";
    text.append("tspan").text(file + s.frame);
    if (narrow) return;
    g.append("text").attr("class", "when").attr("x", x[s.p] + out * 8.4).attr("y", y + 4).attr("text-anchor", left ? "end" : "start")
      .text(s.t === zero ? "0" : (s.t > zero ? "+" : "") + duration(s.t - zero));
  };
  if (item.tx) name(item.tx, item.y);
  const met = item.named || (item.named = new Set());
  met.clear();
  item.ends.forEach((e, k) => { if (!met.has(e)) { met.add(e); name(e, item.yEnds[k]); } });
}

function drawFold(svg, row, x, open) {
  const n = row.items.filter(i => i.hop === 0).length;
  const said = things(row.items.length, "segment") + " folded away (" + count(n) + " \u2192, " + count(row.items.length - n) + " \u2190)";
  const g = svg.append("g").attr("class", "fold").attr("role", "button").attr("tabindex", 0).attr("aria-label", said + ", unfold")
    .on("click", open).on("keydown", () => {
      if (d3.event.key !== "Enter" && d3.event.key !== " ") return;
      d3.event.preventDefault();
      open();
    });
  g.append("rect").attr("x", x[0] + 1).attr("width", x[1] - x[0] - 2).attr("y", row.y).attr("height", LADDER.fold - 4).attr("rx", 3);
  g.append("text").attr("x", (x[0] + x[1]) / 2).attr("y", row.y + 14).attr("text-anchor", "middle").text("\u22ef " + said);
}

function drawRails(svg, x, lay, narrow) {
  names.forEach((name, p) => {
    svg.append("line").attr("class", "rail").attr("x1", x[p]).attr("x2", x[p]).attr("y1", 26).attr("y2", lay.height - 8);
    lay.pauses.forEach(([a, b]) => svg.append("line").attr("class", "cut").attr("x1", x[p]).attr("x2", x[p]).attr("y1", a + 2).attr("y2", b - 2));
    svg.append("text").attr("class", "point").attr("x", x[p]).attr("y", 16).attr("text-anchor", "middle").text(name);
    if (narrow) return;
    const left = p === 0;
    svg.append("text").attr("class", "column").attr("x", x[p] + (left ? -8 : 8)).attr("y", 34).attr("text-anchor", left ? "end" : "start").text("frame");
    svg.append("text").attr("class", "column").attr("x", x[p] + (left ? -67 : 67)).attr("y", 34).attr("text-anchor", left ? "end" : "start").text("time");
  });
}

function drawDue(svg, due, x, narrow) {
  const left = due.point === 0, to = x[due.point], from = left ? x[0] + (x[1] - x[0]) * 0.55 : x[1] - (x[1] - x[0]) * 0.55;
  const g = svg.append("g").attr("class", "due");
  g.append("line").attr("x1", from).attr("x2", to).attr("y1", due.y).attr("y2", due.y);
  g.append("circle").attr("cx", to).attr("cy", due.y).attr("r", 4.5);
  g.append("text").attr("x", left ? to + 10 : to - 10).attr("y", due.y - 4).attr("text-anchor", left ? "start" : "end").text(narrow ? due.short : due.text);
}

/* spec: { focus: segments meant, also: other segments to show, due: { t, point, text, short } or null, label } */
function ladder(chart, spec) {
  const list = travels(chart), unfolded = new Set();
  let all = false;
  const draw = (box, width) => {
    const narrow = width < 620, margin = narrow ? 52 : 136, x = [margin, width - margin];
    const rows = foldTravels(list, spec, unfolded, all);
    const lay = layLadder(chart, rows, spec.due);
    const zero = spec.focus.length ? Math.min(...spec.focus.map(s => s.t)) : list.length ? list[0].t : 0;
    const svg = d3.create("svg").attr("class", "ladder").attr("viewBox", `0 0 ${width} ${lay.height}`).attr("tabindex", 0)
      .attr("role", "group").attr("aria-label", spec.label + ". Arrow keys move from segment to segment.");
    drawRails(svg, x, lay, narrow);
    const items = rows.filter(r => r.item).map(r => r.item);
    const g = svg.append("g").selectAll("g").data(items).enter().append("g").attr("class", ladderClass);
    g.each(function (item) { item.lines = drawTravel(d3.select(this), chart, item, x, lay); });
    rows.filter(r => r.fold).forEach(row => drawFold(svg, row, x, () => {
      for (let i = row.from; i < Math.min(row.to, row.from + LADDER.most); i++) unfolded.add(i);
      box.redraw();
      box.querySelector("svg").focus();
    }));
    const words = svg.append("g").attr("class", "words").attr("aria-hidden", "true").selectAll("g").data(items).enter().append("g").attr("class", ladderClass);
    words.each(function (item) {
      drawLabel(d3.select(this), item, item.lines, narrow);
      drawFrameNames(d3.select(this), chart, item, x, zero, narrow);
    });
    if (spec.due && spec.due.y !== undefined) drawDue(svg, spec.due, x, narrow);
    explain(svg, g, item => travelLines(chart, item));
    stepThrough(svg, "g:not(.words) > .travel");
    svg.attr("data-shown", items.length).attr("data-of", list.length);
    const foldable = list.length > items.length || all || unfolded.size;
    box.replaceChildren(svg.node(), h("p", { class: "tools" },
      foldable ? button(all || unfolded.size ? "Fold" : "Unfold all", () => {
        all = !(all || unfolded.size) && list.length <= LADDER.most;
        unfolded.clear();
        box.redraw();
      }) : null,
      list.length > LADDER.most && !all ? h("span", { class: "hint" }, things(list.length, "segment") + ": unfold them part by part.") : null));
  };
  return drawn(draw, { class: "drawing ladder-box" });
}

function ladderKey() {
  return h("p", { class: "hint" }, "Time runs downwards and is not to scale: the slant is the delay, dotted lines are pauses. " +
    "Outside stand the frame, as tshark numbers it, and the time from the first packet meant. A cross: lost. An open ring: it came from nowhere. Dashed: not recorded by one tap.");
}
