/* What the page draws against what report.json and events.ndjson say:
 *     node counts.js MODULES CHROMIUM SHOTS NAME PAGE JSON EVENTS [thinned] */
"use strict";
const fs = require("fs");
const { Failures, open, withBrowser, settled } = require("./browser.js");

const [modules, chromium, shots, name, file, jsonFile, eventsFile, thinned] = process.argv.slice(2);
const report = JSON.parse(fs.readFileSync(jsonFile, "utf8"));
const events = fs.readFileSync(eventsFile, "utf8").trim().split("\n").slice(1).map(line => JSON.parse(line));
const failures = new Failures();
const points = report.points.map(p => p.name);
const sum = (list, value) => list.reduce((n, x) => n + value(x), 0);

/* As a click would, at once: real clicks and keys are use.js's. */
function press(locator) {
  return locator.evaluate(element => element.click());
}

async function checkHead(page) {
  failures.equal("verdict", await page.locator("#verdict").textContent(), report.summary.verdict);
  failures.equal("points", await page.locator("#glance .card h3").allTextContents(), points.concat("Window and clocks"));
  failures.equal("findings", (await page.locator(".finding").evaluateAll(l => l.map(e => e.dataset.finding))).sort(), report.findings.map(f => f.finding).sort());
  const numbers = await page.locator(".numbers tbody tr").evaluateAll(rows => rows.map(r => [...r.children].map(c => c.textContent)));
  const row = label => (numbers.find(r => r[0] === label) || []).slice(1).map(t => Number(t.replace(/,/g, "")));
  failures.equal("segments sent", row("segments sent"), report.summary.hops.map(h => h.sent));
  failures.equal("lost", row("lost"), report.summary.hops.map(h => h.lost));
}

async function checkFindings(page) {
  for (const finding of await page.locator(".finding").all()) {
    const kind = await finding.getAttribute("data-finding");
    if ((await finding.getAttribute("open")) === null) await press(finding.locator("> summary"));
    const text = await finding.locator("> .text").textContent();
    const wanted = report.findings.find(f => f.finding === kind && f.text === text);
    failures.check("finding " + kind, wanted, "no finding of report.json has the text " + text);
    if (!wanted) continue;
    for (let more = finding.locator(".long > button"); await more.count(); more = finding.locator(".long > button")) await press(more.first());
    failures.equal("events of " + kind, await finding.locator(".event").evaluateAll(l => l.map(e => Number(e.dataset.event))), wanted.events);
    await press(finding.locator("> summary"));
  }
}

/* Its ladder, unfolded: as many arrows of its resets as there are, each with its end. */
async function checkTrain(page, train, item) {
  const repeats = await item.locator("[data-train]").evaluateAll(l => l.map(e => Number(e.dataset.train)));
  const all = [train].concat(report.resets.filter(t => repeats.includes(t.id)));
  if (all.some(t => t.frames.length >= 100)) return;
  await settled(page, item.locator("svg.ladder"));
  const before = Number(await item.locator("svg.ladder").getAttribute("data-shown"));
  const unfold = item.locator(".ladder-box .tools button");
  if (await unfold.count()) await press(unfold);
  const svg = item.locator("svg.ladder"), shown = Number(await svg.getAttribute("data-shown"));
  failures.check(`train ${train.id} unfolds`, shown >= before && shown === Number(await svg.getAttribute("data-of")), shown);
  const arrows = kind => item.locator("g:not(.words) > .travel.meant.reset" + kind).count();
  failures.equal(`train ${train.id}: resets`, await arrows(""), sum(all, t => t.count));
  failures.equal(`train ${train.id}: lost`, await arrows(".lost"), sum(all, t => t.lost));
  failures.equal(`train ${train.id}: crosses`, await item.locator("g:not(.words) > .travel.meant.lost .end.cross").count(), sum(all, t => t.lost));
  if (train.sent_by === "path") failures.equal(`train ${train.id}: from nowhere`, await item.locator(".travel.meant.injected .start.nowhere").count(), train.count);
  if (train.lost) failures.equal(`train ${train.id}: the moment when it was due`, await item.locator(".due").count(), 1);
  const frames = await item.locator(".words .meant .frame").allTextContents();
  all.forEach(t => t.frames.forEach(f => failures.check(`train ${train.id}: frame ${f.point} ${f.frame}`, frames.includes(String(f.frame)))));
}

async function checkResets(page) {
  const normal = page.locator("#resets > details.calm");
  if (await normal.count()) await press(normal.locator("> summary"));
  for (const item of await page.locator(".train").all()) {
    const id = Number(await item.getAttribute("data-train")), wanted = report.resets.find(t => t.id === id);
    if ((await item.getAttribute("open")) === null) await press(item.locator("> summary"));
    failures.check(`train ${id}`, wanted);
    if (wanted) await checkTrain(page, wanted, item);
  }
  const ids = await page.locator("[data-train]").evaluateAll(l => l.map(e => Number(e.dataset.train)).sort((a, b) => a - b));
  failures.equal("reset trains", ids, report.resets.map(t => t.id));
}

/* Every loss has a ladder, with its frame and a cross. */
async function checkLosses(page) {
  const packets = page.locator("#packets > details");
  if (!(await packets.count())) { failures.equal("packet events", 0, events.length); return; }
  await press(packets.locator("> summary"));
  for (let more = packets.locator(".long > button"); await more.count(); more = packets.locator(".long > button")) await press(more);
  failures.equal("packet events", (await packets.locator(".event").evaluateAll(l => l.map(e => Number(e.dataset.event)))).sort((a, b) => a - b), events.map(e => e.id));
  const chosen = events.filter(e => e.event === "lost").slice(0, 12).concat(events.filter(e => e.event !== "lost").slice(0, 8));
  for (const event of chosen) {
    const item = packets.locator(`.event[data-event="${event.id}"]`);
    await press(item.locator("> summary"));
    await settled(page, item.locator("svg.ladder"));
    const frames = await item.locator(".words .meant .frame").allTextContents();
    failures.check(`event ${event.id}: frame ${event.frame} is on its ladder`, frames.some(f => f.split(":").pop() === String(event.frame)), frames);
    failures.check(`event ${event.id}: is drawn as ${event.event}`, await item.locator("g:not(.words) > .travel.meant." + event.event).count() >= 1);
    if (event.event === "lost") failures.check(`event ${event.id}: a cross`, await item.locator(".meant .end.cross").count() >= 1);
    failures.equal(`event ${event.id}: evidence`, await item.locator(".evidence .rule").allTextContents(), event.evidence.map(v => v.rule));
    await press(item.locator("> summary"));
  }
}

async function checkSequence(page, connection, hop) {
  const figure = page.locator(`[data-sequence="${hop}"]`), numbers = connection.hops[hop], label = `connection ${connection.id}, ${points[hop]}`;
  if (!(await figure.count())) { failures.equal(label + ": frames", 0, numbers.frames_from); return; }
  await settled(page, figure.locator("svg.sequence"));
  const drawn = await figure.locator("svg.sequence").evaluate(f => {
    const marks = kind => [...f.querySelectorAll(".mark." + kind)];
    return {
      sent: Number(f.querySelector("path.sent").dataset.n), arrived: Number(f.querySelector("path.arrived").dataset.n),
      bars: f.querySelector("path.sent").getAttribute("d").length > 0,
      resets: marks("reset").length, lost: marks("lost").reduce((n, m) => n + Number(m.dataset.segments), 0), injected: marks("injected").length,
      again: marks("again").concat(marks("vain")).reduce((n, m) => n + Number(m.dataset.segments), 0), vain: marks("vain").reduce((n, m) => n + Number(m.dataset.segments), 0),
      band: f.querySelector("path.band") ? f.querySelector("path.band").getAttribute("d").length : 0
    };
  });
  const own = events.filter(e => e.connection === connection.id && e.from === points[hop]), of = kind => own.filter(e => e.event === kind);
  const injectedResets = own.filter(e => e.seen_at !== points[hop] && e.flags.includes("RST")).length;
  const frames = drawn.sent + drawn.resets - injectedResets;
  if (thinned) failures.check(label + ": a part of the frames", frames > 100 && frames < numbers.frames_from, frames);
  else failures.equal(label + ": frames sent", frames, numbers.frames_from);
  failures.equal(label + ": lost", drawn.lost, sum(of("lost"), e => e.segments));
  failures.equal(label + ": injected", drawn.injected, of("injected").length);
  failures.equal(label + ": retransmitted", drawn.again, numbers.retransmitted);
  failures.equal(label + ": for nothing", drawn.vain, numbers.spurious);
  if (drawn.sent) failures.check(label + ": bars", drawn.bars);
  if (drawn.sent && numbers.delay_ns.min !== null && numbers.delay_ns.error !== null) failures.check(label + ": the band of the clocks' error", drawn.band > 0);
}

async function checkConnections(page) {
  for (const connection of report.connections) {
    await page.evaluate(id => { location.hash = "connection-" + id; }, connection.id);
    await page.locator(`#one h3#connection-${connection.id}`).waitFor({ timeout: 15000 });
    for (const hop of [0, 1]) await checkSequence(page, connection, hop);
  }
}

async function checkPath(page) {
  for (const hop of [0, 1]) {
    const numbers = report.summary.hops[hop];
    if (!numbers.lost) continue;
    const card = page.locator("#path details").nth(report.summary.hops.slice(0, hop).filter(h => h.lost).length);
    await settled(page, card.locator("svg.bars"));
    const got = await card.evaluate(c => {
      const table = n => [...c.querySelectorAll("table")[n].querySelectorAll("tbody tr")].map(r => [Number(r.dataset.sent), Number(r.dataset.lost)]);
      return { sent: Number(c.querySelector(".sent-area").dataset.sent), lost: [...c.querySelectorAll(".lost-bar")].reduce((n, b) => n + Number(b.dataset.lost), 0), sizes: table(0), flows: table(1) };
    });
    failures.equal("along time, sent", got.sent, numbers.sent);
    failures.equal("along time, lost", got.lost, numbers.lost);
    failures.equal("by size", [sum(got.sizes, r => r[0]), sum(got.sizes, r => r[1])], [numbers.sent, numbers.lost]);
    const flows = report.connections.filter(c => c.hops[hop].lost).map(c => [c.hops[hop].sent, c.hops[hop].lost]).sort((a, b) => b[1] - a[1] || b[0] - a[0]);
    failures.equal("by flow", got.flows, flows.slice(0, 20));
  }
}

withBrowser(modules, chromium, async browser => {
  const { page, ready } = await open(browser, file, failures);
  await page.screenshot({ path: `${shots}/${name}-light.png`, fullPage: true });
  await checkHead(page);
  await checkPath(page);
  await checkFindings(page);
  await checkResets(page);
  await checkLosses(page);
  await checkConnections(page);
  failures.equal("it is said where a part is drawn", await page.locator("#one .notice").filter({ hasText: "A long connection" }).count(), thinned ? 1 : 0);
  const wanted = report.connections.length;
  failures.equal("rows", await page.locator("#table tbody tr").count(), Math.min(50, wanted));
  await page.screenshot({ path: `${shots}/${name}-opened.png`, fullPage: true });
  console.log(`${name}: ${failures.checks} checks, ${failures.list.length} failures, open in ${ready} ms`);
}).then(() => {
  failures.list.slice(0, 20).forEach(f => console.log(`WRONG: ${name}: ${f}`));
  process.exit(failures.list.length ? 1 : 0);
}, e => { console.log("WRONG:", e.stack); process.exit(1); });
