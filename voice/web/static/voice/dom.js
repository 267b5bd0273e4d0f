// @ts-check
/** Finds the elements that the template marks with `data-part`. */

/**
 * Return the element with this `data-part`; a missing one is an error at once.
 *
 * @template {HTMLElement} T
 * @param {string} name
 * @param {{ new (): T }} type
 * @param {ParentNode} [root]
 * @returns {T}
 */
export function findPart(name, type, root = document) {
  const element = root.querySelector(`[data-part="${name}"]`);
  if (!(element instanceof type)) throw new Error(`the page has no part "${name}"`);
  return element;
}
