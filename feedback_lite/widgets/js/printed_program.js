// The authors' programs in numbers and in writing, as feedback_lite.tasks has them: read word by word, or refused with
// the words that Python uses; carried out; drawn at random; and short enough for an address.

import { grouped } from "./words.js";

/**
 * @typedef {object} Rules
 * @property {string[]} names of the variables
 * @property {number} largest value
 * @property {number} statements in a program at most
 * @property {number} characters in a program's text at most
 * @property {string[]} vocabulary of the models
 */

/** @typedef {string[]} Statement its words, without its ";" */
/** @typedef {Map<string, number>} Values of the variables that have one */

const LONGEST_WORD = 20;

// A letter for each word of a program in an address; what follows of itself is left out.
const LETTERS = new Map([
  ["10", "t"],
  ["=", "e"],
  ["++", "i"],
  ["--", "d"],
  ["if", "f"],
  ["<", "l"],
  [">", "g"],
  ["print", "p"],
  [":", ""],
]);

/** @param {Statement} statement */
function placeOf(statement) {
  return statement.length > 0 ? `after '${statement.join(" ")}'` : "at its start";
}

/**
 * Words as a list in a sentence; numbers are told by their first and last, marks in quotes.
 *
 * @param {string[]} words
 */
function listOf(words) {
  const numbers = words.filter((word) => /^\d+$/.test(word));
  const told = words.filter((word) => !numbers.includes(word)).map((
    word,
  ) => (/^\w+$/.test(word) ? word : `'${word}'`));
  if (numbers.length > 0) told.push(`a number from ${numbers[0]} to ${numbers[numbers.length - 1]}`);
  const last = told.pop();
  return told.length > 0 ? `${told.join(", ")} or ${last}` : last;
}

/** @param {string} word */
function cut(word) {
  const letters = [...word];
  return letters.length <= LONGEST_WORD ? word : `${letters.slice(0, LONGEST_WORD).join("")}…`;
}

/**
 * Change the values as one statement says; a print changes nothing.
 *
 * @param {Statement} statement
 * @param {Values} values
 */
function execute(statement, values) {
  const [first, second, sign, other, , ...body] = statement;
  if (first === "if") {
    const [left, right] = [Number(values.get(second)), values.get(other) ?? Number(other)];
    if (sign === "<" ? left < right : left > right) execute(body, values);
  } else if (second === "=") values.set(first, Number(sign));
  else if (first !== "print") values.set(first, Number(values.get(first)) + (second === "++" ? 1 : -1));
}

export class PrintedProgram {
  /** @param {Rules} rules */
  constructor(rules) {
    this.rules = rules;
    this.numbers = rules.vocabulary.slice(0, rules.largest);
  }

  /**
   * The statements of a text; throws an Error that says where it goes wrong, and what may stand there.
   *
   * @param {string} text
   */
  read(text) {
    const { characters, vocabulary, statements: most } = this.rules;
    const length = text.length > characters ? [...text].length : text.length;
    if (length > characters) {
      throw new Error(`the text has ${grouped(length)} characters, and a program has at most ${grouped(characters)}`);
    }
    const words = text.replace(/[–—]/g, "--").replace(/\+\+|--|[=<>:;]/g, " $& ").split(/[ \t\r\n\u00a0]+/).filter(
      Boolean,
    );
    if (words.at(-1) === "END") words.pop();
    /** @type {Statement[]} */
    const statements = [];
    /** @type {Values} */
    const values = new Map();
    /** @type {Statement} */
    let statement = [];
    for (const word of words) {
      const number = statements.length + 1;
      if (number > most) throw new Error(`statement ${number}: a program has at most ${most} statements`);
      const mayFollow = this.wordsAfter(statement);
      if (!mayFollow.includes(word)) {
        const shown = vocabulary.includes(word) ? `'${word}'` : `unknown word '${cut(word)}'`;
        throw new Error(`statement ${number}: ${shown} ${placeOf(statement)}; ${listOf(mayFollow)} may stand there`);
      }
      statement.push(word);
      const objection = this.objectionTo(statement, values);
      if (objection) throw new Error(`statement ${number}: ${objection}`);
      if (word !== ";") continue;
      statements.push(statement.slice(0, -1));
      execute(statement.slice(0, -1), values);
      statement = [];
    }
    if (statement.length > 0) {
      const mayFollow = listOf(this.wordsAfter(statement));
      const number = statements.length + 1;
      throw new Error(`statement ${number}: the text ends ${placeOf(statement)}; ${mayFollow} may stand there`);
    }
    return statements;
  }

  /** @param {Statement[]} statements */
  write(statements) {
    return statements.map((statement) => `${statement.join(" ")} ;`).join(" ");
  }

  /**
   * The words that may follow the first words of a statement, whatever the values are.
   *
   * @param {string[]} statement
   * @returns {string[]}
   */
  wordsAfter(statement) {
    const { names } = this.rules;
    const [first, ...rest] = statement;
    if (first === undefined) return [...names, "if", "print"];
    if (first === "print") return rest.length === 0 ? names : [";"];
    if (first !== "if") {
      if (rest.length === 0) return ["=", "++", "--"];
      return rest[0] === "=" && rest.length === 1 ? this.numbers : [";"];
    }
    if (rest.length > 4) return this.wordsAfter(rest.slice(4));
    return [names, ["<", ">"], [...names, ...this.numbers], [":"], names][rest.length];
  }

  /**
   * Why the last of a statement's first words cannot stand there with these values, or an empty text.
   *
   * @param {string[]} statement
   * @param {Values} values
   * @returns {string}
   */
  objectionTo(statement, values) {
    const [first, second, , fourth, , ...body] = statement;
    const count = statement.length;
    /** @param {string} name */
    const unset = (name) => this.rules.names.includes(name) && !values.has(name);
    if (first === "print" || first === "if") {
      if (count === 2 && unset(second)) return `${second} has no value yet`;
      if (count === 4 && unset(fourth)) return `${fourth} has no value yet`;
      if (count === 4 && fourth === second) return `${second} cannot be compared with itself`;
      return body.length > 0 ? this.objectionTo(body, values) : "";
    }
    if (count !== 2) return "";
    if (second === "=") return values.has(first) ? `${first} has a value already` : "";
    if (!values.has(first)) return `${first} has no value yet`;
    const end = second === "++" ? this.rules.largest : 1;
    return values.get(first) === end ? `${first} ${second} is not possible at ${end}` : "";
  }

  /**
   * Whether a statement can go on from these first words to its end.
   *
   * @param {string[]} statement
   * @param {Values} values
   * @returns {boolean}
   */
  leadsOn(statement, values) {
    if (this.objectionTo(statement, values)) return false;
    return statement.at(-1) === ";" ||
      this.wordsAfter(statement).some((word) => this.leadsOn([...statement, word], values));
  }

  /**
   * The values after each statement.
   *
   * @param {Statement[]} statements
   */
  valuesAfter(statements) {
    /** @type {Values} */
    const values = new Map();
    return statements.map((statement) => {
      execute(statement, values);
      return new Map(values);
    });
  }

  /**
   * A program as the models read it.
   *
   * @param {Statement[]} statements
   */
  tokensOf(statements) {
    return statements.flatMap((statement) => [...statement, ";"].map((word) => this.rules.vocabulary.indexOf(word)));
  }

  /**
   * A random program as the task draws them, with a print at its end.
   *
   * @param {number} count of its statements
   */
  draw(count) {
    /** @type {Values} */
    const values = new Map();
    return Array.from({ length: count }, (_, place) => {
      const kinds = place === count - 1 ? ["print"] : ["=", "++", "--", "if", "print"];
      const statement = this.drawStatement(kinds, values);
      execute(statement, values);
      return statement;
    });
  }

  /**
   * @param {string[]} kinds
   * @param {Values} values
   * @returns {Statement}
   */
  drawStatement(kinds, values) {
    for (;;) {
      const statement = this.attempt(pick(kinds), values);
      if (statement.length > 0) return statement;
    }
  }

  /**
   * A random statement of one kind; an empty one where it turns out to be impossible.
   *
   * @param {string} kind
   * @param {Values} values
   * @returns {Statement}
   */
  attempt(kind, values) {
    const names = this.rules.names.filter((name) => values.has(name) === (kind !== "="));
    if (names.length === 0) return [];
    const [name, number] = [pick(names), pick(this.numbers)];
    if (kind === "=") return [name, "=", number];
    if (kind === "print") return ["print", name];
    if (kind === "if") {
      const others = pick([true, false]) ? [number] : names.filter((other) => other !== name);
      if (others.length === 0) return [];
      const condition = ["if", name, pick(["<", ">"]), pick(others), ":"];
      return [...condition, ...this.drawStatement(["=", "++", "--"], values)];
    }
    return values.get(name) === (kind === "++" ? this.rules.largest : 1) ? [] : [name, kind];
  }

  /**
   * A program in an address: xe3.xi.px for x = 3 ; x ++ ; print x ;
   *
   * @param {Statement[]} statements
   */
  writeShort(statements) {
    return statements.map((words) => words.map((word) => LETTERS.get(word) ?? word).join("")).join(".");
  }

  /**
   * The statements of a program that was written for an address.
   *
   * @param {string} text
   */
  readShort(text) {
    if (text === "") return [];
    /** @param {string} letter */
    const wordOf = (letter) => [...LETTERS].find(([, short]) => short === letter)?.[0] ?? letter;
    const written = text.split(".").map((short) => {
      const words = [...short].map(wordOf);
      if (words[0] === "if") words.splice(4, 0, ":");
      return `${words.join(" ")} ;`;
    });
    return this.read(written.join(" "));
  }
}

/**
 * @template Option
 * @param {Option[]} options
 */
function pick(options) {
  return options[Math.floor(options.length * Math.random())];
}
