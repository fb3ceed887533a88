import { button, setAvailable } from "./controls.js";
import { figureFrame, html, keeper, onPage, onTraits, setAttributes } from "./figure.js";
import { oneOf } from "./link.js";
import { notePrediction, predictionOf } from "./progress.js";
import { say, stateSentence, tell } from "./words.js";

/** @import { Model, Place, Words } from "./figure.js" */

/**
 * @typedef {object} State
 * @property {string} question
 * @property {string[]} options
 * @property {number} answer
 * @property {string[]} because
 * @property {number | null} choice
 * @property {Words} words
 */

/** @param {Model<State>} model */
function link(model) {
  return { rules: { choice: oneOf([null, ...model.get("options").keys()]) } };
}

export default {
  link,
  /** @param {Place<State>} place */
  render({ model, el }) {
    const [options, answer, because] = [model.get("options"), model.get("answer"), model.get("because")];
    const keep = keeper(model);
    let chosen = model.get("choice");

    // An answer that was recorded on an earlier visit still stands.
    const earlier = onPage(el) && chosen === null ? predictionOf(model.get("question")) : undefined;
    if (earlier !== undefined && earlier < options.length) keep({ choice: earlier });

    const radios = options.map((_, index) =>
      html("input", { type: "radio", name: "prediction", value: index, "data-control": "option" })
    );
    const marks = options.map(() => html("span", { class: "fl-mark", "aria-hidden": "true" }));
    const rows = options.map((option, index) =>
      html("label", { class: "fl-option" }, radios[index], html("span", {}, option), marks[index])
    );
    const record = button("record", "Record my answer", () => {}, { type: "submit", class: "fl-button fl-primary" });
    const again = button("again", "Clear my answer", () => recordChoice(null));
    const sentence = stateSentence();
    const choices = html("fieldset", { class: "fl-options" }, html("legend", {}, model.get("question")), ...rows);

    // A form of its own keeps its radio buttons apart from those of the next prediction, and Enter records.
    const form = html("form", {}, choices, html("div", { class: "fl-actions" }, record, again));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (chosen !== null && model.get("choice") === null) recordChoice(chosen);
    });

    radios.forEach((radio, index) => {
      radio.addEventListener("change", () => {
        chosen = index;
        draw();
      });
    });

    /** @param {number | null} choice */
    function recordChoice(choice) {
      chosen = choice;
      keep({ choice });
      if (onPage(el)) notePrediction(model.get("question"), choice);
      (choice === null ? radios[0] : again).focus();
    }

    function draw() {
      const recorded = model.get("choice");
      if (recorded !== null) chosen = recorded;
      const open = recorded === null;
      options.forEach((_, index) => {
        radios[index].checked = index === chosen;
        radios[index].disabled = !open;
        const verdict = open ? null : index === answer ? "right" : index === recorded ? "wrong" : null;
        setAttributes(rows[index], { "data-verdict": verdict });
        say(marks[index], verdict === "right" ? "✓ right" : verdict === "wrong" ? "your answer" : "");
      });
      setAvailable(record, open && chosen !== null);
      setAttributes(record, { hidden: !open });
      setAttributes(again, { hidden: open });
      say(sentence, describe(recorded, chosen));
    }

    /**
     * @param {number | null} recorded
     * @param {number | null} picked
     */
    function describe(recorded, picked) {
      if (recorded !== null) {
        const told = { option: options[recorded], because: because[recorded], right: options[answer] };
        return tell(model, recorded === answer ? "right" : "wrong", told);
      }
      return picked === null ? "No answer chosen yet." : `Chosen: ${options[picked]}. Not recorded yet.`;
    }

    const stop = onTraits(model, ["choice"], () => {
      if (model.get("choice") === null) chosen = null;
      draw();
    });
    draw();
    el.append(figureFrame("predict", "Your prediction", form, sentence));
    return stop;
  },
};
