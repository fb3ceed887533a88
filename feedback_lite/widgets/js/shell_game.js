// The shell game in numbers and in writing. Tokens are those of the task: first the ball's cup, counted from 0, then
// swaps, which come after the cups in the vocabulary. Written cups are counted from 1: 3.12.45.

import { written } from "./link.js";

/** @typedef {{ cups: number, swaps: [number, number][] }} Rules the pairs of cups in the order of their tokens */

/** A word of a game that is not what must stand there: the ball's cup, or a swap of two different cups. */
export class GameError extends Error {
  /**
   * @param {"cup" | "swap"} expected
   * @param {string} word
   */
  constructor(expected, word) {
    super(`a ${expected} must stand where “${word}” does`);
    this.expected = expected;
    this.word = word;
  }
}

export class ShellGame {
  /** @param {Rules} rules */
  constructor({ cups, swaps }) {
    this.cups = cups;
    this.swaps = swaps;
  }

  /**
   * The two cups of a swap, counted from 0.
   *
   * @param {number} token
   */
  pairOf(token) {
    return this.swaps[token - this.cups];
  }

  /**
   * @param {number} one
   * @param {number} other
   */
  swapOf(one, other) {
    return this.cups + this.swaps.findIndex((pair) => pair.includes(one) && pair.includes(other));
  }

  /**
   * The cup, counted from 0, that hides the ball after a game.
   *
   * @param {number[]} game
   */
  ballAfter([first, ...swaps]) {
    return swaps.map((token) => this.pairOf(token)).reduce(
      (ball, [left, right]) => (ball === left ? right : ball === right ? left : ball),
      first,
    );
  }

  /**
   * A token as it is written: 3 for a cup, 12 for a swap.
   *
   * @param {number} token
   */
  nameOf(token, between = "") {
    return (token < this.cups ? [token] : this.pairOf(token)).map((cup) => cup + 1).join(between);
  }

  /**
   * @param {number[]} game
   * @param {string} between
   */
  write(game, between) {
    return game.map((token) => this.nameOf(token)).join(between);
  }

  /**
   * How a game stands in an address: 3.12.45.
   *
   * @param {number} most tokens
   */
  inLinks(most) {
    const form = new RegExp(`^[1-${this.cups}](\\.[1-${this.cups}]{2})*$`);
    return written(
      (/** @type {number[]} */ game) => this.write(game, "."),
      (text) => (form.test(text) && text.split(".").length <= most ? this.read(text.split(".")) : undefined),
    );
  }

  /**
   * The tokens of a game whose words are a cup and swaps, such as 3, 12, 5-4.
   *
   * @param {string[]} words
   */
  read(words) {
    const cup = new RegExp(`^[1-${this.cups}]$`);
    const swap = new RegExp(`^([1-${this.cups}])-?([1-${this.cups}])$`);
    return words.map((word, place) => {
      if (place === 0) {
        if (!cup.test(word)) throw new GameError("cup", word);
        return Number(word) - 1;
      }
      const [, one, other] = word.match(swap) ?? [];
      if (!one || one === other) throw new GameError("swap", word);
      return this.swapOf(Number(one) - 1, Number(other) - 1);
    });
  }
}
