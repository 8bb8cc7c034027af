/* The page as it is used: keyboard, zoom, table, screens, colours, paper.
 *     node use.js MODULES CHROMIUM SHOTS CASE-THREE-PAGE HOSTILE-PAGE REDACTED-PAGE LARGE-PAGE LARGE-CONNECTIONS LARGE-LOST (as the text has them) */
"use strict";
const fs = require("fs");
const { Failures, open, withBrowser, settled } = require("./browser.js");

const [modules, chromium, shots, story, hostile, redacted, large, largeConnections, largeLost] = process.argv.slice(2);
const failures = new Failures();

async function focusOn(page, locator) {
  await locator.first().scrollIntoViewIfNeeded();
  await locator.first().focus();
}

/* Everything that can be reached by Tab shows that it has the focus, and the answer comes before it. */
async function checkTabs(page) {
  const met = [];
  for (let i = 0; i < 12; i++) {
    await page.keyboard.press("Tab");
    met.push(await page.evaluate(() => {
      const e = document.activeElement;
      return [e.tagName, e.textContent.slice(0, 30), getComputedStyle(e).outlineStyle];
    }));
  }
  failures.check("the first stop skips to the findings", met[0][1].includes("Skip"), JSON.stringify(met[0]));
  failures.check("stops show their focus", met.every(m => m[2] !== "none"), JSON.stringify(met));
  failures.check("a finding is reached", met.some(m => m[0] === "SUMMARY"), JSON.stringify(met));
}

async function checkLadderKeys(page) {
  const svg = page.locator(".train svg.ladder").first(), fold = page.locator(".train .fold").first();
  await settled(page, svg);
  await focusOn(page, svg);
  await page.keyboard.press("ArrowDown");
  failures.check("down goes to the first arrow", await page.evaluate(() => document.activeElement.matches(".travel")));
  failures.check("a tip tells of it", await page.locator("#tip").isVisible() && /Seq=/.test(await page.locator("#tip").textContent()));
  const first = await page.locator("#tip").textContent();
  await page.keyboard.press("ArrowDown");
  failures.check("down again tells of another", await page.locator("#tip").textContent() !== first);
  await page.keyboard.press("Escape");
  failures.check("escape hides the tip", !(await page.locator("#tip").isVisible()));
  const before = Number(await svg.getAttribute("data-shown"));
  await focusOn(page, fold);
  await page.keyboard.press("Enter");
  failures.check("enter unfolds", Number(await page.locator(".train svg.ladder").first().getAttribute("data-shown")) > before);
  await page.locator(".train .ladder-box .tools button").first().click();
  failures.equal("and the button folds again", Number(await page.locator(".train svg.ladder").first().getAttribute("data-shown")), before);
}

async function range(svg) {
  return svg.evaluate(s => [Number(s.dataset.from), Number(s.dataset.to)]);
}

async function checkZoom(page) {
  await page.evaluate(() => { location.hash = "connection-2"; });
  const svg = page.locator('[data-sequence="1"] svg.sequence'), buttons = page.locator('[data-sequence="1"] .tools button');
  await settled(page, svg);
  const bars = () => svg.locator("path.sent").getAttribute("d"), whole = await bars();
  await buttons.filter({ hasText: "Zoom in" }).click();
  const once = await range(svg);
  await buttons.filter({ hasText: "Zoom in" }).click();
  const twice = await range(svg);
  failures.check("zooming in halves what is seen", Math.abs((twice[1] - twice[0]) * 2 / (once[1] - once[0]) - 1) < 0.01, JSON.stringify([once, twice]));
  failures.check("and draws anew", await bars() !== whole);
  await focusOn(page, svg);
  await page.keyboard.press("-");
  const back = await range(svg);
  failures.check("minus zooms out", Math.abs((back[1] - back[0]) / (once[1] - once[0]) - 1) < 0.01, JSON.stringify([once, back]));
  await page.keyboard.press("ArrowLeft");
  failures.check("left moves", (await range(svg))[0] < back[0]);
  const box = await svg.boundingBox(), left = await range(svg);
  await page.mouse.move(box.x + box.width / 2, box.y + 100);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width / 2 - 120, box.y + 100, { steps: 4 });
  await page.mouse.up();
  failures.check("dragging moves", (await range(svg))[0] > left[0], JSON.stringify([left, await range(svg)]));
  await focusOn(page, svg);
  const dragged = await range(svg);
  await page.mouse.wheel(0, -400);
  await page.waitForFunction(([from, to]) => {
    const d = document.querySelector('[data-sequence="1"] svg.sequence').dataset;
    return Number(d.to) - Number(d.from) < to - from;
  }, dragged, { timeout: 10000 }).catch(() => failures.check("the wheel zooms", false));
  await focusOn(page, svg);
  await page.keyboard.press("0");
  failures.equal("0 shows all", await bars(), whole);
  await page.keyboard.press("ArrowDown");
  failures.check("down goes to a mark", await page.evaluate(() => document.activeElement.matches(".mark")));
  const layer = page.locator('[data-sequence="1"] .legend button').first();
  await layer.click();
  failures.check("a layer is switched off", !(await svg.locator("path.sent").isVisible()) && await layer.getAttribute("aria-pressed") === "false");
  await layer.click();
}

async function checkTable(page) {
  const ids = () => page.locator("#table tbody tr").evaluateAll(l => l.map(r => Number(r.dataset.connection)));
  const head = name => page.locator("#table thead button").filter({ hasText: name });
  failures.equal("the most troubled stands first", (await ids())[0], 2);
  await focusOn(page, head("#"));
  await page.keyboard.press("Enter");
  failures.equal("sorted by number", await ids(), [1, 2, 3]);
  await page.keyboard.press("Enter");
  failures.equal("and the other way round", await ids(), [3, 2, 1]);
  failures.equal("which is said", await page.locator("#table th").first().getAttribute("aria-sort"), "descending");
  await head("lost").click();
  failures.equal("sorted by losses", (await ids())[0], 2);
  await page.locator("#filter").fill("8080");
  await page.waitForFunction(() => document.querySelectorAll("#table tbody tr").length === 1, null, { timeout: 10000 });
  failures.equal("filtered by port", await ids(), [1]);
  await page.locator("#filter").fill("reset 443");
  await page.waitForFunction(() => (document.querySelector("#table tbody tr") || { dataset: {} }).dataset.connection === "2", null, { timeout: 10000 });
  failures.equal("filtered by two words", await ids(), [2]);
  await page.locator("#filter").fill("");
  await page.waitForFunction(() => document.querySelectorAll("#table tbody tr").length === 3, null, { timeout: 10000 });
  await page.locator("#trouble").check();
  failures.equal("troubled only", await ids(), [2]);
  await page.locator("#trouble").uncheck();
  await page.locator('#table a[href="#connection-3"]').click();
  await page.locator("h3#connection-3").waitFor();
  failures.check("a row links to its charts, which get the focus", await page.evaluate(() => document.activeElement.id === "connection-3"));
}

async function checkStory(browser) {
  const { page, context } = await open(browser, story, failures);
  await checkTabs(page);
  await checkLadderKeys(page);
  await checkTable(page);
  await checkZoom(page);
  await context.close();
}

/* At every width nothing but tables and code stands out over the side. */
async function checkScreens(browser) {
  for (const [name, options] of [["light", {}], ["dark", { colorScheme: "dark" }], ["narrow", { viewport: { width: 400, height: 800 } }], ["narrow-dark", { viewport: { width: 400, height: 800 }, colorScheme: "dark" }]]) {
    const { page, context } = await open(browser, story, failures, Object.assign({ hash: "#connection-2" }, options));
    await settled(page, page.locator('[data-sequence="1"] svg.sequence'));
    failures.check(name + ": nothing stands out", await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), await page.evaluate(() => document.documentElement.scrollWidth));
    const [ink, paper] = await page.evaluate(() => [getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor].map(c => c.match(/\d+/g).slice(0, 3).reduce((n, v) => n + Number(v), 0)));
    failures.check(name + ": ink on paper", name.includes("dark") ? ink - paper > 450 : paper - ink > 450, `${ink} on ${paper}`);
    await page.screenshot({ path: `${shots}/story-${name}.png`, fullPage: true });
    await context.close();
  }
  const { page, context } = await open(browser, story, failures, { colorScheme: "dark", viewport: { width: 794, height: 1123 }, hash: "#connection-2" });
  await settled(page, page.locator('[data-sequence="1"] svg.sequence'));
  await page.emulateMedia({ media: "print" });
  failures.equal("paper is white", await page.evaluate(() => getComputedStyle(document.body).backgroundColor), "rgb(255, 255, 255)");
  failures.check("no buttons on paper", !(await page.locator(".tools button").first().isVisible()));
  failures.check("the table fits on paper", await page.evaluate(() => document.querySelector("#table").getBoundingClientRect().right <= innerWidth));
  await page.screenshot({ path: `${shots}/story-print.png`, fullPage: true });
  await page.pdf({ path: `${shots}/story.pdf`, format: "A4" });
  await context.close();
}

/* Names of files that are HTML, that turn the direction of writing: seen as they are, and nothing of them runs. */
async function checkHostile(browser) {
  const { page, context } = await open(browser, hostile, failures);
  failures.equal("no element of theirs", await page.locator("img, iframe, object, b, body > script:not([type]):not(:nth-last-of-type(-n+2))").count(), 0);
  const paths = (await page.locator(".files .path").allTextContents()).join("\n");
  failures.check("the name is shown as it is", paths.includes("<img src=x onerror=alert(1)>") && paths.includes("<script>alert(2)<"), paths);
  failures.check("what turns the writing is spelled out", paths.includes("\\u{202e}") && !paths.includes("\u202e"), JSON.stringify(paths));
  const seen = await page.evaluate(() => document.body.innerText);
  failures.check("nothing of the terminal's, and nothing that is not seen", !/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e]/.test(seen.replace(/\r/g, "\n")));
  failures.check("that the capture breaks off is told", /breaks off|ends in the middle|cut|damaged|broken/i.test(seen), seen.slice(0, 600));
  await context.close();
  const text = fs.readFileSync(redacted, "utf8");
  failures.check("redacted: no address, no path", !/192\.168\.1\.10|198\.51\.100\.20|case-three/.test(text));
  const hidden = await open(browser, redacted, failures);
  failures.check("redacted: pseudonyms are shown", /198\.18\.0\.1/.test(await hidden.page.locator("#table").textContent()));
  await hidden.context.close();
}

async function checkLarge(browser) {
  const bytes = fs.statSync(large).size;
  failures.check("a large report stays below 20 MiB", bytes < 20 * 1024 * 1024, bytes);
  const first = await open(browser, large, failures);
  await first.context.close();
  const { page, context, ready } = await open(browser, large, failures);
  const said = await page.locator("#connections").textContent();
  failures.check("all connections are in the table", said.includes("of " + largeConnections + " connections shown"));
  failures.check("their number is known", /^[0-9]+,[0-9]{3}$/.test(largeConnections) && /^[0-9,]+$/.test(largeLost), largeConnections + " " + largeLost);
  const foot = await page.locator("#left-out").textContent();
  failures.check("what is left out is said", /Left out.*the packets of [0-9,]+ connections.*report\.json/.test(foot), foot);
  failures.check("and the losses", (await page.locator(".numbers").textContent()).includes(largeLost), largeLost);
  await page.locator("#table thead button").filter({ hasText: "lasted" }).click();
  const lasted = await page.locator("#table tbody tr").evaluateAll(l => l.length);
  failures.equal("a page of rows", lasted, 50);
  await page.locator("#connections > button").click();
  failures.equal("and the next", await page.locator("#table tbody tr").count(), 100);
  const id = await page.locator("#table tbody tr").last().getAttribute("data-connection");
  await page.locator("#filter").fill(id + " closed");
  await page.waitForFunction(n => document.querySelector("#table tbody tr").dataset.connection === n || document.querySelectorAll("#table tbody tr").length < 50, id, { timeout: 20000 });
  await page.evaluate(() => { location.hash = "connection-99999"; });
  await page.locator("#one .notice, #one svg.sequence").first().waitFor({ timeout: 15000 });
  await page.screenshot({ path: `${shots}/large.png` });
  await context.close();
  console.log(`large: ${bytes} bytes, opened in ${first.ready}, ${ready} ms`);
}

withBrowser(modules, chromium, async browser => {
  await checkStory(browser);
  await checkScreens(browser);
  await checkHostile(browser);
  await checkLarge(browser);
  console.log(`use: ${failures.checks} checks, ${failures.list.length} failures`);
}).then(() => {
  failures.list.slice(0, 20).forEach(f => console.log("WRONG: " + f));
  process.exit(failures.list.length ? 1 : 0);
}, e => { console.log("WRONG:", e.stack); failures.list.slice(0, 20).forEach(f => console.log("WRONG: " + f)); process.exit(1); });
