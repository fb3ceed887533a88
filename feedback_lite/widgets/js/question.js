// A question in words, which a prediction and a quiz ask: its options, what is told of each, and the form around them.

import { html, setAttributes } from "./figure.js";
import { say } from "./words.js";

/** @typedef {{ question: string, options: string[], answer: number, because: string[] }} Question */
/** @typedef {{ verdict: "right" | "wrong" | null, mark?: string, why?: string, closed: boolean }} Told of an option */

/**
 * A question and its options as radio buttons. `show` says which option is chosen, and what is told of each.
 *
 * @param {Question} asked
 * @param {(choice: number) => void} choose
 */
export function questionField({ question, options }, choose) {
  const rows = options.map((option, index) => {
    const radio = html("input", { type: "radio", name: question, value: index, "data-control": "option" });
    const [mark, why] = ["fl-mark", "fl-why"].map((name) => html("span", { class: name }));
    radio.addEventListener("change", () => choose(index));
    return {
      radio,
      mark,
      why,
      node: html("label", { class: "fl-option" }, radio, html("span", {}, option), mark, why),
    };
  });
  const nodes = rows.map(({ node }) => node);
  const element = html("fieldset", { class: "fl-question" }, html("legend", {}, question), ...nodes);
  /** @type {(chosen: number | null, tell: (option: number) => Told) => void} */
  const show = (chosen, tell) => {
    rows.forEach(({ radio, mark, why, node }, index) => {
      const { verdict, mark: sign = "", why: reason = "", closed } = tell(index);
      radio.checked = index === chosen;
      radio.disabled = closed;
      setAttributes(node, { "data-verdict": verdict });
      say(mark, sign);
      say(why, reason);
    });
  };
  return { element, show, radios: rows.map(({ radio }) => radio) };
}

/**
 * A form of its own keeps its radio buttons apart from those of the next question, and Enter submits.
 *
 * @param {() => void} submit
 * @param {...Node} children
 */
export function formOf(submit, ...children) {
  const form = html("form", {}, ...children);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  return form;
}
