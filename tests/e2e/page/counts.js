/* What pages draw against what their report.json and events.ndjson say:
 *     node counts.js MODULES CHROMIUM SHOTS FOLDER NAME...
 * of FOLDER/NAME.html, .json, .ndjson and .md; a NAME that ends in "+" is of a connection that is drawn in part. */
"use strict";
const fs = require("fs");
const { Failures, open, withBrowser, settled } = require("./browser.js");

const [modules, chromium, shots, folder, ...pages] = process.argv.slice(2);
const AT_ONCE = 2;
const sum = (list, value) => list.reduce((n, x) => n + value(x), 0);

/* As a click would, at once: real clicks and keys are use.js's. */
function press(locator) {
  return locator.evaluate(element => element.click());
}

class Drawn {
  constructor(asked) {
    this.name = asked.replace("+", "");
    this.thinned = asked.endsWith("+");
    this.file = `${folder}/${this.name}`;
    this.report = JSON.parse(fs.readFileSync(this.file + ".json", "utf8"));
    this.events = fs.readFileSync(this.file + ".ndjson", "utf8").trim().split("\n").slice(1).map(line => JSON.parse(line));
    this.text = fs.readFileSync(this.file + ".md", "utf8").split("\n");
    this.failures = new Failures();
    this.points = this.report.points.map(p => p.name);
  }

  async checkHead(page) {
    this.failures.equal("verdict", await page.locator("#verdict").textContent(), this.report.summary.verdict);
    this.failures.equal("this.points", await page.locator("#glance .card h3").allTextContents(), this.points.concat("Window and clocks"));
    this.failures.equal("findings", (await page.locator(".finding").evaluateAll(l => l.map(e => e.dataset.finding))).sort(), this.report.findings.map(f => f.finding).sort());
    const numbers = await page.locator(".numbers tbody tr").evaluateAll(rows => rows.map(r => [...r.children].map(c => c.textContent)));
    const row = label => (numbers.find(r => r[0] === label) || []).slice(1).map(t => Number(t.replace(/,/g, "")));
    this.failures.equal("segments sent", row("segments sent"), this.report.summary.hops.map(h => h.sent));
    this.failures.equal("lost", row("lost"), this.report.summary.hops.map(h => h.lost));
  }

  async checkFindings(page) {
    for (const finding of await page.locator(".finding").all()) {
      const kind = await finding.getAttribute("data-finding");
      if ((await finding.getAttribute("open")) === null) await press(finding.locator("> summary"));
      const text = await finding.locator("> .text").textContent();
      const wanted = this.report.findings.find(f => f.finding === kind && f.text === text);
      this.failures.check("finding " + kind, wanted, "no finding of this.report.json has the text " + text);
      if (!wanted) continue;
      for (let more = finding.locator(".long > button"); await more.count(); more = finding.locator(".long > button")) await press(more.first());
      this.failures.equal("this.events of " + kind, await finding.locator(".event").evaluateAll(l => l.map(e => Number(e.dataset.event))), wanted.events);
      await this.checkFilters(finding, kind);
      await press(finding.locator("> summary"));
    }
  }

  /* A finding's filters are those of the text report, which markdown.sh gives to tshark. */
  async checkFilters(finding, kind) {
    for (const filter of await finding.locator("> .filters .filter").all()) {
      const label = (await filter.locator(".label").textContent()).replace("Wireshark, ", "").replace(", file", " file");
      const line = `- ${label}: \`${await filter.locator("code").textContent()}\``;
      this.failures.check("a filter of " + kind, this.text.includes(line), line);
    }
  }

  /* Its ladder, unfolded: as many arrows of its resets as there are, each with its end. */
  async checkTrain(page, train, item) {
    const repeats = await item.locator("[data-train]").evaluateAll(l => l.map(e => Number(e.dataset.train)));
    const all = [train].concat(this.report.resets.filter(t => repeats.includes(t.id)));
    if (all.some(t => t.frames.length >= 100)) return;
    await settled(page, item.locator("svg.ladder"));
    const before = Number(await item.locator("svg.ladder").getAttribute("data-shown"));
    const unfold = item.locator(".ladder-box .tools button");
    if (await unfold.count()) await press(unfold);
    const svg = item.locator("svg.ladder"), shown = Number(await svg.getAttribute("data-shown"));
    this.failures.check(`train ${train.id} unfolds`, shown >= before && shown === Number(await svg.getAttribute("data-of")), shown);
    const arrows = kind => item.locator("g:not(.words) > .travel.meant.reset" + kind).count();
    this.failures.equal(`train ${train.id}: resets`, await arrows(""), sum(all, t => t.count));
    this.failures.equal(`train ${train.id}: lost`, await arrows(".lost"), sum(all, t => t.lost));
    this.failures.equal(`train ${train.id}: crosses`, await item.locator("g:not(.words) > .travel.meant.lost .end.cross").count(), sum(all, t => t.lost));
    if (train.sent_by === "path") this.failures.equal(`train ${train.id}: from nowhere`, await item.locator(".travel.meant.injected .start.nowhere").count(), train.count);
    if (train.lost) this.failures.equal(`train ${train.id}: the moment when it was due`, await item.locator(".due").count(), 1);
    const frames = await item.locator(".words .meant .frame").allTextContents();
    all.forEach(t => t.frames.forEach(f => this.failures.check(`train ${train.id}: frame ${f.point} ${f.frame}`, frames.includes(String(f.frame)))));
  }

  async checkResets(page) {
    const normal = page.locator("#resets > details.calm");
    if (await normal.count()) await press(normal.locator("> summary"));
    for (const item of await page.locator(".train").all()) {
      const id = Number(await item.getAttribute("data-train")), wanted = this.report.resets.find(t => t.id === id);
      if ((await item.getAttribute("open")) === null) await press(item.locator("> summary"));
      this.failures.check(`train ${id}`, wanted);
      if (wanted) await this.checkTrain(page, wanted, item);
      await press(item.locator("> summary")); /* what stays open is painted with every frame */
    }
    const ids = await page.locator("[data-train]").evaluateAll(l => l.map(e => Number(e.dataset.train)).sort((a, b) => a - b));
    this.failures.equal("reset trains", ids, this.report.resets.map(t => t.id));
  }

  /* Every loss has a ladder, with its frame and a cross. */
  async checkLosses(page) {
    const packets = page.locator("#packets > details");
    if (!(await packets.count())) { this.failures.equal("packet this.events", 0, this.events.length); return; }
    await press(packets.locator("> summary"));
    for (let more = packets.locator(".long > button"); await more.count(); more = packets.locator(".long > button")) await press(more);
    this.failures.equal("packet this.events", (await packets.locator(".event").evaluateAll(l => l.map(e => Number(e.dataset.event)))).sort((a, b) => a - b), this.events.map(e => e.id));
    const chosen = this.events.filter(e => e.event === "lost").slice(0, 12).concat(this.events.filter(e => e.event !== "lost").slice(0, 8));
    for (const event of chosen) {
      const item = packets.locator(`.event[data-event="${event.id}"]`);
      await press(item.locator("> summary"));
      await settled(page, item.locator("svg.ladder"));
      const frames = await item.locator(".words .meant .frame").allTextContents();
      this.failures.check(`event ${event.id}: frame ${event.frame} is on its ladder`, frames.some(f => f.split(":").pop() === String(event.frame)), frames);
      this.failures.check(`event ${event.id}: is drawn as ${event.event}`, await item.locator("g:not(.words) > .travel.meant." + event.event).count() >= 1);
      if (event.event === "lost") this.failures.check(`event ${event.id}: a cross`, await item.locator(".meant .end.cross").count() >= 1);
      this.failures.equal(`event ${event.id}: evidence`, await item.locator(".evidence .rule").allTextContents(), event.evidence.map(v => v.rule));
      await press(item.locator("> summary"));
    }
  }

  async checkSequence(page, connection, hop) {
    const figure = page.locator(`[data-sequence="${hop}"]`), numbers = connection.hops[hop], label = `connection ${connection.id}, ${this.points[hop]}`;
    if (!(await figure.count())) { this.failures.equal(label + ": frames", 0, numbers.frames_from); return; }
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
    const own = this.events.filter(e => e.connection === connection.id && e.from === this.points[hop]), of = kind => own.filter(e => e.event === kind);
    const injectedResets = own.filter(e => e.seen_at !== this.points[hop] && e.flags.includes("RST")).length;
    const frames = drawn.sent + drawn.resets - injectedResets;
    if (this.thinned) this.failures.check(label + ": a part of the frames", frames > 100 && frames < numbers.frames_from, frames);
    else this.failures.equal(label + ": frames sent", frames, numbers.frames_from);
    this.failures.equal(label + ": lost", drawn.lost, sum(of("lost"), e => e.segments));
    this.failures.equal(label + ": injected", drawn.injected, of("injected").length);
    this.failures.equal(label + ": retransmitted", drawn.again, numbers.retransmitted);
    this.failures.equal(label + ": for nothing", drawn.vain, numbers.spurious);
    if (drawn.sent) this.failures.check(label + ": bars", drawn.bars);
    if (drawn.sent && numbers.delay_ns.min !== null && numbers.delay_ns.error !== null) this.failures.check(label + ": the band of the clocks' error", drawn.band > 0);
  }

  async checkConnections(page) {
    for (const connection of this.report.connections) {
      await page.evaluate(id => { location.hash = "connection-" + id; }, connection.id);
      await page.locator(`#one h3#connection-${connection.id}`).waitFor({ timeout: 15000 });
      for (const hop of [0, 1]) await this.checkSequence(page, connection, hop);
    }
  }

  async checkPath(page) {
    for (const hop of [0, 1]) {
      const numbers = this.report.summary.hops[hop];
      if (!numbers.lost) continue;
      const card = page.locator("#path details").nth(this.report.summary.hops.slice(0, hop).filter(h => h.lost).length);
      await settled(page, card.locator("svg.bars"));
      const got = await card.evaluate(c => {
        const table = n => [...c.querySelectorAll("table")[n].querySelectorAll("tbody tr")].map(r => [Number(r.dataset.sent), Number(r.dataset.lost)]);
        return { sent: Number(c.querySelector(".sent-area").dataset.sent), lost: [...c.querySelectorAll(".lost-bar")].reduce((n, b) => n + Number(b.dataset.lost), 0), sizes: table(0), flows: table(1) };
      });
      this.failures.equal("along time, sent", got.sent, numbers.sent);
      this.failures.equal("along time, lost", got.lost, numbers.lost);
      this.failures.equal("by size", [sum(got.sizes, r => r[0]), sum(got.sizes, r => r[1])], [numbers.sent, numbers.lost]);
      const flows = this.report.connections.filter(c => c.hops[hop].lost).map(c => [c.hops[hop].sent, c.hops[hop].lost]).sort((a, b) => b[1] - a[1] || b[0] - a[0]);
      this.failures.equal("by flow", got.flows, flows.slice(0, 20));
    }
  }

  async check(browser) {
    const { page, context, ready } = await open(browser, this.file + ".html", this.failures);
    await page.screenshot({ path: `${shots}/${this.name}-light.png`, fullPage: true });
    await this.checkHead(page);
    await this.checkPath(page);
    await this.checkFindings(page);
    await this.checkResets(page);
    await this.checkLosses(page);
    await this.checkConnections(page);
    this.failures.equal("it is said where a part is drawn", await page.locator("#one .notice").filter({ hasText: "A long connection" }).count(), this.thinned ? 1 : 0);
    this.failures.equal("rows", await page.locator("#table tbody tr").count(), Math.min(50, this.report.connections.length));
    await page.locator("#one").screenshot({ path: `${shots}/${this.name}-connection.png` });
    await context.close();
    console.log(`${this.name}: ${this.failures.checks} checks, ${this.failures.list.length} failures, open in ${ready} ms`);
    this.failures.list.slice(0, 20).forEach(f => console.log(`WRONG: ${this.name}: ${f}`));
    return this.failures.list.length;
  }
}

withBrowser(modules, chromium, async browser => {
  const waiting = pages.slice();
  let wrong = 0;
  const work = async () => {
    while (waiting.length) wrong += await new Drawn(waiting.shift()).check(browser);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return wrong;
}).then(wrong => process.exit(wrong ? 1 : 0), e => { console.log("WRONG:", e.stack); process.exit(1); });
