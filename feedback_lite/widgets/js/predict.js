import { button, setAvailable } from "./controls.js";
import { figureFrame, html, keeper, onPage, onTraits, setAttributes } from "./figure.js";
import { oneOf } from "./link.js";
import { notePrediction, predictionOf } from "./progress.js";
import { formOf, questionField } from "./question.js";
import { say, stateSentence, tell } from "./words.js";

/** @import { Model, Place, Words } from "./figure.js" */
/** @import { Question } from "./question.js" */

/** @typedef {Question & { choice: number | null, words: Words }} State */

/** @param {Model<State>} model */
function link(model) {
  return { rules: { choice: oneOf([null, ...model.get("options").keys()]) } };
}

export default {
  link,
  /** @param {Place<State>} place */
  render({ model, el }) {
    const [question, options] = [model.get("question"), model.get("options")];
    const [answer, because] = [model.get("answer"), model.get("because")];
    const keep = keeper(model);
    let chosen = model.get("choice");

    // An answer that was recorded on an earlier visit still stands.
    const earlier = onPage(el) && chosen === null ? predictionOf(question) : undefined;
    if (earlier !== undefined && earlier < options.length) keep({ choice: earlier });

    const { element, show, radios } = questionField({ question, options, answer, because }, (choice) => {
      chosen = choice;
      draw();
    });
    const record = button("record", "Record my answer", () => {}, { type: "submit", class: "fl-button fl-primary" });
    const again = button("again", "Clear my answer", () => recordChoice(null));
    const sentence = stateSentence();
    const form = formOf(
      () => {
        if (chosen !== null && model.get("choice") === null) recordChoice(chosen);
      },
      element,
      html("div", { class: "fl-actions" }, record, again),
    );

    /** @param {number | null} choice */
    function recordChoice(choice) {
      chosen = choice;
      keep({ choice });
      if (onPage(el)) notePrediction(question, choice);
      (choice === null ? radios[0] : again).focus();
    }

    function draw() {
      const recorded = model.get("choice");
      if (recorded !== null) chosen = recorded;
      const open = recorded === null;
      show(chosen, (index) => {
        if (!open && index === answer) return { verdict: "right", mark: "✓ right", closed: true };
        if (index === recorded) return { verdict: "wrong", mark: "your answer", closed: true };
        return { verdict: null, closed: !open };
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
