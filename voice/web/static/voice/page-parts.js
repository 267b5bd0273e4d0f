// @ts-check
/** Finding the parts of the page: a part that is missing is an error at once, not later. */

/**
 * @template {HTMLElement} T
 * @param {string} name of a `data-part`
 * @param {{ new (): T }} kind
 * @param {ParentNode} [root]
 * @returns {T}
 */
export function part(name, kind, root = document) {
  const element = root.querySelector(`[data-part="${name}"]`);
  if (!(element instanceof kind)) throw new Error(`the page has no part "${name}"`);
  return element;
}
