// @ts-check
/**
 * Which sample of the server's downlink lies at which index of the ring.
 *
 * The two run in step while nothing is lost, so only the jumps are kept: where a chunk does not
 * continue the one before it (after a flush, or where the server left something out).
 */

export class Timeline {
  /** @type {{ index: number, position: number }[]} */
  #marks = [{ index: 0, position: 0 }];

  /**
   * A chunk whose first sample is `position` was written at `index`.
   *
   * @param {number} index
   * @param {number} position
   */
  mark(index, position) {
    if (this.at(index) !== position) this.#marks.push({ index, position });
  }

  /**
   * @param {number} index
   * @returns {number} the downlink position of the sample at `index`
   */
  at(index) {
    const mark = this.#marks.findLast((one) => one.index <= index) ?? this.#marks[0];
    return mark.position + (index - mark.index);
  }

  /** @param {number} index what lies before it will not be asked for again */
  forgetBefore(index) {
    while (this.#marks.length > 1 && this.#marks[1].index <= index) this.#marks.shift();
  }
}
