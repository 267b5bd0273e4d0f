// @ts-check
/**
 * Keeps a part of the page up to date while its content is live: fetches it again as long as it contains
 * a `data-live` element and the tab is visible. Without this script the page shows the state at loading.
 */

const container = /** @type {HTMLElement | null} */ (document.querySelector("[data-live-url]"));

/** @param {number} ms */
function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Wait until the tab is visible. */
async function waitUntilVisible() {
  if (document.visibilityState === "visible") return;
  await new Promise((resolve) =>
    document.addEventListener("visibilitychange", resolve, { once: true }),
  );
}

/** Return whether text is selected; replacing the content would clear the selection. */
function hasSelection() {
  return document.getSelection()?.isCollapsed === false;
}

/**
 * Replace the content. A reader at the end of the page stays there as the page grows.
 *
 * @param {HTMLElement} element
 * @param {string} html
 */
function replaceContent(element, html) {
  const page = document.documentElement;
  const isAtEnd = page.scrollHeight - page.scrollTop - page.clientHeight < 80;
  element.innerHTML = html;
  if (isAtEnd) page.scrollTop = page.scrollHeight;
}

/** @param {HTMLElement} element */
async function keepUpToDate(element) {
  while (element.querySelector("[data-live]") !== null) {
    await sleep(Number(element.dataset.liveMs));
    await waitUntilVisible();
    const response = await fetch(String(element.dataset.liveUrl)).catch(() => null);
    const isGone = response?.status === 404 || response?.redirected; // deleted, or logged out
    if (isGone) return;
    if (response?.ok && !hasSelection()) replaceContent(element, await response.text());
  }
}

if (container) keepUpToDate(container);
