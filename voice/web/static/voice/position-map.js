// @ts-check
/**
 * Maps indices of the player's ring buffer to positions in the server's downlink.
 *
 * Both count samples and run in step while nothing is lost. So only the jumps are stored: the places
 * where a chunk does not continue the one before it, after a flush or where the server left out audio.
 */

export class PositionMap {
  /** Oldest first. @type {{ index: number, position: number }[]} */
  #jumps = [{ index: 0, position: 0 }];

  /**
   * Record that the sample at `index` has this downlink position.
   *
   * @param {number} index
   * @param {number} position
   */
  add(index, position) {
    if (this.positionAt(index) !== position) this.#jumps.push({ index, position });
  }

  /**
   * Return the downlink position of the sample at `index`.
   *
   * @param {number} index
   * @returns {number}
   */
  positionAt(index) {
    const jump = this.#jumps.findLast((one) => one.index <= index) ?? this.#jumps[0];
    return jump.position + (index - jump.index);
  }

  /** @param {number} index Positions before it are no longer needed. */
  discardBefore(index) {
    while (this.#jumps.length > 1 && this.#jumps[1].index <= index) this.#jumps.shift();
  }
}
