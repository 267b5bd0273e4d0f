// @ts-check
/** Prints the page. The browser's own menu does so without this script. */

document.querySelector("#print")?.addEventListener("click", () => window.print());
