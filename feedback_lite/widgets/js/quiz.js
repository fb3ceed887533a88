import { button, setAvailable } from "./controls.js";
import { figureFrame, html, keeper, onPage, onTraits, setAttributes } from "./figure.js";
import { whole, written } from "./link.js";
import { notePrediction, predictionOf } from "./progress.js";
import { formOf, questionField } from "./question.js";
import { range, say, stateSentence, tell } from "./words.js";

/** @import { Model, Place, Words } from "./figure.js" */
/** @import { Question } from "./question.js" */

/** @typedef {Question & { section: string }} Asked */
/** @typedef {{ questions: Asked[], number: number, tries: number[][], words: Words }} State */

/** @param {Model<State>} model */
function link(model) {
  const questions = model.get("questions");
  const tries = written(
    /** @param {number[][]} all */
    (all) => all.map((tried) => tried.join("")).join("."),
    (text) => {
      const all = text.split(".").map((digits) => [...digits].map(Number));
      const fits = all.length === questions.length && all.every((tried, index) => {
        const { options, answer } = questions[index];
        const known = tried.every((choice) => choice in options);
        return known && new Set(tried).size === tried.length && !tried.slice(0, -1).includes(answer);
      });
      return fits ? all : undefined;
    },
  );
  return { rules: { number: whole(1, questions.length), tries } };
}

/**
 * Where on this page a section stands, by its heading.
 *
 * @param {string} section
 */
function addressOf(section) {
  const headings = [...document.querySelectorAll("h2, h3")];
  const found = headings.find(({ textContent }) => textContent?.replace(/[#¶]$/, "").trim() === section);
  return found?.id || found?.closest("section")?.id;
}

export default {
  link,
  /** @param {Place<State>} place */
  render({ model, el }) {
    const questions = model.get("questions");
    const all = questions.length;
    const keep = keeper(model);
    /** @type {number | null} */
    let chosen = null;

    // First tries of an earlier visit still stand.
    if (onPage(el) && !model.get("tries").some((tried) => tried.length)) {
      const earlier = questions.map(({ question, options }) => {
        const choice = predictionOf(question);
        return choice !== undefined && choice < options.length ? [choice] : [];
      });
      if (earlier.some((tried) => tried.length)) keep({ tries: earlier });
    }

    const present = () => model.get("number") - 1;
    /** @param {number} index */
    const isSolved = (index) => model.get("tries")[index].includes(questions[index].answer);

    const fields = questions.map((asked) =>
      questionField(asked, (choice) => {
        chosen = choice;
        draw();
      })
    );
    const heading = html("p", { class: "fl-heading" });
    const check = button("check", "Check", () => {}, { type: "submit", class: "fl-button fl-primary" });
    const back = button("back", "Previous", () => show(-1));
    const next = button("next", "Next", () => show(1));
    const clear = button("clear", "Start again", startAgain);
    const [told, reason, score] = ["", "fl-told", "fl-score"].map((name) => html("span", { class: name }));
    const sentence = stateSentence();
    sentence.append(told, " ", reason, " ", score);
    const source = html("a", { class: "fl-source", "data-control": "source" });
    const actions = html("div", { class: "fl-actions" }, check, back, next, clear);
    const form = formOf(checkIt, heading, ...fields.map(({ element }) => element), actions);

    /** @param {number} by */
    function show(by) {
      keep({ number: model.get("number") + by });
    }

    function startAgain() {
      if (onPage(el)) questions.forEach(({ question }) => notePrediction(question, null));
      keep({ number: 1, tries: questions.map(() => []) });
    }

    function checkIt() {
      const index = present();
      if (chosen === null || isSolved(index)) return;
      const choice = chosen;
      const tries = model.get("tries").map((tried, one) => (one === index ? [...tried, choice] : tried));
      if (onPage(el) && tries[index].length === 1) notePrediction(questions[index].question, choice);
      keep({ tries });
      const onwards = isSolved(index) ? [next, clear][Number(index === all - 1)] : fields[index].radios.find(isOpen);
      onwards?.focus({ preventScroll: true });
    }

    /** @param {HTMLInputElement} radio */
    function isOpen(radio) {
      return !radio.disabled;
    }

    function draw() {
      const [index, tries] = [present(), model.get("tries")];
      const { options, answer, because, section } = questions[index];
      fields.forEach(({ element, show: showField }, one) => {
        setAttributes(element, { hidden: one !== index });
        const [asked, solved] = [questions[one], isSolved(one)];
        showField(solved ? asked.answer : one === index ? chosen : null, (option) => {
          const isTried = tries[one].includes(option);
          const verdict = !isTried ? null : option === asked.answer ? "right" : "wrong";
          const mark = verdict === "right" ? "✓ right" : verdict === "wrong" ? "not so" : "";
          const closed = isTried || solved;
          return { verdict, mark, why: closed ? asked.because[option] : "", closed };
        });
      });
      say(heading, `Question ${index + 1} of ${all}`);
      setAvailable(check, chosen !== null && !isSolved(index));
      setAvailable(back, index > 0);
      setAvailable(next, index < all - 1);
      setAvailable(clear, tries.some((one) => one.length));

      const last = tries[index].at(-1);
      const open = last === undefined;
      const values = { number: index + 1, all };
      const picked = chosen === null ? null : `Chosen: ${options[chosen]}. Not checked yet.`;
      say(told, picked ?? tell(model, open ? "open" : last === answer ? "right" : "wrong", values));
      const why = open || picked ? "" : tell(model, "reason", { option: options[last], because: because[last] });
      say(reason, why);
      const answered = range(all).filter((one) => tries[one].length);
      const right = answered.filter((one) => tries[one][0] === questions[one].answer).length;
      const isWhole = range(all).every(isSolved);
      const counted = { right, count: answered.length, all };
      say(score, answered.length ? tell(model, isWhole ? "score" : "so far", counted) : "");

      const address = addressOf(section);
      setAttributes(source, { hidden: open || !section, href: address ? `#${address}` : null });
      say(source, `${address ? "Read again" : "See the section"}: ${section}`);
    }

    const stop = onTraits(model, ["number", "tries"], () => {
      chosen = null;
      draw();
    });
    draw();
    el.append(figureFrame("quiz", "Quiz", form, sentence, source));
    return stop;
  },
};
