// Opens report pages in headless Chromium and checks what only a browser knows. Usage: node check.mjs PAGE...
import assert from 'node:assert/strict';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox'], // the pages are ours, and containers have no user namespaces
});

/** Everything that a page must not do, noted while it is open. */
async function open(file, width, colorScheme) {
  const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
  const url = pathToFileURL(file).href;
  const wrong = [];
  page.on('request', (request) => request.url() === url || wrong.push(`request: ${request.url()}`));
  page.on('pageerror', (error) => wrong.push(`script: ${error}`));
  page.on('console', (message) => wrong.push(`console: ${message.text()}`));
  page.on('dialog', (dialog) => { wrong.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  await page.goto(url);
  return { page, wrong };
}

/** Relative luminance and contrast as WCAG 2 define them, of every text in sight against what is painted behind it. */
function lowContrast() {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const color = (text) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = text;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const luminance = (c) => {
    const [r, g, b] = c.slice(0, 3).map((v) => v / 255).map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    const layers = [];
    for (let e = element; e; e = e.parentElement) layers.push(color(getComputedStyle(e).backgroundColor));
    return layers.reverse().reduce((below, top) => over(top, below), color('Canvas'));
  };
  const low = [];
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!own || !element.checkVisibility() || element.closest('.unseen, svg')) continue;
    const back = behind(element);
    const style = getComputedStyle(element);
    const ink = over([...color(style.color).slice(0, 3), color(style.color)[3] * Number(style.opacity)], back);
    const [light, dark] = [luminance(ink), luminance(back)].sort((a, b) => b - a);
    const ratio = (light + 0.05) / (dark + 0.05);
    if (ratio < 4.5) low.push(`${ratio.toFixed(2)}: ${element.tagName}.${element.className} ${element.textContent.slice(0, 40)}`);
  }
  return [...new Set(low)].slice(0, 10);
}

/** Where the page is wider than the window, and by which element. */
function overflow() {
  const wide = document.documentElement.scrollWidth - window.innerWidth;
  const inside = (e) => e.closest('.scroll, .output, .unseen, svg') !== null;
  const guilty = [...document.querySelectorAll('body *')].filter((e) => !inside(e) && e.getBoundingClientRect().right > window.innerWidth + 1);
  return wide > 0 ? guilty.slice(0, 5).map((e) => `${e.tagName}.${e.className}`).concat(`${wide}px`) : [];
}

/** Names that fit into the window and stand in several lines all the same. */
function brokenNames() {
  return [...document.querySelectorAll('.roster th .name:not(.long)')].filter((e) => e.getClientRects().length > 1).map((e) => e.textContent);
}

async function look(file, width, scheme) {
  const { page, wrong } = await open(file, width, scheme);
  const elements = await page.evaluate(() => [...document.querySelectorAll('script, img, iframe, object, embed, link, form, input, base')].map((e) => e.outerHTML));
  assert.deepEqual(elements, [], 'no element that loads, runs or sends');
  const handlers = await page.evaluate(() => [...document.querySelectorAll('*')].flatMap((e) => [...e.attributes]).filter((a) => a.name.startsWith('on') || a.name === 'style').map((a) => a.name));
  assert.deepEqual(handlers, [], 'no attribute that runs or styles');
  assert.notEqual(await page.evaluate(() => getComputedStyle(document.body).marginTop), '8px', 'the policy lets the style sheet through');
  assert.deepEqual(await page.evaluate(overflow), [], 'no wider than the window');
  await page.evaluate(() => document.querySelectorAll('details').forEach((details) => { details.open = true; }));
  assert.deepEqual(await page.evaluate(overflow), [], 'nor with everything opened');
  assert.deepEqual(await page.evaluate(lowContrast), [], 'contrast of at least 4.5');
  const name = path.basename(file, '.html');
  if (name === 'class') assert.deepEqual(await page.evaluate(brokenNames), [], 'no name is broken in the middle');
  const first = page.locator('.failure').first();
  if (await first.count()) {
    const drawn = { failing: ['.lanes svg', '.ops', '.spacetime .lines', '.rows li'], histories: ['.ops', '.explains', '.impossible'] };
    for (const part of ['.facts', ...(drawn[name] ?? ['.spacetime .lines'])]) {
      const box = await page.locator(`.failure ${part}`).first().boundingBox();
      assert.ok(box && box.width > 20 && box.height > 10, `${part} is to be seen: ${JSON.stringify(box)}`);
    }
    await rowsMeetTheirSigns(page);
  }
  await page.screenshot({ path: path.join(path.dirname(file), `${name}-${width}-${scheme}.png`) });
  if (await first.count()) await first.screenshot({ path: path.join(path.dirname(file), `${name}-${width}-${scheme}-failure.png`) });
  assert.deepEqual(wrong, [], 'nothing was run, asked for or complained about');
  await page.close();
}

/** The list and the drawing beside it must have the same height, or words stand beside the wrong sign. */
async function rowsMeetTheirSigns(page) {
  const off = await page.evaluate(() => [...document.querySelectorAll('.stage')].map((stage) => {
    const [drawing, list] = ['.lines', '.rows'].map((part) => stage.querySelector(part).getBoundingClientRect());
    return Math.abs(drawing.height - list.height);
  }));
  assert.ok(off.every((pixels) => pixels < 1), `rows and drawing differ by ${off} pixels`);
}

async function keyboard(file) {
  const { page, wrong } = await open(file, 1200, 'light');
  const target = file.endsWith('histories.html') ? 'histories' : file.endsWith('class.html') ? 'rows' : 'failures';
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.textContent), `Skip to the ${target === 'rows' ? 'students' : target}`);
  assert.ok((await page.locator('.skip').first().boundingBox()).y >= 0, 'the skip link comes into sight');
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement.id || location.hash), target);
  if (target === 'rows') return shape(page, wrong);
  for (const _ of await page.locator('.tests a[href]').all()) if (target === 'histories') await page.keyboard.press('Tab');
  await page.keyboard.press('Tab');
  const opened = () => page.evaluate(() => document.querySelector('.failure details').open);
  assert.equal(await page.evaluate(() => document.activeElement.tagName), 'SUMMARY');
  const ring = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  assert.equal(ring, 'solid', 'focus is to be seen');
  const before = await opened();
  await page.keyboard.press('Enter');
  assert.equal(await opened(), !before, 'Enter opens and closes a failure');
  if (before) await page.keyboard.press('Enter');
  if (target === 'failures') await events(page);
  await page.emulateMedia({ media: 'print' });
  assert.ok(await page.locator('.failure .facts').last().isVisible(), 'on paper everything is open');
  await shape(page, wrong);
}

/** What every page has, whoever reads it how. */
async function shape(page, wrong) {
  const headings = await page.evaluate(() => [...document.querySelectorAll('h1, h2, h3, h4')].map((h) => Number(h.tagName[1])));
  headings.reduce((above, level) => { assert.ok(level <= above + 1, 'no heading level is skipped'); return level; }, 0);
  for (const landmark of ['header', 'main', 'footer']) assert.equal(await page.locator(landmark).count(), 1, landmark);
  assert.equal(await page.evaluate(() => [...document.querySelectorAll('table')].filter((t) => !t.caption || !t.querySelector('th[scope]')).length), 0);
  assert.deepEqual(wrong, []);
  await page.close();
}

/** An event shows more when it has the focus, and leads to its line of the trace. */
async function events(page) {
  await page.locator('.rows a.at[href]').first().focus();
  assert.ok(await page.locator('.rows li:focus-within .about').first().isVisible(), 'focus shows the state of an event');
  await page.keyboard.press('Enter');
  const line = await page.evaluate(() => document.querySelector(location.hash)?.checkVisibility());
  assert.ok(line, 'a time leads to its line of the trace, which is opened for it');
}

for (const file of process.argv.slice(2)) {
  for (const width of [360, 1600]) for (const scheme of ['light', 'dark']) await look(file, width, scheme);
  await keyboard(file);
  console.log(`${path.basename(file)}: fine at 360 and 1600 pixels, light and dark, with the keyboard and on paper`);
}
await browser.close();
