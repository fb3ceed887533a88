import { button, checkbox, oneStop, setAvailable, stepControls } from "./controls.js";
import { guard, liveOrRecorded } from "./duel.js";
import { figureFrame, html, keeper, onTraits, setAttributes, svg } from "./figure.js";
import { several, whole, yesOrNo } from "./link.js";
import { CausalTransformer, FeedbackTransformer, runner } from "./live.js";
import { softmax } from "./mixture.js";
import { ShellGame } from "./shell_game.js";
import { percent, range, say, stateSentence, tell } from "./words.js";

/** @import { Model, Place, Words } from "./figure.js" */
/** @import { Exported } from "./weights.js" */
/** @import { Rules } from "./shell_game.js" */

/** @typedef {[feedback: number, ordinary: number, reader: number, guesses: number]} Score */

/**
 * @typedef {object} Traits
 * @property {Exported[]} models with feedback, and without
 * @property {Rules} rules
 * @property {number} longest how many swaps a game may have
 * @property {{ game: number[], shares: number[][][] }} recorded shares by player, token and cup
 * @property {number[]} game
 * @property {boolean} cups_open
 * @property {boolean} keep_open
 * @property {number} guess
 * @property {number} rounds
 * @property {Score} score
 * @property {Words} words
 */

/** @typedef {Pick<Traits, "game" | "cups_open" | "keep_open" | "guess" | "rounds" | "score">} State */

const KIND = "shell-duel";
const PLAYERS = ["feedback", "ordinary"];
const STATE = ["game", "cups_open", "keep_open", "guess", "rounds", "score"];

// ---- the game in a link

/** @param {Model<Traits>} model */
function link(model) {
  const { cups } = model.get("rules");
  const count = whole(0, 999_999);
  return {
    rules: {
      game: new ShellGame(model.get("rules")).inLinks(model.get("longest") + 1),
      cups_open: yesOrNo(),
      keep_open: yesOrNo(),
      guess: whole(0, cups),
      rounds: count,
      score: several(count, 4, 4),
    },
    fits: (/** @type {State} */ { rounds, score }) => score[2] <= score[3] && Math.max(...score) <= rounds,
  };
}

// ---- the models

/**
 * Both players, with feedback and without: from a game, the probability of each cup after each token. Throws where an
 * export cannot be read.
 *
 * @param {Exported[]} exported
 * @param {number} cups
 */
export function makePlayers([feedback, ordinary], cups) {
  const runs = [runner(new FeedbackTransformer(feedback)), runner(new CausalTransformer(ordinary))];
  return runs.map((through) => (/** @type {number[]} */ game) =>
    through(game).map(({ logits }) => softmax([...logits]).slice(0, cups))
  );
}

/**
 * The cup that a model names, from 0.
 *
 * @param {number[]} shares
 */
export function answerOf(shares) {
  return shares.indexOf(Math.max(...shares));
}

// ---- what is shown, in words

/**
 * @param {number} cup
 * @param {number} ball
 */
function verdictOf(cup, ball) {
  return cup === ball ? "right" : "wrong";
}

/**
 * @param {Model<Traits>} model
 * @param {ShellGame} rules
 * @param {State} state
 * @param {number[][]} shares
 */
function tellAnswers(model, rules, { game, guess }, shares) {
  const [ball, count] = [rules.ballAfter(game), game.length - 1];
  const told = [
    tell(model, count ? "ball after" : "ball", { swaps: tell(model, "swaps", { count }), cup: ball + 1 }),
    ...shares.map((ofPlayer, player) => {
      const cup = answerOf(ofPlayer);
      const [who, verdict] = [tell(model, PLAYERS[player]), tell(model, verdictOf(cup, ball))];
      return tell(model, "answer", { who, cup: cup + 1, share: percent(ofPlayer[cup]), verdict });
    }),
  ];
  if (guess) told.push(tell(model, "guess", { cup: guess, verdict: tell(model, verdictOf(guess - 1, ball)) }));
  return told.join(" ");
}

/**
 * The state sentence; `shares` are both models' probabilities now, null while cups are closed.
 *
 * @param {Model<Traits>} model
 * @param {ShellGame} rules
 * @param {State} state
 * @param {number[][] | null} shares
 * @param {number} trained
 */
function describe(model, rules, state, shares, trained) {
  const [count, longest] = [state.game.length - 1, model.get("longest")];
  const question = () => tell(model, count ? "question after" : "question", { swaps: tell(model, "swaps", { count }) });
  const told = [shares ? tellAnswers(model, rules, state, shares) : question()];
  if (state.rounds) {
    const [feedback, ordinary, reader, guesses] = state.score;
    const numbers = { feedback, ordinary, rounds: state.rounds, reader, guesses };
    told.push(tell(model, guesses ? "score with reader" : "score", numbers));
  }
  if (state.game.length > trained) told.push(tell(model, "longer"));
  if (state.game.length > longest) told.push(tell(model, "end"));
  return told.join(" ");
}

// ---- the cups

/**
 * A cup, upside down, around the middle of its rim.
 *
 * @param {number} width
 */
function drawCup(width) {
  const [low, high, tall, round] = [width / 2, 0.34 * width, 1.04 * width, 0.13 * width];
  /** @param {number} height */
  const side = (height) => high + (low - high) * (1 - height / tall);
  const body = `M${-low} 0L${-high} ${round - tall}Q${-high} ${-tall} ${round - high} ${-tall}` +
    `H${high - round}Q${high} ${-tall} ${high} ${round - tall}L${low} 0Z`;
  /**
   * Between heights, and shares of the width.
   *
   * @type {(from: number, to: number, left?: number, right?: number) => string}
   */
  const band = (from, to, left = -1, right = 1) =>
    `M${left * side(from * tall)} ${-from * tall}L${left * side(to * tall)} ${-to * tall}` +
    `L${right * side(to * tall)} ${-to * tall}L${right * side(from * tall)} ${-from * tall}Z`;
  const rim = { x: -low - 2, y: -0.13 * width, width: width + 4, height: 0.13 * width, rx: 0.065 * width };
  return svg(
    "g",
    { class: "fl-cup" },
    svg("path", { class: "fl-cup-body", d: body }),
    svg("path", { class: "fl-cup-light", d: band(0.13, 0.93, -0.78, -0.5) }),
    svg("path", { class: "fl-cup-band", d: `${band(0.6, 0.72)}${band(0.52, 0.55)}` }),
    svg("rect", { class: "fl-rim", ...rim }),
  );
}

/** @typedef {{ width: number, pitch: number, size: number, floor: number, x: (cup: number) => number }} TableLayout */

/**
 * The table with the cups. Cups move; the numbers of their places stay. `choose` is left out where nothing can be
 * moved.
 *
 * @param {number} count
 * @param {((cup: number) => void) | undefined} choose
 */
function makeTable(count, choose) {
  const node = svg("svg", { class: "fl-table", role: "group", "aria-label": "Cups" });
  const ball = svg("g", { class: "fl-ball" });
  const spots = range(count).map((cup) => makeSpot(cup, choose));
  let cups = spots.map(() => drawCup(1)); // by place; they change places
  let place = placeFor(500);

  /**
   * @param {number} width
   * @returns {TableLayout}
   */
  function placeFor(width) {
    const pitch = width / count;
    const size = Math.min(86, pitch - 12);
    return { width, pitch, size, floor: 1.66 * size, x: (cup) => (cup + 0.5) * pitch };
  }

  /** @param {number} width */
  function layOut(width) {
    place = placeFor(width);
    const { size, floor } = place;
    setAttributes(node, { viewBox: `0 0 ${width} ${floor + 32}`, height: floor + 32 });
    cups = spots.map(() => drawCup(size));
    ball.replaceChildren(
      svg("circle", { class: "fl-ball-body", cy: -0.21 * size, r: 0.21 * size }),
      svg("circle", { class: "fl-shine", cx: -0.07 * size, cy: -0.29 * size, r: 0.05 * size }),
    );
    spots.forEach((spot) => spot.layOut(place));
    const line = svg("path", { class: "fl-floor", d: `M0 ${floor + 0.5}H${width}` });
    node.replaceChildren(line, ball, ...cups, ...spots.map((spot) => spot.node));
    node.style.setProperty("--fl-lift", `${-0.56 * size}px`);
  }

  /** @type {(drawn: SVGElement, cup: number) => void} */
  const put = (drawn, cup) => drawn.style.setProperty("translate", `${place.x(cup)}px ${place.floor}px`);

  /**
   * Show where the ball is (null while cups are closed), which cups are lifted, and which one is picked.
   *
   * @param {{ at: number | null, lifted: number[], picked: number | null }} what
   */
  function draw({ at, lifted, picked }) {
    cups.forEach((cup, spot) => {
      put(cup, spot);
      setAttributes(cup, { "data-lifted": lifted.includes(spot), "data-picked": spot === picked });
    });
    setAttributes(ball, { visibility: at === null ? "hidden" : null });
    if (at !== null) put(ball, at);
    spots.forEach((spot, cup) => spot.draw(cup === at, cup === picked));
  }

  /**
   * Two cups, and the ball if it is to be seen under one of them, change places along arcs.
   *
   * @param {[number, number]} pair
   * @param {number | null} at
   * @param {number} duration
   */
  function swap([left, right], at, duration) {
    [cups[left], cups[right]] = [cups[right], cups[left]];
    const [high, middle] = [0.3 * place.size, (place.x(left) + place.x(right)) / 2];
    /** @type {(from: number, side: number) => Keyframe[]} */
    const arc = (from, side) =>
      range(13).map((part) => {
        const angle = (Math.PI * part) / 12;
        const x = middle + (place.x(from) - middle) * Math.cos(angle);
        return { translate: `${x}px ${place.floor + side * high * Math.sin(angle)}px` };
      });
    const timing = { duration, easing: "ease-in-out" };
    const [toRight, toLeft] = [arc(left, -1), arc(right, 0.4)];
    node.insertBefore(cups[left], spots[0].node); // the one that passes in front
    cups[right].animate(toRight, timing);
    cups[left].animate(toLeft, timing);
    if (at === right) ball.animate(toRight, timing);
    if (at === left) ball.animate(toLeft, timing);
  }

  const stop = () => [...cups, ball].forEach((drawn) => drawn.getAnimations().forEach((one) => one.cancel()));
  return { node, layOut, draw, swap, stop };
}

/**
 * A place on the table: its number, and the button that picks its cup.
 *
 * @param {number} cup
 * @param {((cup: number) => void) | undefined} choose
 */
function makeSpot(cup, choose) {
  const control = { role: "button", tabindex: 0, "data-control": `cup ${cup + 1}` };
  const node = svg("g", { class: "fl-spot", ...(choose ? control : {}) });
  const number = svg("text", { class: "fl-number" }, String(cup + 1));
  const [area, focus] = ["fl-hit", "fl-focus"].map((name) => svg("rect", { class: name, rx: 8 }));
  node.append(area, focus, number);
  if (choose) {
    node.addEventListener("click", () => choose(cup));
    node.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      choose(cup);
    });
  }

  /** @param {TableLayout} place */
  function layOut({ pitch, size, floor, x }) {
    const box = { x: x(cup) - pitch / 2 + 2, y: floor - 1.2 * size, width: pitch - 4, height: 1.2 * size + 31 };
    setAttributes(area, box);
    setAttributes(focus, box);
    setAttributes(number, { x: x(cup), y: floor + 25 });
  }

  /** @type {(hasBall: boolean, picked: boolean) => void} */
  function draw(hasBall, picked) {
    setAttributes(node, { "data-ball": hasBall });
    if (!choose) return;
    const label = `Cup ${cup + 1}${hasBall ? ", with the ball" : ""}`;
    setAttributes(node, { "aria-label": label, "aria-pressed": String(picked) });
  }
  return { node, layOut, draw };
}

// ---- the answers

/**
 * One row under the cups: who answers, what, how often right, and a field in the column of every cup.
 *
 * @param {string} name
 * @param {string} key
 * @param {Element} fields
 */
function makeRow(name, key, fields) {
  const [which, answer] = [html("span", { class: "fl-which" }), html("span", { class: "fl-answer" })];
  const score = html("div", { class: "fl-score" });
  const square = svg("rect", { x: 1.5, y: 1.5, width: 9, height: 9 });
  const mark = svg("svg", { class: "fl-sign", viewBox: "0 0 12 12", "aria-hidden": "true" }, square);
  const who = html("span", { class: "fl-who" }, ...(key === "reader" ? [] : [mark]), name);
  const head = html("div", { class: "fl-head" }, who, html("span", { class: "fl-result" }, which, answer));
  const node = html("div", { class: "fl-row", "data-player": key }, head, fields, score);
  /** @type {(cup: number | null, ball: number, right: number, count: number, waiting?: string) => void} */
  const draw = (cup, ball, right, count, waiting = "") => {
    say(which, cup === null ? "" : `cup ${cup + 1} `);
    say(answer, cup === null ? waiting : cup === ball ? "✓ right" : "✗ wrong");
    setAttributes(answer, { "data-verdict": cup === null ? null : verdictOf(cup, ball) });
    if (score.dataset.told === `${right} of ${count}`) return;
    setAttributes(score, { "data-told": `${right} of ${count}` });
    score.replaceChildren(...(count ? [html("b", {}, String(right)), ` of ${count}`] : []));
  };
  return { node, draw };
}

/**
 * A model's row: a bar for the probability of each cup. Bars grow from what they were before.
 *
 * @param {string} name
 * @param {string} key
 * @param {number} cups
 */
function makeModelRow(name, key, cups) {
  const [top, high] = [19, 40];
  const floor = top + high;
  const bars = svg("svg", { class: "fl-bars", height: floor + 20, "aria-hidden": "true" });
  const row = makeRow(name, key, bars);
  const column = (/** @type {number} */ cup, share = 0.5) => `${((cup + share) * 100) / cups}%`;
  const none = range(cups).map(() => 0);
  let [drawn, heights] = ["", none];

  /** @typedef {[right: number, count: number]} Tally */
  /** @type {(shares: number[] | null, ball: number, score: Tally, waiting: string, move: number) => void} */
  function draw(shares, ball, [right, count], waiting, move) {
    row.draw(shares && answerOf(shares), ball, right, count, waiting);
    const [wanted, started] = [JSON.stringify(shares && [shares, ball]), drawn !== ""];
    if (wanted === drawn) return;
    const before = heights;
    [drawn, heights] = [wanted, shares ?? none];
    const base = svg("line", { class: "fl-base", x1: 0, x2: "100%", y1: floor + 0.5, y2: floor + 0.5 });
    if (!shares) {
      const hidden = range(cups).map((cup) => svg("text", { class: "fl-hidden", x: column(cup), y: floor - 10 }, "?"));
      return bars.replaceChildren(base, ...hidden);
    }
    const behind = { x: column(ball, 0.04), width: `${92 / cups}%`, y: 0, height: floor + 20, rx: 6 };
    const answer = answerOf(shares);
    const parts = shares.flatMap((share, cup) => {
      const tall = Math.max(1, share * high);
      const box = { x: column(cup, 0.24), width: `${52 / cups}%`, y: floor - tall, height: tall };
      const bar = svg("rect", { class: "fl-bar", ...box });
      const scales = [before[cup] * high / tall, 1].map((scale) => ({ transform: `scaleY(${scale})` }));
      if (move && started) bar.animate(scales, { duration: move, easing: "ease-out" });
      const number = svg("text", { class: "fl-share", x: column(cup), y: floor + 16, "data-answer": cup === answer });
      say(number, percent(share));
      const sign = { class: "fl-verdict", x: column(cup), y: floor - tall - 4, "data-verdict": verdictOf(cup, ball) };
      const verdict = cup === answer ? [svg("text", sign, cup === ball ? "✓" : "✗")] : [];
      return [bar, number, ...verdict];
    });
    bars.replaceChildren(svg("rect", { class: "fl-here", ...behind }), base, ...parts);
  }
  return { node: row.node, draw };
}

/**
 * The reader's row: a button for each cup.
 *
 * @param {number} cups
 * @param {(cup: number) => void} guess
 */
function makeReaderRow(cups, guess) {
  const buttons = range(cups, 1).map((cup) =>
    button(`guess ${cup}`, String(cup), () => guess(cup), { "aria-label": `Guess cup ${cup}` })
  );
  const names = { class: "fl-guesses", role: "group", "aria-label": "Where is the ball?" };
  const group = html("div", names, ...buttons);
  oneStop(group);
  const row = makeRow("You", "reader", group);

  /** @type {(view: View, ball: number) => void} */
  function draw({ open, keptOpen, guess: chosen, score }, ball) {
    const waiting = !open ? "where is the ball?" : keptOpen ? "the cups stay open" : "shuffle, then guess";
    row.draw(open && chosen ? chosen - 1 : null, ball, score[2], score[3], waiting);
    buttons.forEach((one, cup) => {
      const isChosen = open && cup + 1 === chosen;
      setAvailable(one, !open);
      setAttributes(one, { "data-here": open && cup === ball, "data-chosen": isChosen });
      say(one, isChosen ? `${cup + 1} ${cup === ball ? "✓" : "✗"}` : String(cup + 1));
    });
  }
  return { node: row.node, draw };
}

/**
 * How many swaps there were, the last of them, and a line under them: past the trained length it says so.
 *
 * @param {Model<Traits>} model
 * @param {ShellGame} rules
 */
function makeSwaps(model, rules) {
  const [count, last, beyond] = ["fl-count", "fl-last", "fl-beyond"].map((name) => html("span", { class: name }));
  const node = html("div", { class: "fl-swaps" }, count, last, beyond);

  /** @type {(game: number[], trained: number) => void} */
  function draw(game, trained) {
    const swaps = game.slice(1).map((token) => rules.nameOf(token, "-"));
    say(count, tell(model, "swaps", { count: swaps.length }));
    const room = Math.max(4, Math.floor(last.clientWidth / 38) - 1); // what the count leaves of the line
    say(last, `${swaps.length > room ? "… " : ""}${swaps.slice(-room).join("  ")}`);
    say(beyond, game.length > trained ? "longer than either model ever saw" : "");
  }
  return { node, draw };
}

/**
 * What the reader is asked or told, large, and what can be done now.
 *
 * @param {View} view
 * @param {number} ball
 * @param {boolean} live
 */
function leadOf({ game, open, keptOpen, picked, reading }, ball, live) {
  const told = `It is under cup ${ball + 1}.`;
  if (!live) return [told, ""];
  const heading = reading
    ? open ? "Watch the answers." : "Watch the cups."
    : !open
    ? "Where is the ball?"
    : game.length === 1
    ? `Remember cup ${ball + 1}.`
    : told;
  if (picked !== null) return [heading, `Cup ${picked + 1} is picked: pick another.`];
  if (reading) return [heading, ""];
  if (!open) return [heading, "Guess, or reveal."];
  const replay = game.length > 1 && !keptOpen;
  return [heading, replay ? "Replay shows who lost it, and when." : "Shuffle, or pick two cups to swap them."];
}

/**
 * What the board shows.
 *
 * @typedef {object} View
 * @property {number[]} game
 * @property {boolean} open
 * @property {boolean} keptOpen
 * @property {number[][] | null} shares
 * @property {number | null} picked
 * @property {number} guess
 * @property {number} rounds
 * @property {Score} score
 * @property {number} trained
 * @property {string} [reading] the swap that both models read just now
 * @property {number} [move] how long what changes may take, in milliseconds
 */

/**
 * The picture: what is asked, cups, the last swaps, and the rows of answers.
 *
 * @param {Model<Traits>} model
 * @param {ShellGame} rules
 * @param {{ choose?: (cup: number) => void, guess?: (cup: number) => void, action?: Element }} acts
 */
function makeBoard(model, rules, { choose, guess, action }) {
  const [table, swaps] = [makeTable(rules.cups, choose), makeSwaps(model, rules)];
  const players = PLAYERS.map((key) => makeModelRow(tell(model, key), key, rules.cups));
  const reader = guess ? makeReaderRow(rules.cups, guess) : null;
  const [asked, hint] = [html("p", { class: "fl-asked" }), html("p", { class: "fl-hint", "aria-live": "polite" })];
  const lead = html("div", { class: "fl-lead" }, html("div", {}, asked, hint), ...(action ? [action] : []));
  const cups = html("div", { class: "fl-cups" }, table.node);
  const rows = [...players, ...(reader ? [reader] : [])].map(({ node }) => node);
  const first = html("div", { class: "fl-row fl-game" }, lead, cups);
  const node = html("div", { class: "fl-board" }, first, swaps.node, ...rows);
  let width = 0;
  /** @type {View | null} */
  let drawn = null;

  /** @param {View} view */
  function draw(view) {
    drawn = view;
    if (!width) return;
    const { game, shares, open, picked, guess: guessed, rounds, score, trained, reading, move = 0 } = view;
    const ball = rules.ballAfter(game);
    table.draw({ at: open ? ball : null, lifted: open ? [ball, guessed - 1] : [], picked });
    swaps.draw(game, trained);
    const waiting = reading ? `reads ${reading}` : "has answered";
    players.forEach((player, number) =>
      player.draw(shares && shares[number], ball, [score[number], rounds], waiting, move)
    );
    reader?.draw(view, ball);
    [asked, hint].forEach((line, number) => say(line, leadOf(view, ball, choose !== undefined)[number]));
  }

  // The cups are drawn at the size at which they are seen.
  function resize() {
    const now = Math.round(Math.max(220, cups.clientWidth || 500));
    if (now === width) return;
    width = now;
    table.layOut(width);
    if (drawn) draw(drawn);
  }
  const watcher = new ResizeObserver(resize);
  watcher.observe(cups);
  return { node, table, draw, resize, stop: () => watcher.disconnect() };
}

// ---- without models

/**
 * The recorded game, where the models cannot be run.
 *
 * @param {Model<Traits>} model
 * @param {ShellGame} rules
 * @param {Element} frame
 * @param {string} reason
 */
function showRecorded(model, rules, frame, reason) {
  const { game, shares } = model.get("recorded");
  const board = makeBoard(model, rules, {});
  const sentence = stateSentence();
  let step = game.length - 1;
  const steps = stepControls({
    label: "Swap",
    first: 0,
    last: game.length - 1,
    get: () => step,
    set: (to) => {
      step = to;
      draw();
    },
  });

  function draw() {
    const now = shares.map((ofPlayer) => ofPlayer[step]);
    /** @type {{ guess: number, rounds: number, score: Score, game: number[] }} */
    const state = { game: game.slice(0, step + 1), guess: 0, rounds: 0, score: [0, 0, 0, 0] };
    board.draw({ ...state, open: true, keptOpen: false, shares: now, picked: null, trained: Infinity });
    steps.update();
    say(sentence, describe(model, rules, { ...state, cups_open: true, keep_open: false }, now, Infinity));
  }
  const why = html("p", { class: "fl-note" }, `${reason} Here is a recorded game instead.`);
  frame.replaceChildren(why, board.node, steps.element, sentence);
  board.resize();
  draw();
  return () => {
    steps.stop();
    board.stop();
  };
}

// ---- the figure

const SWAP_TIME = 220;
const SHUFFLE_TIME = 170;
const CLOSE_TIME = 200;
const REPLAY_TIME = 520;
const MOST_TO_WATCH = 20;
const MANY = 10;

/** @type {(game: number[], start: number[]) => boolean} */
const startsWith = (game, start) => start.every((token, place) => token === game[place]);

/** @param {number} count */
const pick = (count) => Math.floor(count * Math.random());

/**
 * @param {Model<Traits>} model
 * @param {ShellGame} rules
 * @param {HTMLElement} frame
 * @param {(error: unknown) => void} fail
 */
function showLive(model, rules, frame, fail) {
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const longest = model.get("longest");
  const trained = Math.max(...model.get("models").map((exported) => exported?.trained_length ?? 0));
  /** @type {ReturnType<typeof makePlayers> | null} */
  let players = null;
  /** @type {number | null} */
  let picked = null;
  /** @type {number | undefined} */
  let timer;
  let replaying = false;
  let shown = { game: model.get("game"), open: isOpen() };
  let goal = shown;
  const { guarded, soon, stop } = guard(fail);

  /** @returns {State} */
  function read() {
    const [game, cups_open, keep_open] = [model.get("game"), model.get("cups_open"), model.get("keep_open")];
    return {
      game,
      cups_open,
      keep_open,
      guess: model.get("guess"),
      rounds: model.get("rounds"),
      score: model.get("score"),
    };
  }
  function isOpen() {
    return model.get("cups_open") || model.get("keep_open");
  }
  const keep = keeper(model);

  /**
   * Both models' probabilities after a game. Those of the recorded game are at hand before the models run.
   *
   * @param {number[]} game
   */
  function sharesOf(game) {
    const recorded = model.get("recorded");
    const last = game.length - 1;
    if (!players && startsWith(recorded.game, game)) return recorded.shares.map((ofPlayer) => ofPlayer[last]);
    players ??= makePlayers(model.get("models"), rules.cups);
    return players.map((play) => play(game)[last]);
  }

  // ---- what the reader does

  /** @param {() => void} change */
  const act = (change) =>
    guarded(() => {
      settle();
      picked = null;
      say(note, "");
      change();
      drawSoon();
    });
  /** @param {number[]} swaps */
  function addSwaps(swaps) {
    const game = model.get("game");
    if (game.length > longest) return say(note, `A game has at most ${longest} swaps. Start a new one.`);
    keep({ game: [...game, ...swaps].slice(0, longest + 1), guess: 0, cups_open: model.get("keep_open") });
  }
  /** @param {number} cup */
  function choose(cup) {
    const was = picked;
    act(() => {
      if (was === null) picked = cup;
      else if (was !== cup) addSwaps([rules.swapOf(was, cup)]);
    });
  }
  /** @param {number} count */
  const shuffle = (count) => act(() => addSwaps(range(count).map(() => rules.cups + pick(rules.swaps.length))));
  const startAnew = () => act(() => keep({ game: [pick(rules.cups)], guess: 0, cups_open: true }));
  /** @param {number} guess */
  const reveal = (guess) =>
    act(() => {
      const { game, rounds, score: [feedback, ordinary, reader, guesses] } = read();
      const ball = rules.ballAfter(game);
      const [first, second] = sharesOf(game).map((shares) => Number(answerOf(shares) === ball));
      const [right, guessed] = [Number(guess === ball + 1), Number(guess > 0)];
      /** @type {Score} */
      const score = [feedback + first, ordinary + second, reader + right, guesses + guessed];
      keep({ guess, cups_open: true, rounds: rounds + 1, score });
    });

  // The last swaps once more, with open cups: what both models say after each.
  const replay = () =>
    act(() => {
      const game = model.get("game");
      shown = { game: game.slice(0, Math.max(1, game.length - MOST_TO_WATCH)), open: true };
      [goal, replaying] = [shown, true];
      paint();
    });

  // ---- the controls

  const shuffler = button("shuffle", "Shuffle", () => shuffle(MANY));
  shuffler.append(" ", html("small", {}, tell(model, "swaps", { count: MANY })));
  const board = makeBoard(model, rules, { choose, guess: reveal, action: shuffler });
  const others = [1, 50].map((count) =>
    button(`shuffle ${count}`, tell(model, "swaps", { count }), () => shuffle(count), {
      "aria-label": `Shuffle ${tell(model, "swaps", { count })}`,
    })
  );
  const replayer = button("replay", "Replay", replay);
  const revealer = button("reveal", "Reveal", () => reveal(0));
  const opener = checkbox(
    "keep open",
    "Keep the cups open",
    (checked) => act(() => keep({ keep_open: checked, ...(checked ? { cups_open: true } : {}) })),
  );
  const note = html("p", { class: "fl-note", "aria-live": "polite" });
  const controls = html(
    "div",
    { class: "fl-controls" },
    ...others,
    revealer,
    replayer,
    button("new game", "New game", startAnew),
    opener.label,
  );
  oneStop(controls);
  const sentence = stateSentence();

  /** @param {KeyboardEvent} event */
  const onKey = (event) => {
    const inText = event.target instanceof Element && event.target.matches('input[type="text"]');
    if (event.ctrlKey || event.metaKey || event.altKey || inText) return;
    if (event.key === "Escape" && picked !== null) choose(picked);
    const cup = range(rules.cups).find((cup) => event.key === String(cup + 1));
    if (cup === undefined) return;
    event.preventDefault();
    choose(cup);
  };
  frame.addEventListener("keydown", onKey);

  // ---- the picture: it follows the state, swap by swap where that can be watched

  /** @param {string} [reading] */
  function paint(reading) {
    const { guess: told, rounds, score, keep_open: keptOpen } = read();
    const shares = shown.open ? sharesOf(shown.game) : null;
    const guess = shown.open && !replaying ? told : 0;
    const move = still.matches ? 0 : SHUFFLE_TIME;
    board.draw({ ...shown, keptOpen, shares, guess, rounds, score, picked, trained, reading, move });
  }
  function settle() {
    clearTimeout(timer);
    timer = undefined;
    replaying = false;
    board.table.stop();
    shown = { game: model.get("game"), open: isOpen() };
    paint();
  }
  /** @type {(duration: number, pause: number) => void} one swap, and after the pause the next */
  function play(duration, pause) {
    timer = undefined;
    const game = model.get("game");
    const token = game[shown.game.length];
    if (token === undefined) return settle();
    shown = { ...shown, game: [...shown.game, token] };
    if (!still.matches) {
      board.table.swap(rules.pairOf(token), shown.open ? rules.ballAfter(shown.game) : null, duration);
    }
    paint(rules.nameOf(token, "-"));
    timer = setTimeout(() => guarded(() => play(duration, pause)), pause);
  }
  function follow() {
    const [game, open] = [model.get("game"), isOpen()];
    const underWay = open === goal.open && game.length === goal.game.length && startsWith(game, goal.game);
    if (timer !== undefined && underWay) return;
    goal = { game, open };
    const added = game.length - shown.game.length;
    const goesOn = added > 0 && added <= MOST_TO_WATCH && startsWith(game, shown.game);
    if (!goesOn || (still.matches && !replaying)) return settle();
    const closing = shown.open && !open;
    board.table.stop();
    clearTimeout(timer);
    shown.open = open;
    paint();
    // Until the cup is down, the ball is still to be seen.
    if (closing) board.table.draw({ at: rules.ballAfter(shown.game), lifted: [], picked: null });
    const duration = added === 1 || replaying ? SWAP_TIME : SHUFFLE_TIME;
    const begin = () => play(duration, replaying ? REPLAY_TIME : duration);
    timer = setTimeout(() => guarded(begin), closing ? CLOSE_TIME : replaying ? REPLAY_TIME : 0);
  }
  function draw() {
    const [state, open] = [read(), isOpen()];
    follow();
    // One thing to do first: to shuffle while cups are open, to guess while they are closed.
    setAttributes(shuffler, { class: `fl-button fl-main${open ? " fl-primary" : ""}` });
    [shuffler, ...others].forEach((one) => setAvailable(one, state.game.length <= longest));
    setAvailable(revealer, !open);
    setAvailable(replayer, open && state.game.length > 1);
    opener.input.checked = state.keep_open;
    say(sentence, describe(model, rules, state, open ? sharesOf(state.game) : null, trained));
  }
  const drawSoon = soon(draw);

  frame.replaceChildren(board.node, controls, note, sentence);
  board.resize();
  draw();
  const unlisten = onTraits(model, STATE, drawSoon);
  // Once the first picture stands, the models are made ready for the reader's first move.
  const makeReady = () => {
    players ??= makePlayers(model.get("models"), rules.cups);
    sharesOf(model.get("game"));
  };
  const first = setTimeout(() => guarded(makeReady), 50);

  return () => {
    stop();
    clearTimeout(timer);
    clearTimeout(first);
    board.stop();
    frame.removeEventListener("keydown", onKey);
    unlisten();
  };
}

export default {
  link,
  /** @param {Place<Traits>} place */
  render({ model, el }) {
    const rules = new ShellGame(model.get("rules"));
    const frame = figureFrame(KIND, "The shell game: two models and you");
    el.append(frame);
    return liveOrRecorded(
      (fail) => showLive(model, rules, frame, fail),
      (reason) => showRecorded(model, rules, frame, reason),
    );
  },
};
