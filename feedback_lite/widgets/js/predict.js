import { button, figureFrame, html, say, setAttributes, setAvailable, stateSentence } from "./figure.js";

export default {
  render({ model, el }) {
    const [question, options, answer, because] = ["question", "options", "answer", "because"].map((key) => model.get(key));
    let chosen = model.get("choice");

    const radios = options.map((_, index) =>
      html("input", { type: "radio", name: "prediction", value: index, "data-control": "option" }),
    );
    const marks = options.map(() => html("span", { class: "fl-mark", "aria-hidden": "true" }));
    const rows = options.map((option, index) =>
      html("label", { class: "fl-option" }, radios[index], html("span", {}, option), marks[index]),
    );
    const record = button("record", "Record my answer", () => {}, { type: "submit", class: "fl-button fl-primary" });
    const again = button("again", "Clear my answer", () => recordChoice(null));
    const sentence = stateSentence();
    const choices = html("fieldset", { class: "fl-options" }, html("legend", {}, question), ...rows);

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

    function recordChoice(choice) {
      chosen = choice;
      model.set("choice", choice);
      model.save_changes();
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
        say(marks[index], { right: "✓ right", wrong: "your answer" }[verdict] ?? "");
      });
      setAvailable(record, open && chosen !== null);
      setAttributes(record, { hidden: !open });
      setAttributes(again, { hidden: open });
      say(sentence, tell(recorded, chosen));
    }

    function tell(recorded, picked) {
      if (recorded === null) {
        return picked === null ? "No answer chosen yet." : `Chosen: ${options[picked]}. Not recorded yet.`;
      }
      const start = `You predicted: ${options[recorded]}.`;
      if (recorded === answer) return `${start} That is right. ${because[answer]}`;
      const right = `Right is: ${options[answer]}.`;
      return `${start} That is not so. ${right} ${because[recorded]}`;
    }

    const onChoice = () => {
      if (model.get("choice") === null) chosen = null;
      draw();
    };
    model.on("change:choice", onChoice);
    draw();
    el.append(figureFrame("predict", "Your prediction", form, sentence));
    return () => model.off("change:choice", onChoice);
  },
};
