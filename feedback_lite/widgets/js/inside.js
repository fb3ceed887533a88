// The inside of a trained feedback model, token by token. Numbers come from the runtime or, where the weights cannot be
// read, from what Python recorded; both have the form that `momentOf` returns, and the picture only draws it.

import { button, figureFrame, html, percent, say, setAttributes, setAvailable, stateSentence, stepControls } from "./figure.js";
import {
  answerName, CUPS, follow, MAX_DELETED, MAX_SLOTS, MAX_TOKENS, momentOf, ordered, ownSize, parseGame, Runs, SWAPS,
  tellSlot, writeGame,
} from "./inside_game.js";
import { drawReadings, makePicture } from "./inside_picture.js";
import { copyLink, followLinks, onPage } from "./link.js";

const STATE = [
  "tokens", "step", "slot", "written", "memory_size", "memory_offset", "silent_layers", "deleted", "hide_answer", "shown",
];

// ---- the link --------------------------------------------------------------------------------------------------------

/** The state in a short readable form, such as "3.12.45,step:2,slot:1,memory:8"; what is as usual is left out. */
export function writeState(model) {
  const parts = [writeGame(model.get("tokens"), "."), `step:${model.get("step")}`, `slot:${model.get("slot")}`];
  const add = (name, usual, value) => usual || parts.push(`${name}:${value}`);
  add("written", model.get("written") === "mixture", model.get("written"));
  add("memory", model.get("memory_size") === ownSize(model), model.get("memory_size"));
  add("offset", model.get("memory_offset"), "off");
  add("silent", model.get("silent_layers").length === 0, model.get("silent_layers").join("."));
  add("deleted", model.get("deleted").length === 0, model.get("deleted").map((pair) => pair.join("at")).join("."));
  add("answer", !model.get("hide_answer"), "hidden");
  add("shown", model.get("shown") === 0, model.get("shown"));
  return parts.join(",");
}

/** The state that a link holds; what is not exactly of that form is an Error with a sentence for the reader. */
export function parseState(words, model) {
  const need = (holds, reason) => {
    if (!holds) throw new Error(reason);
  };
  const [game, ...parts] = words.split(",");
  const top = model.get("models")[0].config.num_layers;
  need(/^[1-5](\.[1-5]{2})*$/.test(game), "its game is not written as 3.12.45");
  let tokens = [];
  try {
    tokens = parseGame(game);
  } catch {
    need(game.length > 3 * MAX_TOKENS, "it holds a swap of a cup with itself");
    need(false, `its game is longer than ${MAX_TOKENS} tokens`);
  }
  const forms = {
    step: /^[1-9]\d{0,2}$/, slot: /^[1-9]\d{0,2}$/, written: /^(uniform|\d)$/, memory: /^[1-9]\d?$/, offset: /^off$/,
    silent: /^\d(\.\d)*$/, deleted: /^\d{1,3}at\d{1,3}(\.\d{1,3}at\d{1,3})*$/, answer: /^hidden$/, shown: /^[1-9]\d{0,2}$/,
  };
  const found = new Map();
  parts.forEach((part) => {
    const [name, value, ...more] = part.split(":");
    const known = Object.hasOwn(forms, name) && forms[name].test(value ?? "") && more.length === 0;
    need(known && !found.has(name), "a part of it is not known");
    found.set(name, value);
  });
  need(found.has("step") && found.has("slot"), "it names no step or no slot");
  const [step, slot] = [Number(found.get("step")), Number(found.get("slot"))];
  need(step <= tokens.length && slot <= tokens.length, `its game has only ${tokens.length} steps`);
  const written = found.get("written") ?? "mixture";
  need(/^\D/.test(written) || Number(written) <= top, "there is no such layer");
  const size = Number(found.get("memory") ?? ownSize(model));
  need(size <= MAX_SLOTS, `the memory has at most ${MAX_SLOTS} slots`);
  const silent = found.has("silent") ? found.get("silent").split(".").map(Number) : [];
  need(new Set(silent).size === silent.length && silent.every((layer) => layer >= 1 && layer <= top), "there is no such layer");
  const deleted = found.has("deleted") ? found.get("deleted").split(".").map((pair) => pair.split("at").map(Number)) : [];
  const fits = ([token, moment]) => token >= 1 && token < moment && moment <= MAX_TOKENS + 1;
  need(deleted.length <= MAX_DELETED && deleted.every(fits), "it deletes what cannot be deleted");
  need(new Set(deleted.map(([token]) => token)).size === deleted.length, "it deletes a slot twice");
  const shown = Number(found.get("shown") ?? 0);
  need(shown <= MAX_TOKENS, `its game has only ${tokens.length} steps`);
  return {
    tokens, step, slot, written: /^\d$/.test(written) ? Number(written) : written, memory_size: size,
    memory_offset: !found.has("offset"), silent_layers: silent, deleted, hide_answer: found.has("answer"), shown,
  };
}

// ---- the controls ----------------------------------------------------------------------------------------------------

function labelled(name, control) {
  return html("label", { class: "fl-field" }, html("span", {}, name), control);
}

function choice(control, options, change) {
  const made = options.map(([value, name]) => html("option", { value }, name));
  const node = html("select", { class: "fl-select", "data-control": control }, ...made);
  node.addEventListener("change", () => change(node.value));
  return node;
}

function checkbox(control, name, change) {
  const input = html("input", { type: "checkbox", "data-control": control });
  input.addEventListener("change", () => change(input.checked));
  return { input, label: html("label", { class: "fl-check" }, input, html("span", {}, name)) };
}

function fold(control, name, ...children) {
  return html("details", { class: "fl-fold" }, html("summary", { "data-control": control }, name), ...children);
}

/** The next token, and the whole game as text. */
function gameControls(model, keep, message) {
  const swaps = SWAPS.map(([left, right], index) => [CUPS + index, `swap ${left} and ${right}`]);
  const next = choice("next token", swaps, () => {});
  const add = button("add", "Add", () => {
    const step = model.get("step");
    const tokens = [...model.get("tokens").slice(0, step), Number(next.value)];
    const deleted = model.get("deleted").filter(([token]) => token <= step);
    keep({ tokens, step: step + 1, slot: Math.min(model.get("slot"), step + 1), deleted });
  });
  const input = html("input", {
    type: "text", class: "fl-text", "data-control": "game", autocomplete: "off", autocapitalize: "off", spellcheck: "false",
    inputmode: "text", "aria-label": "The whole game: the ball's cup, then swaps",
  });
  const use = () => {
    try {
      const tokens = parseGame(input.value);
      keep({ tokens, step: tokens.length, slot: Math.max(1, tokens.length - 1), deleted: [], shown: 0 });
    } catch (error) {
      say(message, error.message);
    }
  };
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter") use();
  });
  const element = fold(
    "change the game", "Change the game",
    html("div", { class: "fl-pair" }, labelled("Next token", next), add),
    html("p", { class: "fl-note" }, "It comes after the present step and takes the place of all that followed."),
    html("div", { class: "fl-pair" }, labelled("Whole game", input), button("use", "Use", use)),
    message,
    html("p", { class: "fl-note" }, "The ball's cup, then swaps: 3 12 45 is the ball under cup 3, swap 1 and 2, swap 4 and 5."),
  );
  function update() {
    setAvailable(add, model.get("step") < MAX_TOKENS);
    const written = writeGame(model.get("tokens"));
    if (input.dataset.game !== written) [input.value, input.dataset.game] = [written, written];
  }
  return { element, update };
}

/** The interventions. */
function modelControls(model, keep, moment) {
  const layers = model.get("models")[0].config.num_layers;
  const numbers = Array.from({ length: layers }, (_, index) => index + 1);
  const alone = numbers.map((layer) => [String(layer), `layer ${layer} alone`]);
  const mixed = [["mixture", "the learned mixture"], ["uniform", "equal shares of all layers"]];
  const written = choice("written", [...mixed, ["0", "the embedding alone"], ...alone], (value) => keep({ written: /^\d/.test(value) ? Number(value) : value }));
  const name = { "data-control": "memory size", "aria-label": "Memory size" };
  const size = html("input", { type: "range", min: 1, max: MAX_SLOTS, step: 1, ...name });
  size.addEventListener("input", () => keep({ memory_size: Number(size.value) }));
  const slots = html("span", { class: "fl-value" });
  const offset = checkbox("offset", "The memory counts in the positions", (checked) => keep({ memory_offset: checked }));
  const attention = numbers.map((layer) =>
    checkbox(`attention ${layer}`, `Attention of layer ${layer}`, (checked) => {
      const others = model.get("silent_layers").filter((silent) => silent !== layer);
      keep({ silent_layers: ordered(checked ? others : [...others, layer]) });
    }),
  );
  const remove = button("delete", "Delete the chosen slot", () => {
    const slot = model.get("slot");
    keep({ deleted: [...model.get("deleted").filter(([token]) => token !== slot), [slot, model.get("step") + 1]] });
  });
  const restore = button("bring back", "Bring all back", () => keep({ deleted: [] }));
  const trained = button("as trained", "As trained", () =>
    keep({ written: "mixture", memory_size: ownSize(model), memory_offset: true, silent_layers: [], deleted: [] }),
  );
  const element = fold(
    "change the model", "Change the model",
    html("p", { class: "fl-note" }, "A change holds from the first step on. A deleted slot is gone from the next step on."),
    labelled("Written to memory", written),
    html("div", { class: "fl-slider" }, html("span", {}, "Memory size"), size, slots),
    html("div", { class: "fl-checks" }, ...[...attention, offset].map(({ label }) => label)),
    html("div", { class: "fl-row" }, remove, restore, trained),
  );
  function update() {
    written.value = String(model.get("written"));
    size.value = model.get("memory_size");
    const told = model.get("memory_size") === 1 ? "1 slot" : `${model.get("memory_size")} slots`;
    setAttributes(size, { "aria-valuetext": told });
    say(slots, told);
    offset.input.checked = model.get("memory_offset");
    attention.forEach(({ input }, index) => (input.checked = !model.get("silent_layers").includes(index + 1)));
    const { after, slot, step, deleted, changes } = moment();
    const doomed = deleted.some(([token, before]) => token === slot && before === step + 1);
    setAvailable(remove, after.includes(slot) && !doomed && deleted.length < MAX_DELETED);
    setAvailable(restore, deleted.length > 0);
    setAvailable(trained, changes !== "");
  }
  element.open = moment().changes !== "";
  return { element, update };
}

// ---- the figure ------------------------------------------------------------------------------------------------------

/** What is said over the picture: the token, the answer, and what is changed. */
function drawHead(nodes, { tokens, step, answers, hidden, changes, trained }, vocabulary, trainedLength) {
  const longer = step > trainedLength ? `, longer than the ${trainedLength} tokens of training` : "";
  say(nodes.now, `Step ${step} of ${tokens.length}: ${vocabulary[tokens[step - 1]]}`);
  say(nodes.longer, longer);
  const ball = follow(tokens.slice(0, step));
  const right = answers.at(-1)[0] === ball;
  nodes.answer.dataset.verdict = hidden ? "hidden" : right ? "right" : "wrong";
  const verdict = right ? "✓ right" : `✗ wrong: the ball is under cup ${ball + 1}`;
  say(nodes.says, hidden ? "The answer is hidden." : `The model says ${answerName(answers.at(-1), vocabulary)}`);
  say(nodes.verdict, hidden ? "" : verdict);
  const unchanged = hidden ? "" : ` As trained: ${answerName(trained ?? [0, 0], vocabulary)}.`;
  say(nodes.changed, changes ? `Changed: ${changes}.${unchanged}` : "");
  setAttributes(nodes.changed, { hidden: changes === "" });
}

function tellReadings({ slot, before, weights }, name) {
  const place = before.indexOf(slot);
  if (place < 0) return `${name} It is not read now.`;
  const read = weights.map((heads, layer) => `layer ${layer + 1}: ${heads.map((row) => percent(row[place])).join(" and ")}`);
  return `${name} Read by ${read.join(", ")}.`;
}

function startRuns(exported) {
  try {
    return { runs: new Runs(exported), broken: "" };
  } catch (error) {
    return { runs: null, broken: error.message };
  }
}

export default {
  render({ model, el }) {
    const exported = model.get("models")?.[0];
    const { runs, broken } = startRuns(exported);
    const { vocabulary } = model.get("recorded");
    let moment = null;
    let [waiting, stopped] = [false, false];

    const lines = ["top", "link", "game"].map(() => html("p", { class: "fl-message", role: "alert" }));
    const [top, ofLink, ofGame] = lines;
    const keep = (changes) => {
      lines.forEach((line) => say(line, ""));
      Object.entries(changes).forEach(([key, value]) => model.set(key, value));
      model.save_changes();
    };
    const spans = ["now", "longer", "says", "verdict"].map((name) => [name, html("span", { class: `fl-${name}` })]);
    const nodes = Object.fromEntries(spans);
    nodes.answer = html("p", { class: "fl-answer" }, nodes.says, " ", nodes.verdict);
    nodes.changed = html("p", { class: "fl-changed" });
    const head = html("div", { class: "fl-head" }, html("p", {}, nodes.now, nodes.longer), nodes.answer, nodes.changed);
    const choose = (slot) => runs && keep({ slot: Math.max(1, Math.min(model.get("step"), slot)) });
    const picture = makePicture(choose);
    const box = html("div", { class: "fl-picture-box" }, picture.node);
    const chosen = html("p", { class: "fl-chosen" });
    const readings = html("div", { class: "fl-readings-box" });
    const controls = html("div", {});
    const sentence = stateSentence();
    const update = { controls() {}, stop() {} };

    function drawPictures() {
      const width = Math.round(Math.max(240, Math.min(720, box.clientWidth || 680)));
      picture.update(moment, vocabulary, width);
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
      moment = runs ? momentOf(model, runs) : model.get("recorded");
      drawHead(nodes, moment, vocabulary, exported?.trained_length);
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

    const parts = [top, head, box, chosen, readings, controls, sentence];
    el.append(figureFrame("inside", "The inside of the model, step by step", ...parts));
    draw();
    if (runs) {
      addControls();
      draw();
    } else say(top, `${broken} This step was recorded; the others need the model.`);
    const watcher = new ResizeObserver(() => drawPictures());
    watcher.observe(box);
    STATE.forEach((key) => model.on(`change:${key}`, drawSoon));
    const refuse = (problem) => say(top, `${problem} The figure stays as it is.`);
    const unlink = runs ? followLinks("inside", el, (words) => parseState(words, model), keep, refuse) : () => {};
    return () => {
      stopped = true;
      update.stop();
      unlink();
      watcher.disconnect();
      STATE.forEach((key) => model.off(`change:${key}`, drawSoon));
    };

    function addControls() {
      const slider = { role: "slider", tabindex: 0, "aria-label": "Chosen slot", "aria-valuemin": 1 };
      setAttributes(picture.picker, { ...slider, "data-control": "slot" });
      const keys = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, Home: -Infinity, End: Infinity };
      picture.picker.addEventListener("keydown", (event) => {
        if (!(event.key in keys)) return;
        event.preventDefault();
        choose(model.get("slot") + keys[event.key]);
      });
      const move = { get: () => model.get("step"), set: (step) => keep({ step }) };
      const makeTime = () => stepControls({ label: "Time step", first: 1, last: model.get("tokens").length, ...move });
      let [time, length] = [makeTime(), model.get("tokens").length];
      const hide = checkbox("hide answer", "Hide the answer", (checked) => keep({ hide_answer: checked, shown: 0 }));
      const show = button("show", "Show", () => keep({ shown: model.get("step") }));
      const game = gameControls(model, keep, ofGame);
      const changes = modelControls(model, keep, () => moment);
      const link = onPage(el) ? [copyLink("inside", () => writeState(model), (words) => say(ofLink, words))] : [];
      controls.append(time.element, html("div", { class: "fl-row" }, hide.label, show, ...link), ofLink, game.element, changes.element);
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
        game.update();
        changes.update();
      };
    }
  },
};
