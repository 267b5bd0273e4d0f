// @ts-check
// Updates a part of the page from the server while that part is marked as live (`data-live`) and the
// browser tab is visible. Without JavaScript the page shows the state at which it was loaded.

const container = /** @type {HTMLElement | null} */ (document.querySelector("[data-live-url]"));

/** Whoever reads within this distance of the end of the page follows it as it grows, in pixels. */
const END_MARGIN = 80;

/** @param {HTMLElement} part */
const isLive = (part) => part.querySelector("[data-live]") !== null;

/** @param {number} ms */
const delay = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const tabVisible = () =>
  document.visibilityState === "visible"
    ? Promise.resolve()
    : new Promise((resolve) =>
        document.addEventListener("visibilitychange", resolve, { once: true }),
      );

/** Whether text is selected; replacing the content would lose the selection. */
const hasSelection = () => document.getSelection()?.isCollapsed === false;

/**
 * Replaces the content and keeps the end of the page in view if it was.
 * @param {HTMLElement} part
 * @param {string} html
 */
function replaceContent(part, html) {
  const page = document.documentElement;
  const atEnd = page.scrollHeight - page.scrollTop - page.clientHeight < END_MARGIN;
  part.innerHTML = html;
  if (atEnd) page.scrollTop = page.scrollHeight;
}

/** @param {HTMLElement} part */
async function updateWhileLive(part) {
  while (isLive(part)) {
    await delay(Number(part.dataset.liveMs));
    await tabVisible();
    const response = await fetch(String(part.dataset.liveUrl)).catch(() => null);
    if (response?.status === 404 || response?.redirected) return;
    if (response?.ok && !hasSelection()) replaceContent(part, await response.text());
  }
}

if (container) updateWhileLive(container);
