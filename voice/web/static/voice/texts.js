// @ts-check
/**
 * The sentences of the page. They all stand in the template, in one inert element; scripts know
 * only their names.
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
   * @param {string} name
   * @param {string} [otherwise] name of the sentence to fall back on
   */
  get(name, otherwise) {
    const text = this.#byName.get(name) ?? this.#byName.get(otherwise ?? "");
    if (text === undefined) throw new Error(`the template has no text "${name}"`);
    return text;
  }
}
