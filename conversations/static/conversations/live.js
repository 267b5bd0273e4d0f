// @ts-check
// Keeps a part of a page current while what it shows goes on: asks the server for it anew as long as the
// part says that it is live, and the tab is looked at. Without this script the page shows what was.

const place = /** @type {HTMLElement | null} */ (document.querySelector("[data-live-url]"));

/** @param {HTMLElement} part */
const goesOn = (part) => part.querySelector("[data-live]") !== null;

/** @param {number} ms */
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

const lookedAt = () =>
  document.visibilityState === "visible"
    ? Promise.resolve()
    : new Promise((done) => document.addEventListener("visibilitychange", done, { once: true }));

/** Whether somebody has marked some text, which a new part would unmark. */
const isMarked = () => document.getSelection()?.isCollapsed === false;

/**
 * Shows the part as it is now. Whoever reads at the end of the page stays there as it grows.
 * @param {HTMLElement} part
 * @param {string} html
 */
function show(part, html) {
  const page = document.documentElement;
  const atEnd = page.scrollHeight - page.scrollTop - page.clientHeight < 80;
  part.innerHTML = html;
  if (atEnd) page.scrollTop = page.scrollHeight;
}

/** @param {HTMLElement} part */
async function follow(part) {
  while (goesOn(part)) {
    await pause(Number(part.dataset.liveMs));
    await lookedAt();
    const answer = await fetch(String(part.dataset.liveUrl)).catch(() => null);
    if (answer?.status === 404 || answer?.redirected) return;
    if (answer?.ok && !isMarked()) show(part, await answer.text());
  }
}

if (place) follow(place);
