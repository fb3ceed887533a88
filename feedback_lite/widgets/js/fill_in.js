import { button, onKeys, setAvailable } from "./controls.js";
import { figureFrame, html, keeper, onPage, onTraits, setAttributes } from "./figure.js";
import { oneOf, written, yesOrNo } from "./link.js";
import { loadProgress, noteSolved } from "./progress.js";
import { clamp, say, stateSentence, tell } from "./words.js";

/** @import { Model, Place, Words } from "./figure.js" */

/**
 * @typedef {object} State
 * @property {string} exercise
 * @property {string} head
 * @property {string} code
 * @property {Record<string, string[]>} choices
 * @property {string[]} verdicts
 * @property {number[]} combinations
 * @property {number} right
 * @property {(number | null)[]} chosen
 * @property {boolean} checked
 * @property {Words} words
 */

const BLANK = /\{(\w+)(!?)\}/g;
const INDENT = "    ";

/** @param {Model<State>} model */
function link(model) {
  const names = [...model.get("code").matchAll(BLANK)].map(([, name]) => name);
  const blanks = names.map((name) => oneOf([null, ...model.get("choices")[name].keys()]));
  const chosen = written(
    /** @param {(number | null)[]} values */
    (values) => values.map((value, index) => blanks[index].write(value)).join("."),
    (text) => {
      const parts = text.split(".");
      const values = parts.length === blanks.length
        ? parts.map((part, index) => blanks[index].read(part))
        : [undefined];
      return values.includes(undefined) ? undefined : /** @type {(number | null)[]} */ (values);
    },
  );
  /** @param {Pick<State, "chosen" | "checked">} state */
  const fits = (state) => !state.checked || !state.chosen.includes(null);
  return { rules: { chosen, checked: yesOrNo() }, fits };
}

export default {
  link,
  /** @param {Place<State>} place */
  render({ model, el }) {
    const [exercise, code] = [model.get("exercise"), model.get("code")];
    const [verdicts, combinations] = [model.get("verdicts"), model.get("combinations")];
    const found = [...code.matchAll(BLANK)];
    const blanks = found.map(([, name, quoted]) => ({
      texts: model.get("choices")[name].map((text) => (quoted ? `"${text}"` : text)),
    }));
    const keep = keeper(model);
    let current = 0;
    let again = false; // whether the choices are to be seen although the code is right
    let isSolved = onPage(el) && loadProgress().solved.has(exercise);

    // ---- what is chosen

    /** @returns {number | null} the number of the verdict, null as long as a blank is empty */
    function verdict() {
      let place = 0;
      for (const [index, choice] of model.get("chosen").entries()) {
        if (choice === null) return null;
        place = place * blanks[index].texts.length + choice;
      }
      return combinations[place];
    }

    /** The code as it is chosen. The further lines of a choice begin where the blank's own line begins. */
    function assembled() {
      const chosen = model.get("chosen");
      let index = 0;
      return code.replace(BLANK, (_, __, ___, offset) => {
        const choice = chosen[index];
        const text = choice === null ? "..." : blanks[index].texts[choice];
        index += 1;
        const [margin] = /^\s+/.exec(code.slice(code.lastIndexOf("\n", offset - 1) + 1, offset)) ?? [""];
        return text.replaceAll("\n", `\n${margin}`);
      });
    }

    /**
     * @param {number} index
     * @param {number} choice
     */
    function choose(index, choice) {
      const chosen = model.get("chosen").map((was, other) => (other === index ? choice : was));
      keep({ chosen, checked: false });
    }

    function checkIt() {
      if (verdict() === null) return;
      keep({ checked: true });
      sentence.scrollIntoView({ block: "nearest" });
      if (verdict() !== model.get("right")) return;
      isSolved = true;
      if (onPage(el)) noteSolved(exercise);
      draw();
    }

    // ---- the code, with a button for each blank

    const chips = blanks.map((_, index) => {
      const text = html("span", { class: "fl-text" });
      const number = html("span", { class: "fl-number" }, String(index + 1));
      const node = button("blank", "", () => show(index));
      node.classList.add("fl-blank");
      node.append(number, text);
      return { node, text };
    });
    const program = html("div", { class: "fl-program", role: "group", "aria-label": "The code and its blanks" });
    program.append(html("div", { class: "fl-line" }, model.get("head")));
    let next = 0;
    for (const line of code.split("\n")) {
      const margin = line.length - line.trimStart().length + INDENT.length;
      const row = html("div", { class: "fl-line", style: `--fl-margin: ${margin}ch` });
      const parts = line.trim().split(BLANK);
      parts.forEach((part, place) => {
        if (place % 3 === 0 && part) row.append(part);
        if (place % 3 === 1) row.append(chips[next++].node);
      });
      program.append(row);
    }
    onKeys(program, {
      ArrowLeft: () => show(current - 1, true),
      ArrowRight: () => show(current + 1, true),
      Home: () => show(0, true),
      End: () => show(blanks.length - 1, true),
    });

    /** @param {number} index */
    function show(index, focus = false) {
      current = clamp(index, 0, blanks.length - 1);
      again = true;
      draw();
      if (focus) chips[current].node.focus();
    }

    // ---- the choices of one blank

    const panels = blanks.map(({ texts }, index) => {
      const radios = texts.map((_, choice) => {
        const radio = html("input", { type: "radio", name: `blank ${index}`, value: choice, "data-control": "choice" });
        radio.addEventListener("change", () => choose(index, choice));
        return radio;
      });
      const rows = texts.map((text, choice) =>
        html("label", { class: "fl-option" }, radios[choice], html("span", { class: "fl-text" }, text))
      );
      const legend = html("legend", {}, `Choices for blank ${index + 1} of ${blanks.length}`);
      return {
        radios,
        node: html("fieldset", { class: "fl-options" }, legend, html("div", { class: "fl-grid" }, ...rows)),
      };
    });

    // ---- check, clear, copy

    const check = button("check", "Check", () => {}, { type: "submit", class: "fl-button fl-primary" });
    const clear = button("clear", "Clear", () => {
      current = 0;
      keep({ chosen: blanks.map(() => null), checked: false });
    });
    const mark = html("span", { class: "fl-mark" });
    const sentence = stateSentence();
    const whole = html("pre", { class: "fl-whole", tabindex: 0, role: "group", "aria-label": "The whole code" });
    const copy = button("copy", "Copy the code", async () => {
      try {
        await navigator.clipboard.writeText(whole.textContent ?? "");
        say(copy, "Copied");
      } catch {
        getSelection()?.selectAllChildren(whole);
        say(copy, "Selected: copy it");
      }
    });

    // A form of its own keeps its radio buttons apart from those of the next figure, and Enter checks.
    const actions = html("div", { class: "fl-actions" }, check, clear, copy, mark);
    const told = html("div", { class: "fl-told" }, actions, sentence);
    const work = html("div", { class: "fl-work" }, ...panels.map(({ node }) => node), whole, told);
    const heading = html("p", { class: "fl-heading" }, "Solve it here: fill in the blanks");
    const form = html("form", {}, heading, program, work);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      checkIt();
    });

    function draw() {
      const chosen = model.get("chosen");
      const count = chosen.filter((choice) => choice !== null).length;
      const number = verdict();
      const isChecked = model.get("checked") && number !== null;
      const isRight = isChecked && number === model.get("right");
      const isDone = isRight && !again;
      chips.forEach(({ node, text }, index) => {
        const choice = chosen[index];
        say(text, choice === null ? "choose" : blanks[index].texts[choice]);
        const isCurrent = index === current;
        setAttributes(node, {
          "data-empty": choice === null,
          "aria-pressed": String(isCurrent),
          tabindex: isCurrent ? 0 : -1,
        });
      });
      panels.forEach(({ radios, node }, index) => {
        setAttributes(node, { hidden: isDone || index !== current });
        radios.forEach((radio, choice) => {
          radio.checked = choice === chosen[index];
        });
      });
      setAvailable(check, number !== null && !isChecked);
      setAvailable(clear, count > 0);
      setAttributes(frame, { "data-verdict": isChecked ? (isRight ? "right" : "wrong") : null });
      say(mark, isRight ? "✓ right" : isSolved ? "✓ solved before" : "");
      [whole, copy].forEach((one) => setAttributes(one, { hidden: !isDone }));
      if (isRight) say(whole, assembled());
      say(copy, "Copy the code");
      const state = number === null ? "some" : "all";
      say(sentence, isChecked ? verdicts[number] : tell(model, state, { count, all: blanks.length }));
      // What is longer than its place can be scrolled, by keys too.
      setAttributes(sentence, { tabindex: sentence.scrollHeight > sentence.clientHeight + 1 ? 0 : null });
    }

    const frame = figureFrame("fill-in", "Fill in the blanks", form);
    const stop = onTraits(model, ["chosen", "checked"], () => {
      again = false;
      draw();
    });
    draw();
    el.append(frame);
    return stop;
  },
};
