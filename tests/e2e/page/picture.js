/* The tutorial's picture: the first screen, and the ladder of the first train of resets.
 *     node picture.js MODULES CHROMIUM PAGE PNG */
"use strict";
const { Failures, open, withBrowser, settled } = require("./browser.js");

const [modules, chromium, file, png] = process.argv.slice(2);

withBrowser(modules, chromium, async browser => {
  const failures = new Failures();
  const { page } = await open(browser, file, failures, { viewport: { width: 1000, height: 800 } });
  await page.locator("#findings details").evaluateAll(list => list.forEach(details => { details.open = false; }));
  await settled(page, page.locator("#resets svg.ladder"));
  const box = await page.locator("#resets svg.ladder").first().boundingBox();
  await page.screenshot({ path: png, fullPage: true, clip: { x: 0, y: 0, width: 1000, height: box.y + box.height + 8 } });
  if (failures.list.length) throw new Error(failures.list.join("; "));
}).catch(e => { console.error(e.stack); process.exit(1); });
