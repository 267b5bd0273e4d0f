// @ts-check
/**
 * The texts the page shows. All of them stand in the template, in one inert element; scripts know only
 * their names.
 */

export class Texts {
  /** @type {Map<string, string>} */
  #byName = new Map();

  /** @param {HTMLTemplateElement} template */
  constructor(template) {
    for (const element of template.content.querySelectorAll("[data-text]")) {
      const { text } = /** @type {HTMLElement} */ (element).dataset;
      this.#byName.set(String(text), element.textContent.trim());
    }
  }

  /**
   * Return the text with this name; a missing one is an error.
   *
   * @param {string} name
   * @param {string} [fallback] Name of the text to use if there is none called `name`.
   */
  get(name, fallback = "") {
    const text = this.#byName.get(name) ?? this.#byName.get(fallback);
    if (text === undefined) throw new Error(`the template has no text "${name}"`);
    return text;
  }
}
