/* At a glance; findings with their evidence; resets and packets with their ladders. */

/* ---- at a glance ---- */

function pointCard(point) {
  const undecoded = Object.entries(point.undecoded);
  const file = f => h("li", {}, h("span", { class: "path" }, f.path), point.n_files > 1 ? " " + things(f.packets, "packet") : null, f.journal === "absent" ? null : (point.n_files > 1 ? ", journal " : " journal ") + f.journal,
    f.trouble ? h("span", { class: "warn" }, " " + f.trouble) : null);
  return h("div", { class: "card" }, h("h3", {}, point.name),
    h("p", { class: point.healthy ? "good" : "warn" }, (point.healthy ? "\u2713 " : "! ") + point.health),
    h("p", {}, things(point.packets, "packet") + ", " + count(point.tcp_segments) + " of TCP" + (point.doubled ? ", " + count(point.doubled) + " recorded twice" : "")),
    h("ul", { class: "files" }, point.files.slice(0, 3).map(file)),
    point.n_files > 3 ? folding({}, things(point.n_files - 3, "more file"), () => h("ul", { class: "files" }, point.files.slice(3).map(file),
      point.n_files > point.files.length ? h("li", {}, "and " + count(point.n_files - point.files.length) + " that are in report.json only") : null)) : null,
    undecoded.length ? h("p", { class: "hint" }, "Not understood: " + undecoded.map(([why, n]) => why + " (" + count(n) + ")").join(", ")) : null);
}

function clockSentence() {
  const c = report.clock, [reference, other] = names;
  if (c.low !== undefined && c.high !== undefined) {
    const error = Number(BigInt(c.high) - BigInt(c.low)) / 2, ahead = !c.offset.startsWith("-");
    return other + " is " + exactSeconds(ahead ? c.offset : c.offset.slice(1)) + (ahead ? " ahead of " : " behind ") + reference + ", give or take " + duration(error) + ".";
  }
  if (c.low !== undefined) return other + " is at least " + exactSeconds(c.low) + " ahead of " + reference + "; nothing bounds it from above.";
  if (c.high !== undefined) return other + " is at most " + exactSeconds(c.high) + " ahead of " + reference + "; nothing bounds it from below.";
  return "They cannot be compared: no packet was seen at both points.";
}

function clocksCard() {
  const c = report.clock, counts = report.counts, window = report.first !== null && report.last !== null;
  const traffic = things(counts.connections, "connection") + ", " + count(counts.compared) + " compared" +
    (counts.translated ? ", " + count(counts.translated) + " translated on the way" : "") + (counts.terminated ? ", " + count(counts.terminated) + " terminated between" : "") +
    names.map((n, p) => counts.unpaired[p] ? ", " + count(counts.unpaired[p]) + " only at " + n : "").join("");
  return h("div", { class: "card" }, h("h3", {}, "Window and clocks"),
    window ? h("p", {}, duration(report.last - report.first) + " in common, by " + names[0] + "'s clock: ", h("span", { class: "path" }, utc(base, report.first)), " to ", h("span", { class: "path" }, utc(base, report.last)))
      : h("p", { class: "warn" }, "! No common window: the captures do not overlap in time, or their clocks cannot be related."),
    h("p", {}, clockSentence(), c.skew_ppm !== null && Math.abs(c.skew_ppm) >= 0.005 ? ` It ${c.skew_ppm < 0 ? "loses" : "gains"} ${Math.abs(c.skew_ppm).toFixed(2)} ppm.` : ""),
    c.steps.slice(0, 8).map(s => h("p", { class: "warn" }, `! ${s.point || "One of the clocks"} was set by ${exactSeconds(s.by)} at ${utc(base, s.time)}`)),
    c.n_steps > 8 ? h("p", { class: "hint" }, things(c.n_steps - 8, "more step")) : null,
    h("p", {}, traffic + "."));
}

function showGlance(section) {
  section.append(h("h2", { id: "glance-h" }, "What was compared"), h("div", { class: "cards" }, report.points.map(pointCard), clocksCard()));
}

/* ---- packets ---- */

function eventSentence(e) {
  const what = { lost: "lost", injected: "came from nowhere", missed: "not recorded by " + (e.more.missed_by || "a tap"), unresolved: "cannot be told", duplicated: "arrived twice",
    reordered: "overtaken", altered: "changed on the way", corrupted: "damaged on the way" }[e.kind];
  return way(e.hop) + ": " + what + ", " + e.level + (e.more.reason ? " (" + e.more.reason + ")" : "") + (e.more.host_drop ? ", possibly in the receiver's own card" : "");
}

function changeText(changed) {
  const show = v => v === null ? "none" : Array.isArray(v) ? v.join("+") || "none" : String(v);
  return Object.entries(changed || {}).map(([field, v]) => field + " " + show(v.from) + " \u2192 " + show(v.to)).join(", ");
}

function evidenceList(evidence) {
  return h("ul", { class: "evidence" }, evidence.map(e => h("li", {}, h("code", { class: "rule" }, e.rule), " " + e.text,
    e.frame ? " (" + frameName(Array.isArray(e.frame) ? e.frame : [names.indexOf(e.frame.point), e.frame.file, e.frame.frame]) + ")" : null)));
}

function eventLadder(e) {
  const chart = charts.get(e.connection), segment = chart && findFrame(chart, e.frame);
  if (!segment) return h("p", { class: "hint" }, "Its connection is not drawn in this page: too much to hold. Correlate again with a --filter for it, and it will be.");
  const frames = e.evidence.map(v => v.frame && findFrame(chart, v.frame)).concat((e.more.one_of || []).map(f => findFrame(chart, f)));
  if (e.more.arrival) frames.push(findFrame(chart, e.more.arrival));
  const due = e.due === null || !["lost", "unresolved"].includes(e.kind) ? null
    : { t: e.due - chart.shift, point: 1 - e.hop, text: names[1 - e.hop] + " must have had it by now", short: "due by now" };
  return [ladder(chart, { focus: [segment], also: frames.filter(Boolean), due, label: "Ladder of event " + e.id }), ladderKey()];
}

function eventItem(e, open) {
  const summary = [badge(e.kind, e.kind), badge(e.level, e.level), " ", frameName(e.frame) + ": " + segmentInfo(e), " ",
    h("span", { class: "hint" }, clockTime(base, e.time) + (e.segments > 1 ? ", " + (e.more.estimated ? "about " : "") + count(e.segments) + " segments" : ""))];
  return folding({ class: "event", "data-event": e.id, open }, h("span", {}, summary), () => [
    h("p", {}, eventSentence(e) + ". Connection ", h("a", { href: "#connection-" + e.connection }, e.connection), "."),
    e.more.changed ? h("p", {}, "Changed: " + changeText(e.more.changed) + ".") : null,
    e.more.late_ns ? h("p", {}, "Late by " + duration(e.more.late_ns) + (e.more.extent ? ", extent " + e.more.extent : "") + ".") : null,
    e.more.n_one_of ? h("p", {}, "One of " + count(e.more.n_one_of) + " that cannot be told apart: " + e.more.one_of.map(frameName).join(", ") + ".") : null,
    e.more.candidates ? h("p", {}, "May be: " + e.more.candidates.join(", ") + ".") : null,
    evidenceList(e.evidence), eventLadder(e)].flat());
}

function segmentInfo(e) {
  return "[" + flagNames(e.flags).replace(/,/g, ", ") + "] seq " + e.seq + (e.len ? ", " + things(e.len, "byte") : "");
}

/* A list that shows more on demand. */
function longList(items, make, step, word) {
  const list = h("div", { class: "long" });
  let shown = 0;
  const more = button("", () => show());
  const show = () => {
    const first = shown;
    items.slice(shown, shown + step).forEach(item => list.insertBefore(make(item, shown++), more));
    more.textContent = "Show " + count(Math.min(step, items.length - shown)) + " more of " + things(items.length, word);
    if (shown >= items.length) more.remove();
    else if (first) list.children[first].querySelector("summary, a, button").focus();
  };
  list.append(more);
  show();
  return list;
}

/* ---- findings ---- */

function detailText(key, v) {
  if (typeof v === "boolean") return v ? "yes" : "no";
  if (typeof v !== "number") return v;
  if (/(^|_)ratio(_|$)/.test(key)) return percent(v, 1);
  if (/(^|_)seconds(_|$)|_s$/.test(key)) return duration(v * 1e9);
  if (key.endsWith("_ns")) return key.startsWith("from") || key.startsWith("to") || key.startsWith("time") || key.startsWith("first") || key.startsWith("second") ? moment(v) : duration(v);
  return v !== 0 && Math.abs(v) < 1e-4 ? v.toExponential(1) : v.toLocaleString("en", { maximumSignificantDigits: 6 });
}

/* Of JSON's own number of nanoseconds since 1970 only the first digits are exact here: to the microsecond. */
function moment(ns) {
  return new Date(ns / 1e6).toISOString().replace("Z", "") + "Z";
}

/* How much of a finding its packets are: a super-segment is one packet and counts as the segments that it became. */
function listedOf(finding, list) {
  const segments = d3.sum(list, e => e.segments);
  if (list.length < finding.events.length || (finding.events.length >= 100 && segments < finding.count)) return ` (the first ${count(list.length)})`;
  return segments > list.length && segments === finding.count ? ` (${things(list.length, "packet")}, ${count(segments)} segments)` : "";
}

function findingBody(finding) {
  const list = finding.events.map(id => events.get(id)).filter(Boolean);
  const frames = list.flatMap(e => [e.frame, e.more.arrival].concat(e.evidence.map(v => v.frame))).filter(Boolean);
  const details = Object.entries(finding.details).filter(([, v]) => v !== null && typeof v !== "object");
  return [
    h("p", { class: "text" }, finding.text),
    details.length ? h("dl", { class: "details" }, details.map(([k, v]) => h("div", {}, h("dt", {}, k.replace(/_n?s$/, "").replace(/^seconds_/, "time_").replace(/_/g, " ")), h("dd", {}, detailText(k, v))))) : null,
    finding.n_connections && finding.n_connections <= 12 ? h("p", {}, "Connections: ", finding.connections.map((id, i) => [i ? ", " : "", h("a", { href: "#connection-" + id }, id)])) : null,
    ...findingCharts(finding),
    frames.length ? h("div", { class: "filters" }, filters(frames)) : null,
    list.length ? h("h4", {}, "Evidence, packet by packet" + listedOf(finding, list)) : null,
    list.length ? longList(list, e => eventItem(e), 5, "packet") : null].filter(Boolean);
}

function showFindings(section) {
  section.append(h("h2", { id: "findings-h" }, report.findings.length ? "Findings" : "No findings"));
  const order = { error: 0, warning: 1, note: 2 };
  const sorted = report.findings.slice().sort((a, b) => order[a.severity] - order[b.severity] || a.id - b.id);
  sorted.forEach((finding, i) => section.append(folding({ class: "card finding " + finding.severity, "data-finding": finding.finding, open: i === 0 && finding.severity !== "note" }, h("span", {},
    badge(finding.severity, finding.severity), " ", h("strong", {}, finding.finding), ", ", h("span", {}, finding.level),
    finding.from && finding.to ? ", " + finding.from + " \u2192 " + finding.to : finding.from ? ", " + finding.from : "",
    h("span", { class: "lead" }, finding.text)), () => findingBody(finding))));
}

/* ---- resets ---- */

/* A train tells the story of the one behind it, where that repeats it: its own frames and those. */
function trainRepeats(train) {
  const next = train.repeats ? report.resets.find(t => t.told && t.connection === train.connection && t.hop === train.hop && t.id > train.id) : null;
  return next || null;
}

function trainFrames(train) {
  const next = trainRepeats(train);
  return train.frames.concat(next ? next.frames : []);
}

function evidenceFrames(evidence) {
  return evidence.filter(e => e.frame).map(e => [names.indexOf(e.frame.point), e.frame.file, e.frame.frame]);
}

function trainLadder(train) {
  const chart = charts.get(train.connection);
  if (!chart) return h("p", { class: "hint" }, "Its connection is not drawn in this page: too much to hold. Correlate again with a --filter for it, and it will be.");
  const focus = trainFrames(train).map(f => findFrame(chart, f)).filter(Boolean);
  const also = evidenceFrames(train.evidence).map(f => findFrame(chart, f)).filter(Boolean);
  const due = train.due === null ? null : { t: train.due - chart.shift, point: 1 - train.hop, text: "from here on " + names[1 - train.hop] + (train.arrived && !train.lost ? " knew" : " must have known"), short: train.arrived && !train.lost ? "knew" : "must have known" };
  const peer = due ? chart.points[1 - train.hop].filter(s => s.hop === 1 - train.hop && s.t > due.t && !(s.flags & RST)).slice(0, 2) : [];
  return [ladder(chart, { focus, also: also.concat(peer), due, label: "Ladder of reset train " + train.id }), ladderKey()];
}

function trainItem(train, open) {
  const n = train.count + train.repeats, repeats = trainRepeats(train), caseName = { 1: "case one", 2: "case two", 3: "case three", normal: "normal" }[train.case];
  const summary = h("span", {}, badge(train.fate, train.fate), badge(train.level, train.level), " ", h("strong", {}, things(n, "reset")), ", " + way(train.hop),
    caseName ? ", " + caseName : "", ", connection " + train.connection, h("span", { class: "hint" }, " " + clockTime(base, train.time)), h("span", { class: "lead" }, train.story.join(" ")));
  return folding({ class: "card train", "data-train": train.id, open }, summary, () => [
    h("p", { class: "text" }, train.story.join(" ")), ...[trainLadder(train)].flat(),
    h("div", { class: "filters" }, filters(trainFrames(train).concat(evidenceFrames(train.evidence), repeats ? evidenceFrames(repeats.evidence) : []))),
    train.evidence.length ? evidenceList(train.evidence) : null,
    repeats ? folding({ class: "calm", "data-train": repeats.id }, count(repeats.count) + " of them" + ": why they followed", () => [h("p", {}, repeats.story.join(" ")), evidenceList(repeats.evidence)]) : null,
    h("p", {}, h("a", { href: "#connection-" + train.connection }, "Connection " + train.connection + ", with its charts"))].filter(Boolean));
}

function showResets(section) {
  const news = report.resets.filter(t => t.news && !t.told), normal = report.resets.filter(t => !t.news && !t.told);
  if (!report.resets.length) return;
  section.append(h("h2", { id: "resets-h" }, "Resets"));
  if (news.length) section.append(longList(news, (t, i) => trainItem(t, i === 0), 20, "train"));
  if (normal.length) section.append(folding({ class: "calm" }, things(normal.length, "reset train") + " that are normal: everything had been delivered", () => longList(normal, t => trainItem(t), 20, "train")));
}

function showPackets(section) {
  if (!left.events[0]) return;
  section.append(h("h2", { id: "packets-h" }, "Packets"));
  section.append(folding({ class: "calm" }, "All " + things(left.events[0], "packet event") + (left.events[0] < left.events[1] ? ` of ${count(left.events[1])}` : "") + ", each with its evidence and its ladder", () => {
    const kinds = [...new Set(events.all().map(e => e.kind))], box = h("div", {});
    const fill = kind => {
      const list = events.all().filter(e => !kind || e.kind === kind).sort((a, b) => a.time - b.time || a.id - b.id);
      box.replaceChildren(longList(list, e => eventItem(e), 25, "packet"));
    };
    const choose = h("select", { onchange: () => fill(choose.value) }, h("option", { value: "" }, "all"), kinds.map(k => h("option", { value: k }, k)));
    fill("");
    return [h("p", { class: "tools" }, h("label", {}, "Show ", choose)), box];
  }));
}
