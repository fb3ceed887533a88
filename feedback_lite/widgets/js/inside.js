// The inside of a trained feedback model, token by token. Numbers come from the runtime or, where the weights cannot be
// read, from what Python recorded; both have the form that `momentOf` returns, and the picture only draws it.

import { button, checkbox, onKeys, setAvailable, slider, stepControls, stepper } from "./controls.js";
import { figureFrame, html, keeper, onTraits, setAttributes, widthOf } from "./figure.js";
import { answerName, momentOf, ordered, ownSize, Runs, tellSlot } from "./inside_moment.js";
import { drawReadings, makePicture } from "./inside_picture.js";
import { oneOf, several, whole, yesOrNo } from "./link.js";
import { makeCaptions, onOneScreen } from "./screen.js";
import { GameError, ShellGame } from "./shell_game.js";
import { clamp, percent, range, say, stateSentence } from "./words.js";

/** @import { Model, Place } from "./figure.js" */
/** @import { Game, Moment, Traits } from "./inside_moment.js" */
/** @import { Exported } from "./weights.js" */

/** @typedef {(changes: Partial<Traits>) => void} Keep */

const STATE = [
  "tokens",
  "step",
  "slot",
  "written",
  "memory_size",
  "memory_offset",
  "silent_layers",
  "deleted",
  "hide_answer",
  "shown",
];

// ---- the link

/** @param {Model<Traits>} model */
function link(model) {
  const { tokens, slots, deleted } = model.get("limits");
  const top = model.get("models")[0].config.num_layers;
  const rules = new ShellGame(model.get("rules"));
  const moment = whole(1, tokens + 1);
  return {
    rules: {
      tokens: rules.inLinks(tokens),
      step: whole(1, tokens),
      slot: whole(1, tokens),
      written: oneOf(["mixture", "uniform", ...range(top + 1)]),
      memory_size: whole(1, slots),
      memory_offset: yesOrNo(),
      silent_layers: several(whole(1, top), 0, top, { distinct: true }),
      deleted: several(several(moment, 2, 2, { between: "-" }), 0, deleted),
      hide_answer: yesOrNo(),
      shown: whole(0, tokens),
    },
    fits: (/** @type {Traits} */ state) =>
      Math.max(state.step, state.slot) <= state.tokens.length &&
      state.deleted.every(([slot, step]) => slot < step) &&
      new Set(state.deleted.map(([slot]) => slot)).size === state.deleted.length,
  };
}

/** @type {(holds: unknown, reason: string) => asserts holds} */
const need = (holds, reason) => {
  if (!holds) throw new Error(reason);
};

/**
 * Read a game as people write it, such as "3 12 45"; what cannot be read is an Error with a sentence for the reader.
 *
 * @param {string} text
 * @param {ShellGame} rules
 * @param {number} most tokens
 */
function parseTypedGame(text, rules, most) {
  const words = text.trim().split(/[\s,.;]+/).filter((word) => word !== "");
  need(words.length > 0, "Type the ball's cup, then swaps, for example 3 12 45.");
  need(words.length <= most, `A game has at most ${most} tokens. These are ${words.length}.`);
  try {
    return rules.read(words);
  } catch (error) {
    if (!(error instanceof GameError)) throw error;
    const shown = `“${error.word.length > 12 ? `${error.word.slice(0, 12)}…` : error.word}”`;
    need(error.expected !== "cup", `A game begins with the ball's cup, 1 to ${rules.cups}. ${shown} is none.`);
    throw new Error(`A swap is two different cups, such as 12. ${shown} is none.`);
  }
}

// ---- the controls

/**
 * @param {string} name
 * @param {Element} control
 */
function labelled(name, control) {
  return html("label", { class: "fl-field" }, html("span", {}, name), control);
}

/**
 * @param {string} control
 * @param {[value: string | number, name: string][]} options
 * @param {(value: string) => void} change
 */
function choice(control, options, change) {
  const made = options.map(([value, name]) => html("option", { value }, name));
  const node = html("select", { class: "fl-select", "data-control": control }, ...made);
  node.addEventListener("change", () => change(node.value));
  return node;
}

/**
 * @param {string} control
 * @param {string} name
 * @param {...Node} children
 */
function fold(control, name, ...children) {
  return html("details", { class: "fl-fold" }, html("summary", { "data-control": control }, name), ...children);
}

/**
 * The next token, and the whole game as text.
 *
 * @param {Model<Traits>} model
 * @param {ShellGame} rules
 * @param {Keep} keep
 * @param {Element} message
 */
function gameControls(model, rules, keep, message) {
  const most = model.get("limits").tokens;
  /** @type {[number, string][]} */
  const swaps = rules.swaps.map(([left, right], index) => [rules.cups + index, `swap ${left + 1} and ${right + 1}`]);
  const next = choice("next token", swaps, () => {});
  const add = button("add", "Add", () => {
    const step = model.get("step");
    const tokens = [...model.get("tokens").slice(0, step), Number(next.value)];
    const deleted = model.get("deleted").filter(([token]) => token <= step);
    keep({ tokens, step: step + 1, slot: Math.min(model.get("slot"), step + 1), deleted });
  });
  const input = html("input", {
    type: "text",
    class: "fl-text",
    "data-control": "game",
    autocomplete: "off",
    autocapitalize: "off",
    spellcheck: "false",
    inputmode: "text",
    "aria-label": "The whole game: the ball's cup, then swaps",
  });
  const use = () => {
    try {
      const tokens = parseTypedGame(input.value, rules, most);
      keep({ tokens, step: tokens.length, slot: Math.max(1, tokens.length - 1), deleted: [], shown: 0 });
    } catch (error) {
      say(message, error instanceof Error ? error.message : String(error));
    }
  };
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter") use();
  });
  const how = "The ball's cup, then swaps: 3 12 45 is the ball under cup 3, swap 1 and 2, swap 4 and 5.";
  const element = fold(
    "change the game",
    "Change the game",
    html("div", { class: "fl-pair" }, labelled("Next token", next), add),
    html("p", { class: "fl-note" }, "It comes after the present step and takes the place of all that followed."),
    html("div", { class: "fl-pair" }, labelled("Whole game", input), button("use", "Use", use)),
    message,
    html("p", { class: "fl-note" }, how),
  );
  function update() {
    setAvailable(add, model.get("step") < most);
    const written = rules.write(model.get("tokens"), " ");
    if (input.dataset.game !== written) [input.value, input.dataset.game] = [written, written];
  }
  return { element, update };
}

/**
 * The interventions.
 *
 * @param {Model<Traits>} model
 * @param {Keep} keep
 * @param {() => Moment} moment
 */
function modelControls(model, keep, moment) {
  const limits = model.get("limits");
  const layers = range(model.get("models")[0].config.num_layers, 1);
  /** @type {[string, string][]} */
  const sources = [
    ["mixture", "the learned mixture"],
    ["uniform", "equal shares of all layers"],
    ["0", "the embedding alone"],
    ...layers.map((layer) => /** @type {[string, string]} */ ([String(layer), `layer ${layer} alone`])),
  ];
  const written = choice("written", sources, (value) => {
    keep({ written: value === "mixture" || value === "uniform" ? value : Number(value) });
  });
  const size = slider({
    control: "memory size",
    label: "Memory size",
    first: 1,
    last: limits.slots,
    change: (memory_size) => keep({ memory_size }),
  });
  const offset = checkbox(
    "offset",
    "The memory counts in the positions",
    (checked) => keep({ memory_offset: checked }),
  );
  const attention = layers.map((layer) =>
    checkbox(`attention ${layer}`, `Attention of layer ${layer}`, (checked) => {
      const others = model.get("silent_layers").filter((silent) => silent !== layer);
      keep({ silent_layers: ordered(checked ? others : [...others, layer]) });
    })
  );
  const remove = button("delete", "Delete the chosen slot", () => {
    const slot = model.get("slot");
    keep({ deleted: [...model.get("deleted").filter(([token]) => token !== slot), [slot, model.get("step") + 1]] });
  });
  const restore = button("bring back", "Bring all back", () => keep({ deleted: [] }));
  const trained = button(
    "as trained",
    "As trained",
    () =>
      keep({ written: "mixture", memory_size: ownSize(model), memory_offset: true, silent_layers: [], deleted: [] }),
  );
  const note = "A change holds from the first step on. A deleted slot is gone from the next step on.";
  const element = fold(
    "change the model",
    "Change the model",
    html("p", { class: "fl-note" }, note),
    labelled("Written to memory", written),
    size.element,
    html("div", { class: "fl-checks" }, ...[...attention, offset].map(({ label }) => label)),
    html("div", { class: "fl-row" }, remove, restore, trained),
  );
  function update() {
    const slots = model.get("memory_size");
    written.value = String(model.get("written"));
    size.show(slots, slots === 1 ? "1 slot" : `${slots} slots`);
    offset.input.checked = model.get("memory_offset");
    attention.forEach(({ input }, index) => {
      input.checked = !model.get("silent_layers").includes(index + 1);
    });
    const { after, slot, step, deleted, changes } = moment();
    const doomed = deleted.some(([token, before]) => token === slot && before === step + 1);
    setAvailable(remove, after.includes(slot) && !doomed && deleted.length < limits.deleted);
    setAvailable(restore, deleted.length > 0);
    setAvailable(trained, changes !== "");
  }
  element.open = moment().changes !== "";
  return { element, update };
}

// ---- the figure

/**
 * What is said over the picture: the token, the answer, and what is changed.
 *
 * @param {Game} game
 * @param {number} trainedLength
 */
function makeHead(game, trainedLength) {
  const spans = ["now", "longer", "says", "verdict"].map((name) => html("span", { class: `fl-${name}` }));
  const [now, longer, says, verdict] = spans;
  const answer = html("p", { class: "fl-answer" }, says, " ", verdict);
  const changed = html("p", { class: "fl-changed" });
  const node = html("div", { class: "fl-head" }, html("p", {}, now, longer), answer, changed);

  /** @param {Moment} moment */
  function update({ tokens, step, answers, hidden, changes, trained }) {
    const last = answers[answers.length - 1];
    const ball = game.rules.ballAfter(tokens.slice(0, step));
    const right = last[0] === ball;
    const unchanged = hidden || !trained ? "" : ` As trained: ${answerName(trained, game)}.`;
    say(now, `Step ${step} of ${tokens.length}: ${game.vocabulary[tokens[step - 1]]}`);
    say(longer, step > trainedLength ? `, longer than the ${trainedLength} tokens of training` : "");
    setAttributes(answer, { "data-verdict": hidden ? "hidden" : right ? "right" : "wrong" });
    say(says, hidden ? "The answer is hidden." : `The model says ${answerName(last, game)}`);
    say(verdict, hidden ? "" : right ? "✓ right" : `✗ wrong: the ball is under cup ${ball + 1}`);
    say(changed, changes ? `Changed: ${changes}.${unchanged}` : "");
    setAttributes(changed, { hidden: changes === "" });
  }
  return { node, update };
}

/**
 * @param {Moment} moment
 * @param {string} name
 */
function tellReadings({ slot, before, weights }, name) {
  const place = before.indexOf(slot);
  if (place < 0) return `${name} It is not read now.`;
  const read = weights.map((heads, layer) => {
    const shares = heads.map((row) => percent(row[place]));
    return `layer ${layer + 1}: ${shares.join(" and ")}`;
  });
  return `${name} Read by ${read.join(", ")}.`;
}

/** @param {Exported | undefined} exported */
function startRuns(exported) {
  try {
    return { runs: new Runs(exported), broken: "" };
  } catch (error) {
    return { runs: null, broken: error instanceof Error ? error.message : String(error) };
  }
}

export default {
  link,
  /** @param {Place<Traits>} place */
  render({ model, el }) {
    const exported = model.get("models").at(0);
    const { runs, broken } = startRuns(exported);
    const { vocabulary } = model.get("recorded");
    const game = { rules: new ShellGame(model.get("rules")), vocabulary };
    /** @type {Moment} */
    let moment = model.get("recorded");
    let [waiting, stopped] = [false, false];

    const lines = ["top", "game"].map(() => html("p", { class: "fl-message", role: "alert" }));
    const [top, ofGame] = lines;
    const keep = keeper(model, () => lines.forEach((line) => say(line, "")));
    const head = makeHead(game, exported?.trained_length ?? Infinity);
    /** @param {number} slot */
    const choose = (slot) => {
      if (runs) keep({ slot: clamp(slot, 1, model.get("step")) });
    };
    const picture = makePicture(choose, game);
    const box = html("div", { class: "fl-picture-box" }, picture.node);
    const chosen = html("p", { class: "fl-chosen" });
    const readings = html("div", { class: "fl-readings-box" });
    const controls = html("div", { class: "fl-controls" });
    const folds = html("div", { class: "fl-folds" }, runs ? fold("readings", "How it was read", readings) : readings);
    const sentence = stateSentence();
    const update = { controls() {}, stop() {} };

    function drawPictures() {
      const width = widthOf(box, 240);
      picture.update(moment, width);
      readings.replaceChildren(drawReadings(moment, width));
    }

    /** Draw once what one move has changed, and only when all of it is changed. */
    function drawSoon() {
      if (!waiting) queueMicrotask(draw);
      waiting = true;
    }

    function draw() {
      waiting = false;
      if (stopped) return;
      if (runs) moment = momentOf(model, runs, game);
      head.update(moment);
      drawPictures();
      const name = tellSlot(moment, vocabulary);
      say(chosen, name);
      if (runs) {
        const limits = { "aria-valuenow": moment.slot, "aria-valuemax": moment.tokens.length };
        setAttributes(picture.picker, { ...limits, "aria-valuetext": tellReadings(moment, name) });
      }
      update.controls();
      say(sentence, moment.sentence);
    }

    const screen = onOneScreen([head.node, box], [controls, chosen, folds]);
    const parts = [top, ...(runs ? [makeCaptions(model)] : []), screen, sentence];
    el.append(figureFrame("inside", "The inside of the model, step by step", ...parts));
    draw();
    if (runs) {
      addControls();
      draw();
    } else say(top, `${broken} This step was recorded; the others need the model.`);
    const watcher = new ResizeObserver(() => drawPictures());
    watcher.observe(box);
    const unlisten = onTraits(model, STATE, drawSoon);
    return () => {
      stopped = true;
      update.stop();
      watcher.disconnect();
      unlisten();
    };

    function addControls() {
      const names = { role: "slider", tabindex: 0, "data-control": "slot", "aria-label": "Chosen slot" };
      setAttributes(picture.picker, { ...names, "aria-valuemin": 1 });
      /** @param {number} slots */
      const moveBy = (slots) => () => choose(model.get("slot") + slots);
      onKeys(picture.picker, {
        ArrowLeft: moveBy(-1),
        ArrowDown: moveBy(-1),
        ArrowRight: moveBy(1),
        ArrowUp: moveBy(1),
        Home: moveBy(-Infinity),
        End: moveBy(Infinity),
      });
      const makeTime = () =>
        stepControls({
          label: "Time step",
          first: 1,
          last: model.get("tokens").length,
          get: () => model.get("step"),
          set: (step) => keep({ step }),
        });
      let [time, length] = [makeTime(), model.get("tokens").length];
      const hide = checkbox("hide answer", "Hide the answer", (checked) => keep({ hide_answer: checked, shown: 0 }));
      const show = button("show", "Show", () => keep({ shown: model.get("step") }));
      const ofTheGame = gameControls(model, game.rules, keep, ofGame);
      const ofTheModel = modelControls(model, keep, () => moment);
      const slots = stepper({ control: "slot", label: "Slot", moveBy: (by) => moveBy(by)() });
      controls.append(time.element, slots.element, hide.label, show);
      folds.append(ofTheGame.element, ofTheModel.element);
      update.stop = () => time.stop();
      update.controls = () => {
        if (length !== model.get("tokens").length) {
          time.stop();
          const fresh = makeTime();
          time.element.replaceWith(fresh.element);
          [time, length] = [fresh, model.get("tokens").length];
        }
        time.update();
        hide.input.checked = model.get("hide_answer");
        setAvailable(show, moment.hidden);
        setAttributes(show, { hidden: !model.get("hide_answer") });
        slots.update([moment.slot > 1, moment.slot < moment.step]);
        ofTheGame.update();
        ofTheModel.update();
      };
    }
  },
};
