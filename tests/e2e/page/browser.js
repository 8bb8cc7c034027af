/* Chromium with the page in it, and what every test of it asks: no word on the console, no request but for the file. */
"use strict";
const path = require("path");

function load(modules) {
  return require(path.join(modules, "playwright-core"));
}

class Failures {
  constructor() { this.list = []; this.checks = 0; }
  check(what, ok, detail) {
    this.checks++;
    if (!ok) this.list.push(what + (detail === undefined ? "" : ": " + detail));
  }
  equal(what, got, wanted) {
    this.check(what, JSON.stringify(got) === JSON.stringify(wanted), `got ${JSON.stringify(got)}, wanted ${JSON.stringify(wanted)}`);
  }
}

/* Opens file#hash; the page's faults go into `failures`. Returns { page, context, ready: milliseconds }. */
async function open(browser, file, failures, options) {
  const settings = Object.assign({ viewport: { width: 1280, height: 900 }, colorScheme: "light" }, options);
  const context = await browser.newContext(settings);
  const page = await context.newPage();
  const url = "file://" + file;
  page.on("console", m => failures.check("console", false, m.type() + " " + m.text()));
  page.on("pageerror", e => failures.check("script", false, e.stack || e.message));
  page.on("request", r => failures.check("request", r.url().split("#")[0] === encodeURI(url) || r.url().startsWith("data:,"), r.url()));
  const start = process.hrtime.bigint();
  await page.goto(encodeURI(url) + (options && options.hash || ""), { waitUntil: "domcontentloaded", timeout: 60000 });
  await page.waitForSelector("body[data-ready]", { timeout: 60000 });
  await page.evaluate(() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done))));
  return { page, context, ready: Number((process.hrtime.bigint() - start) / 1000000n) };
}

async function withBrowser(modules, chromium, work) {
  const browser = await load(modules).chromium.launch({ executablePath: chromium, args: ["--no-sandbox", "--disable-gpu"] });
  try {
    return await work(browser);
  } finally {
    await browser.close();
  }
}

/* Let a drawing that waits for its size come. */
async function settled(page, locator) {
  await locator.first().waitFor({ state: "visible", timeout: 15000 });
  await page.evaluate(() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done))));
}

module.exports = { Failures, open, withBrowser, settled };
