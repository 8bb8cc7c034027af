/* The tutorial's picture: the first screen, with the ladder of the first finding's first packet.
 *     node picture.js MODULES CHROMIUM PAGE PNG */
"use strict";
const { Failures, open, withBrowser } = require("./browser.js");

const [modules, chromium, file, png] = process.argv.slice(2);

withBrowser(modules, chromium, async browser => {
  const failures = new Failures();
  const { page } = await open(browser, file, failures, { viewport: { width: 1100, height: 1500 } });
  await page.screenshot({ path: png, fullPage: false });
  if (failures.list.length) throw new Error(failures.list.join("; "));
}).catch(e => { console.error(e.stack); process.exit(1); });
