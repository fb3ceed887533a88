// Where the reader writes a program: word by word, with a key for each, or as text.

import { button, setAvailable } from "./controls.js";
import { html, setAttributes } from "./figure.js";
import { say } from "./words.js";

/** @import { PrintedProgram, Statement, Values } from "./printed_program.js" */

/**
 * The keys, which write a statement at the end of the program. A key that cannot follow is off, and what must follow
 * (a colon, the end) is written with what is before it.
 *
 * @param {PrintedProgram} program
 * @param {(statements: Statement[]) => void} use
 */
function makeKeys(program, use) {
  const { names, statements: most } = program.rules;
  const words = [...names, "=", "++", "--", "if", "<", ">", "print", ...program.numbers];
  const line = html("p", { class: "fl-draft", "aria-live": "polite" });
  /** @type {Statement[]} */
  let statements = [];
  /** @type {Values} */
  let values = new Map();
  /** @type {string[]} */
  let draft = [];

  /** @param {string} word */
  function press(word) {
    draft = [...draft, word];
    for (
      let next = program.wordsAfter(draft);
      next.length === 1 && draft.at(-1) !== ";";
      next = program.wordsAfter(draft)
    ) {
      draft.push(next[0]);
    }
    if (draft.at(-1) !== ";") return update(statements);
    use([...statements, draft.slice(0, -1)]);
  }
  function takeBack() {
    if (draft.length === 0) return use(statements.slice(0, -1));
    draft = draft.slice(0, draft.at(-1) === ":" ? -2 : -1);
    update(statements);
  }
  const keys = words.map((word) => ({ word, node: button(`word ${word}`, word, () => press(word)) }));
  const back = button("take back", "Take back", takeBack);
  const [letters, numbers] = [false, true].map((isNumber) =>
    keys.filter(({ word }) => program.numbers.includes(word) === isNumber).map(({ node }) => node)
  );
  const rows = [letters, [...numbers, back]].map((nodes) => html("div", { class: "fl-keys" }, ...nodes));
  const group = html("div", { role: "group", "aria-label": "Words" }, ...rows);

  /** @param {Statement[]} now */
  function update(now) {
    if (program.write(now) !== program.write(statements)) draft = [];
    statements = now;
    values = program.valuesAfter(now).at(-1) ?? new Map();
    const room = now.length < most;
    keys.forEach(({ word, node }) => {
      const next = [...draft, word];
      setAvailable(node, room && program.wordsAfter(draft).includes(word) && program.leadsOn(next, values));
    });
    setAvailable(back, now.length > 0 || draft.length > 0);
    say(
      line,
      room ? `Statement ${now.length + 1}: ${[...draft, "…"].join(" ")}` : `A program has at most ${most} statements.`,
    );
  }
  return { nodes: [line, group], update };
}

/**
 * The program as text; what is no program stays as it was written, and is told where it goes wrong.
 *
 * @param {PrintedProgram} program
 * @param {(statements: Statement[]) => void} use
 */
function makeText(program, use) {
  const off = { spellcheck: "false", autocapitalize: "none", autocomplete: "off", autocorrect: "off" };
  const field = html("textarea", { class: "fl-text", rows: 3, "data-control": "text", ...off });
  const label = html("label", { class: "fl-field" }, html("span", {}, "The whole program as text"), field);
  const message = html("p", { class: "fl-message", role: "alert" });
  const send = button("use", "Use this text", () => {
    try {
      say(message, "");
      const statements = program.read(field.value);
      field.dataset.program = ""; // so that the text is written anew, in its usual form
      use(statements);
    } catch (error) {
      say(message, `This is no program: ${error instanceof Error ? error.message : error}.`);
    }
  });

  /** @param {Statement[]} statements */
  function update(statements) {
    const written = statements.map((words) => `${words.join(" ")} ;`).join("\n");
    if (field.dataset.program === `${written}\n`) return;
    [field.value, field.dataset.program] = [written, `${written}\n`];
    say(message, "");
  }
  return { nodes: [label, message], send, update };
}

/**
 * Keys and text together.
 *
 * @param {PrintedProgram} program
 * @param {(statements: Statement[]) => void} use
 */
export function makeWriting(program, use) {
  const [keys, text] = [makeKeys(program, use), makeText(program, use)];
  const clear = button("clear", "Empty program", () => use([]));
  const row = html("div", { class: "fl-controls" }, text.send, clear);
  const element = html("div", { class: "fl-writing" }, ...keys.nodes, ...text.nodes, row);

  /** @param {Statement[]} statements */
  function update(statements) {
    keys.update(statements);
    text.update(statements);
    setAvailable(clear, statements.length > 0);
  }
  /** @param {boolean} shown */
  const show = (shown) => {
    setAttributes(element, { hidden: !shown });
  };
  show(false);
  return { element, update, show };
}
