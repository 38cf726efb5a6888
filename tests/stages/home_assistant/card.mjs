// Opens Home Assistant's only dashboard as a phone would, and prints as JSON what its card says, row by row.
//   node card.mjs URL TOKEN PICTURE-OR-EMPTY
import { createRequire } from 'node:module';

const { chromium } = createRequire(new URL('../browser/look.mjs', import.meta.url))('playwright-core');
const [url, token, picture] = process.argv.slice(2);
const WIDTH = 390, MARGIN = 12; // px
const PATIENCE_MS = 60000;
const YEARS_S = 315360000;

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
});
const context = await browser.newContext({
  viewport: { width: WIDTH, height: 844 }, deviceScaleFactor: 2, locale: 'en', timezoneId: 'UTC', serviceWorkers: 'block',
});
const origin = url.replace(/\/$/, '');
await context.addInitScript((tokens) => localStorage.setItem('hassTokens', JSON.stringify(tokens)), {
  hassUrl: origin, clientId: url, access_token: token, token_type: 'Bearer', refresh_token: '', expires_in: YEARS_S,
  expires: Date.now() + 1000 * YEARS_S,
});
const page = await context.newPage();
await page.goto(url, { waitUntil: 'load' });
const card = page.locator('hui-entities-card');
await card.waitFor({ timeout: PATIENCE_MS });
await card.locator('hui-generic-entity-row').last().waitFor({ timeout: PATIENCE_MS });
await page.evaluate(() => document.fonts.ready);
const rows = await card.locator('#states > *').evaluateAll((all) => all.map((row) => row.innerText));
const texts = await card.locator('hui-generic-entity-row').evaluateAll((all) => all.map((row) => ({
  name: row.shadowRoot.querySelector('.info').textContent.trim(),
  state: row.innerText.trim(),
})));
if (picture) {
  const box = await card.boundingBox();
  await page.screenshot({ path: picture, clip: { x: 0, y: 0, width: WIDTH, height: box.y + box.height + MARGIN } });
}
console.log(JSON.stringify({ title: await card.locator('h1').innerText(), rows: rows.length, texts }));
await browser.close();
