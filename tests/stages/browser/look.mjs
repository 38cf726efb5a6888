// Opens one address as a phone, a phone in the dark and a desktop would, and prints as JSON what is found there.
//   node look.mjs URL PICTURES-OR-EMPTY SCREENS-OF-THE-PICTURES
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { chromium } from 'playwright-core';

const [url, pictures, pictured] = process.argv.slice(2);
const here = new URL(url);
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const screens = [
  { name: 'phone', width: 390, height: 844, colorScheme: 'light', deviceScaleFactor: 2 },
  { name: 'phone-dark', width: 390, height: 844, colorScheme: 'dark', deviceScaleFactor: 2 },
  { name: 'desktop', width: 1280, height: 800, colorScheme: 'light', deviceScaleFactor: 1 },
];

// What a keyboard reaches, in order, until it comes round.
async function reached(page) {
  const names = [];
  await page.evaluate(() => document.activeElement && document.activeElement.blur());
  for (let presses = 0; presses < 60; presses++) {
    await page.keyboard.press('Tab');
    const number = await page.evaluate(() => {
      const element = document.activeElement;
      return element && element.dataset ? element.dataset.number || null : null;
    });
    if (number === null || names.includes(number)) break;
    names.push(number);
  }
  return names;
}

// Everything that may be used, numbered; what scrolls is among it.
function numbered() {
  const all = [...document.querySelectorAll('a[href], button, input, select, summary, [tabindex]')]
    .filter((element) => element.checkVisibility());
  all.forEach((element, number) => { element.dataset.number = String(number); });
  return all.map((element) => (element.getAttribute('aria-label') || element.textContent).trim().slice(0, 60));
}

// What the page says after its first button was pressed by keyboard; null where there is none.
async function pressed(page) {
  const button = page.locator('button:visible').first();
  if (!await button.count()) return null;
  await button.focus();
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.querySelector('.said').textContent !== '');
  return page.locator('.said').first().textContent();
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
});
const found = [];
for (const { name, width, height, colorScheme, deviceScaleFactor } of screens) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme, deviceScaleFactor });
  const page = await context.newPage();
  const elsewhere = [], errors = [];
  page.on('request', (request) => {
    const to = new URL(request.url());
    if (to.protocol !== 'data:' && to.origin !== here.origin) elsewhere.push(request.url());
    if (to.protocol === 'file:' && request.url() !== url) elsewhere.push(request.url());
  });
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('console', (message) => { if (message.type() === 'error') errors.push(message.text()); });
  const began = Date.now();
  await page.goto(url, { waitUntil: 'load' });
  const loaded_s = (Date.now() - began) / 1000;
  await page.waitForFunction(() => !document.querySelector('.monitor .state') ||
    document.querySelector('.monitor .state').textContent !== '');
  if (pictures && pictured.split(',').includes(name)) {
    await page.waitForTimeout(1000);  // what is drawn from the stream
    await page.screenshot({ path: `${pictures}-${name}.png` });
  }
  await page.evaluate(axe);
  const judged = await page.evaluate((runOnly) => window.axe.run(document, { runOnly }), rules);
  const usable = await page.evaluate(numbered);
  found.push({
    name, loaded_s, elsewhere, errors: [...errors], usable,
    violations: judged.violations.map(({ id, impact, nodes }) => ({ id, impact, what: nodes.map((n) => n.html).slice(0, 3) })),
    passes: judged.passes.length,
    sideways_px: await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth),
    unreached: usable.length - (await reached(page)).length,
    pressed: await pressed(page),
    printed_bytes: name === 'desktop' ? (await page.pdf()).length : null,
    live: await page.evaluate(() => [...document.querySelectorAll('[aria-live], [role=alert], [role=status]')]
      .map((e) => ({ role: e.getAttribute('role'), live: e.getAttribute('aria-live'), text: e.textContent }))),
  });
  await context.close();
}
await browser.close();
console.log(JSON.stringify(found));
