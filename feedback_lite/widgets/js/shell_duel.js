import { button, figureFrame, html, percent, say, setAttributes, setAvailable, stateSentence, stepControls, svg } from "./figure.js";
import { copyLink, followLinks, onPage } from "./link.js";
import { CausalTransformer, FeedbackTransformer } from "./live.js";
import { softmax } from "./mixture.js";

const KIND = "shell-duel";
const CUPS = 5;
const LONGEST = 500;
const PAIRS = [...Array(CUPS).keys()].flatMap((left) => [...Array(CUPS - left - 1).keys()].map((gap) => [left, left + gap + 1]));
const WHO = ["With feedback", "Without"];
const STATE = ["game", "cups_open", "keep_open", "guess", "rounds", "score"];

// ---- the game ------------------------------------------------------------------------------------------------

// Tokens are those of ShellGame: the ball's cup, from 0, then swaps, from CUPS.
const swapOf = (left, right) => CUPS + PAIRS.findIndex((pair) => pair[0] === left && pair[1] === right);
const pairOf = (token) => PAIRS[token - CUPS];
const pick = (count) => Math.floor(count * Math.random());
const randomSwap = () => CUPS + pick(PAIRS.length);

/** The cup that hides the ball at the end of a game, from 0. */
function ballOf([first, ...swaps]) {
  return swaps.map(pairOf).reduce((ball, [left, right]) => (ball === left ? right : ball === right ? left : ball), first);
}

/** A game and whether its cups are open, as in a link: 3.12.45, with .closed behind it while cups are closed. */
function writeGame(game, open) {
  const swaps = game.slice(1).map((token) => pairOf(token).map((cup) => cup + 1).join(""));
  return [game[0] + 1, ...swaps, ...(open ? [] : ["closed"])].join(".");
}

function readGame(text) {
  if (!/^[1-5](\.[1-5]{2})*(\.closed)?$/.test(text)) throw new Error("after the ball's cup, swaps must follow, as in 3.12.45");
  const [first, ...rest] = text.split(".");
  const swaps = rest.filter((word) => word !== "closed");
  if (swaps.some(([left, right]) => left >= right)) throw new Error("a swap must name two cups, the smaller one first, as in 12");
  if (swaps.length > LONGEST) throw new Error(`a game must have at most ${LONGEST} swaps`);
  const tokens = swaps.map(([left, right]) => swapOf(left - 1, right - 1));
  return { game: [first - 1, ...tokens], open: rest.length === swaps.length };
}

// ---- the models ----------------------------------------------------------------------------------------------

/** From a game, the probability that a model gives to each cup after each token; a game that goes on is not run again. */
function makePlayer(model) {
  let [known, shares, state] = [[], [], undefined];
  return (game) => {
    if (known.some((token, place) => token !== game[place])) [known, shares, state] = [[], [], undefined];
    for (const token of game.slice(known.length)) {
      const step = model.step(token, state);
      state = step.memory ?? step.cache;
      shares.push([...softmax(step.logits)].slice(0, CUPS));
    }
    known = [...game];
    return shares;
  };
}

/** Both players, with feedback and without. Throws where an export cannot be read. */
export function makePlayers([feedback, ordinary]) {
  return [new FeedbackTransformer(feedback), new CausalTransformer(ordinary)].map(makePlayer);
}

/** The cup that a model names, from 0. */
export function answerOf(shares) {
  return shares.indexOf(Math.max(...shares));
}

// ---- what is shown, in words ---------------------------------------------------------------------------------

const swapsInWords = (count) => `${count} swap${count === 1 ? "" : "s"}`;
const verdict = (cup, ball) => (cup === ball ? "right" : "wrong");

function tellAnswers({ game, guess }, shares) {
  const [ball, count] = [ballOf(game), game.length - 1];
  const told = [`${count ? `After ${swapsInWords(count)} the` : "The"} ball is under cup ${ball + 1}.`];
  shares.forEach((ofPlayer, player) => {
    const cup = answerOf(ofPlayer);
    told.push(`${WHO[player]}: cup ${cup + 1}, ${percent(ofPlayer[cup])}, ${verdict(cup, ball)}.`);
  });
  if (guess) told.push(`You: cup ${guess}, ${verdict(guess - 1, ball)}.`);
  return told.join(" ");
}

function tellQuestion({ game }) {
  const count = game.length - 1;
  const question = count ? `After ${swapsInWords(count)}: where` : "Where";
  return `${question} is the ball? Both models have answered; guess or reveal to see.`;
}

function tellScore({ rounds, score: [feedback, ordinary, reader, guesses] }) {
  const told = `Score: with feedback ${feedback} of ${rounds}, without ${ordinary} of ${rounds}`;
  return guesses ? `${told}, you ${reader} of ${guesses}.` : `${told}.`;
}

/** The state sentence; `shares` are both models' probabilities now. */
function describe(state, shares, trained) {
  const told = [state.cups_open || state.keep_open ? tellAnswers(state, shares) : tellQuestion(state)];
  if (state.rounds) told.push(tellScore(state));
  if (state.game.length > trained) told.push("This game is longer than either model ever saw in training.");
  if (state.game.length > LONGEST) told.push("A game ends here: start a new one.");
  return told.join(" ");
}

// ---- the cups ------------------------------------------------------------------------------------------------

/** A cup, upside down, around the middle of its rim. */
function drawCup(width) {
  const [low, high, tall, round] = [width / 2, 0.34 * width, 1.04 * width, 0.13 * width];
  const side = (height) => high + (low - high) * (1 - height / tall);
  const body =
    `M${-low} 0L${-high} ${round - tall}Q${-high} ${-tall} ${round - high} ${-tall}` +
    `H${high - round}Q${high} ${-tall} ${high} ${round - tall}L${low} 0Z`;
  const [from, to] = [0.52 * tall, 0.66 * tall];
  const band = `M${-side(from)} ${-from}L${-side(to)} ${-to}H${side(to)}L${side(from)} ${-from}Z`;
  const rim = { x: -low - 2, y: -0.13 * width, width: width + 4, height: 0.13 * width, rx: 0.065 * width };
  return svg(
    "g", { class: "fl-cup" },
    svg("path", { class: "fl-cup-body", d: body }), svg("path", { class: "fl-cup-band", d: band }), svg("rect", { class: "fl-rim", ...rim }),
  );
}

/** The table with the cups. Cups move; the numbers of their places stay. `choose` is left out where nothing can be moved. */
function makeTable(choose) {
  const node = svg("svg", { class: "fl-table", role: "group", "aria-label": "Cups" });
  const ball = svg("g", { class: "fl-ball" });
  const spots = [...Array(CUPS).keys()].map((cup) => makeSpot(cup, choose));
  let cups = []; // by place; they change places
  let place = null;

  function layOut(width) {
    const pitch = width / CUPS;
    const size = Math.min(78, pitch - 12);
    const floor = 1.66 * size;
    place = { width, pitch, size, floor, x: (cup) => (cup + 0.5) * pitch };
    setAttributes(node, { viewBox: `0 0 ${width} ${floor + 33}`, height: floor + 33 });
    cups = spots.map(() => drawCup(size));
    ball.replaceChildren(
      svg("circle", { class: "fl-ball-body", cy: -0.21 * size, r: 0.21 * size }),
      svg("circle", { class: "fl-shine", cx: -0.07 * size, cy: -0.29 * size, r: 0.05 * size }),
    );
    spots.forEach((spot, cup) => spot.layOut(place, cup));
    const line = svg("path", { class: "fl-floor", d: `M0 ${floor + 0.5}H${width}` });
    node.replaceChildren(line, ball, ...cups, ...spots.map((spot) => spot.node));
    node.style.setProperty("--fl-lift", `${-0.56 * size}px`);
  }

  const put = (drawn, cup) => drawn.style.setProperty("translate", `${place.x(cup)}px ${place.floor}px`);

  /** Show where the ball is (null while cups are closed), which cups are lifted, and which one is picked. */
  function draw({ at, lifted, picked }) {
    cups.forEach((cup, spot) => {
      put(cup, spot);
      setAttributes(cup, { "data-lifted": lifted.includes(spot), "data-picked": spot === picked });
    });
    setAttributes(ball, { visibility: at === null ? "hidden" : null });
    if (at !== null) put(ball, at);
    spots.forEach((spot, cup) => spot.draw(cup === at, cup === picked));
  }

  /** Two cups, and the ball if it is to be seen under one of them, change places along arcs. */
  function swap([left, right], at, duration) {
    [cups[left], cups[right]] = [cups[right], cups[left]];
    const [high, middle] = [0.3 * place.size, (place.x(left) + place.x(right)) / 2];
    const arc = (from, to, side) =>
      [...Array(13).keys()].map((part) => {
        const angle = (Math.PI * part) / 12;
        const x = middle + (place.x(from) - middle) * Math.cos(angle);
        return { translate: `${x}px ${place.floor + side * high * Math.sin(angle)}px` };
      });
    const timing = { duration, easing: "ease-in-out" };
    const [toRight, toLeft] = [arc(left, right, -1), arc(right, left, 0.4)];
    node.insertBefore(cups[left], spots[0].node); // the one that passes in front
    cups[right].animate(toRight, timing);
    cups[left].animate(toLeft, timing);
    if (at === right) ball.animate(toRight, timing);
    if (at === left) ball.animate(toLeft, timing);
  }

  const stop = () => [...cups, ball].forEach((drawn) => drawn.getAnimations().forEach((one) => one.cancel()));
  return { node, layOut, draw, swap, stop };
}

/** A place on the table: its number, and the button that picks its cup. */
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

  function layOut({ pitch, size, floor, x }) {
    const box = { x: x(cup) - pitch / 2 + 2, y: floor - 1.2 * size, width: pitch - 4, height: 1.2 * size + 31 };
    setAttributes(area, box);
    setAttributes(focus, box);
    setAttributes(number, { x: x(cup), y: floor + 24 });
  }

  function draw(hasBall, picked) {
    setAttributes(node, { "data-ball": hasBall });
    if (choose) setAttributes(node, { "aria-label": `Cup ${cup + 1}${hasBall ? ", with the ball" : ""}`, "aria-pressed": String(picked) });
  }
  return { node, layOut, draw };
}

// ---- the answers ---------------------------------------------------------------------------------------------

const column = (cup, share = 0.5) => `${((cup + share) * 100) / CUPS}%`;

/** One row under the cups: who answers, what, how often right, and five fields in the columns of the cups. */
function makeRow(name, key, fields) {
  const [which, answer] = [html("span", { class: "fl-which" }), html("span", { class: "fl-answer" })];
  const score = html("span", { class: "fl-score" });
  const mark = svg("svg", { class: "fl-sign", viewBox: "0 0 12 12", "aria-hidden": "true" }, svg("rect", { x: 1.5, y: 1.5, width: 9, height: 9 }));
  const who = html("span", { class: "fl-who" }, ...(key === "reader" ? [] : [mark]), name);
  const node = html("div", { class: "fl-row", "data-player": key }, html("div", { class: "fl-head" }, who, html("span", {}, which, answer), score), fields);
  const draw = (cup, ball, right, count) => {
    say(which, cup === null ? "" : `cup ${cup + 1} `);
    say(answer, cup === null ? "" : cup === ball ? "✓ right" : "✗ wrong");
    setAttributes(answer, { "data-verdict": cup === null ? null : verdict(cup, ball) });
    say(score, count ? `${right} of ${count}` : "");
  };
  return { node, answer, draw };
}

/** A model's row: a bar for the probability of each cup. */
function makeModelRow(player) {
  const [top, high] = [17, 44];
  const floor = top + high;
  const bars = svg("svg", { class: "fl-bars", height: floor + 19, "aria-hidden": "true" });
  const row = makeRow(WHO[player], ["feedback", "ordinary"][player], bars);

  function draw(shares, ball, right, count) {
    row.draw(shares && answerOf(shares), ball, right, count);
    const base = svg("line", { class: "fl-base", x1: 0, x2: "100%", y1: floor + 0.5, y2: floor + 0.5 });
    if (!shares) {
      const hidden = [...Array(CUPS).keys()].map((cup) => svg("text", { class: "fl-hidden", x: column(cup), y: floor - 10 }, "?"));
      return bars.replaceChildren(base, ...hidden);
    }
    const here = svg("rect", { class: "fl-here", x: column(ball, 0.04), width: `${92 / CUPS}%`, y: 0, height: floor + 19, rx: 5 });
    const answer = answerOf(shares);
    const drawn = shares.flatMap((share, cup) => {
      const tall = Math.max(1, share * high);
      const bar = svg("rect", { class: "fl-bar", x: column(cup, 0.24), width: `${52 / CUPS}%`, y: floor - tall, height: tall });
      const number = svg("text", { class: "fl-share", x: column(cup), y: floor + 15, "data-answer": cup === answer });
      say(number, percent(share));
      const sign = { class: "fl-verdict", x: column(cup), y: floor - tall - 4, "data-verdict": verdict(cup, ball) };
      return cup === answer ? [bar, number, svg("text", sign, cup === ball ? "✓" : "✗")] : [bar, number];
    });
    bars.replaceChildren(here, base, ...drawn);
  }
  return { node: row.node, draw };
}

/** The reader's row: a button for each cup. */
function makeReaderRow(guess) {
  const buttons = [...Array(CUPS).keys()].map((cup) =>
    button(`guess ${cup + 1}`, String(cup + 1), () => guess(cup + 1), { "aria-label": `Guess cup ${cup + 1}` }),
  );
  const fields = html("div", { class: "fl-guesses", role: "group", "aria-label": "Where is the ball?" }, ...buttons);
  const row = makeRow("You", "reader", fields);

  function draw(closed, keptOpen, chosen, ball, right, count) {
    const prompt = closed ? "where is the ball?" : keptOpen ? "the cups stay open" : "shuffle, then guess";
    row.draw(closed || !chosen ? null : chosen - 1, ball, right, count);
    if (closed || !chosen) say(row.answer, prompt);
    buttons.forEach((one, cup) => {
      setAvailable(one, closed);
      setAttributes(one, { "data-here": !closed && cup === ball, "data-chosen": !closed && cup + 1 === chosen });
      say(one, !closed && cup + 1 === chosen ? `${cup + 1} ${cup === ball ? "✓" : "✗"}` : String(cup + 1));
    });
  }
  return { node: row.node, draw };
}

/** How many swaps there were, and the last of them. */
function makeSwaps() {
  const [count, last, beyond] = ["fl-count", "fl-last", "fl-beyond"].map((name) => html("span", { class: name }));
  const node = html("div", { class: "fl-row fl-swaps" }, html("div", { class: "fl-head" }, count), html("div", {}, last, beyond));

  function draw(game, width, trained) {
    const room = Math.max(4, Math.floor((width - 20) / 34));
    const swaps = game.slice(1).map((token) => pairOf(token).map((cup) => cup + 1).join("-"));
    say(count, swapsInWords(swaps.length));
    say(last, `${swaps.length > room ? "… " : ""}${swaps.slice(-room).join("  ")}`);
    say(beyond, game.length > trained ? "longer than either model ever saw" : "not longer than the games in training");
    setAttributes(beyond, { "data-beyond": game.length > trained });
  }
  return { node, draw };
}

/** The picture: cups, the last swaps, and the rows of answers. */
function makeBoard({ choose, guess }) {
  const [table, swaps] = [makeTable(choose), makeSwaps()];
  const players = WHO.map((_, player) => makeModelRow(player));
  const reader = guess ? makeReaderRow(guess) : null;
  const hint = html("p", { class: "fl-hint", "aria-live": "polite" });
  const cups = html("div", { class: "fl-cups" }, table.node);
  const rows = [...players, ...(reader ? [reader] : [])].map(({ node }) => node);
  const node = html("div", { class: "fl-board" }, html("div", { class: "fl-row" }, html("div", { class: "fl-head" }, hint), cups), swaps.node, ...rows);
  let [width, drawn] = [0, null];

  function draw(view) {
    drawn = view;
    if (!width) return;
    const { game, shares, open, keptOpen, picked, guess: guessed, rounds, score, trained } = view;
    const ball = ballOf(game);
    table.draw({ at: open ? ball : null, lifted: open ? [ball, guessed - 1] : [], picked });
    swaps.draw(game, width, trained);
    players.forEach((player, number) => player.draw(open ? shares[number] : null, ball, score[number], rounds));
    if (reader) reader.draw(!open, keptOpen, guessed, ball, score[2], score[3]);
    if (choose) say(hint, picked === null ? "Pick two cups to swap them." : `Cup ${picked + 1} is picked: pick another.`);
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

// ---- without models ------------------------------------------------------------------------------------------

/** The recorded game, where the models cannot be run. */
function showRecorded(model, frame, reason) {
  const { game, shares } = model.get("recorded");
  const board = makeBoard({});
  const sentence = stateSentence();
  let step = game.length - 1;
  const steps = stepControls({
    label: "Swap", first: 0, last: game.length - 1, get: () => step, set: (to) => {
      step = to;
      draw();
    },
  });

  function draw() {
    const state = { game: game.slice(0, step + 1), open: true, cups_open: true, guess: 0, rounds: 0, score: [0, 0, 0, 0] };
    const now = shares.map((ofPlayer) => ofPlayer[step]);
    board.draw({ ...state, shares: now, picked: null, trained: Infinity });
    steps.update();
    say(sentence, describe(state, now, Infinity));
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

// ---- the figure ----------------------------------------------------------------------------------------------

const SWAP_TIME = 220;
const SHUFFLE_TIME = 120;
const CLOSE_TIME = 180;
const MOST_TO_WATCH = 20;

const startsWith = (game, start) => start.every((token, place) => token === game[place]);

function showLive(model, el, frame, fail) {
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const trained = Math.max(...model.get("models").map((exported) => exported?.trained_length ?? 0));
  let [players, picked, many, timer, due, stopped] = [null, null, 10, null, false, false];
  let [shown, goal] = [{ game: model.get("game"), open: model.get("cups_open") || model.get("keep_open") }, null];

  const guarded = (work) => {
    if (stopped) return;
    try {
      work();
    } catch (error) {
      fail(error);
    }
  };

  const read = () => Object.fromEntries(STATE.map((key) => [key, model.get(key)]));
  const isOpen = () => model.get("cups_open") || model.get("keep_open");
  function keep(changes) {
    Object.entries(changes).forEach(([key, value]) => model.set(key, value));
    model.save_changes();
  }

  /** Both models' probabilities after each token. Those of the recorded game are at hand before the models run. */
  function sharesOf(game) {
    const recorded = model.get("recorded");
    if (!players && startsWith(recorded.game, game)) return recorded.shares;
    players ??= makePlayers(model.get("models"));
    return players.map((play) => play(game));
  }
  const sharesNow = (game) => sharesOf(game).map((ofPlayer) => ofPlayer[game.length - 1]);

  // ---- what the reader does

  const act = (change) =>
    guarded(() => {
      settle();
      picked = null;
      say(note, "");
      change();
      drawSoon();
    });
  function addSwaps(swaps) {
    const game = model.get("game");
    if (game.length > LONGEST) return say(note, `A game has at most ${LONGEST} swaps. Start a new one.`);
    keep({ game: [...game, ...swaps].slice(0, LONGEST + 1), guess: 0, cups_open: model.get("keep_open") });
  }
  function choose(cup) {
    const was = picked;
    act(() => {
      if (was === null) picked = cup;
      else if (was !== cup) addSwaps([swapOf(Math.min(was, cup), Math.max(was, cup))]);
    });
  }
  const shuffle = () => act(() => addSwaps(Array.from({ length: many }, randomSwap)));
  const startAnew = () => act(() => keep({ game: [pick(CUPS)], guess: 0, cups_open: true }));
  const reveal = (guess) =>
    act(() => {
      const { game, rounds, score } = read();
      const ball = ballOf(game);
      const right = sharesNow(game).map((shares) => Number(answerOf(shares) === ball));
      const now = [...right, Number(guess === ball + 1), Number(guess > 0)];
      keep({ guess, cups_open: true, rounds: rounds + 1, score: score.map((sum, place) => sum + now[place]) });
    });
  const keepOpen = () => act(() => keep({ keep_open: opener.checked, ...(opener.checked ? { cups_open: true } : {}) }));

  // ---- the controls

  const board = makeBoard({ choose, guess: reveal });
  const shuffler = button("shuffle", "", shuffle, { class: "fl-button fl-primary" });
  const amounts = [1, 10, 50].map((count) => [
    count, button(`swaps ${count}`, String(count), () => act(() => (many = count)), { "aria-label": `Shuffle ${count}` }),
  ]);
  const amount = html("div", { class: "fl-amounts", role: "group", "aria-label": "Swaps in a shuffle" }, ...amounts.map(([, one]) => one));
  const revealer = button("reveal", "Reveal", () => reveal(0));
  const opener = html("input", { type: "checkbox", "data-control": "keep open" });
  opener.addEventListener("change", keepOpen);
  const keeper = html("label", { class: "fl-check" }, opener, "Keep the cups open");
  const note = html("p", { class: "fl-note", "aria-live": "polite" });
  const copy = copyLink(KIND, () => writeGame(model.get("game"), isOpen()), (text) => say(note, text));
  const controls = html(
    "div", { class: "fl-controls" }, shuffler, amount, revealer, button("new game", "New game", startAnew),
    ...(onPage(el) ? [copy] : []), keeper,
  );
  const sentence = stateSentence();

  const onKey = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches('input[type="text"]')) return;
    if (event.key === "Escape" && picked !== null) choose(picked);
    if (!/^[1-5]$/.test(event.key)) return;
    event.preventDefault();
    choose(Number(event.key) - 1);
  };
  frame.addEventListener("keydown", onKey);

  // ---- the picture: it follows the state, swap by swap where that can be watched

  function paint() {
    const { guess, rounds, score } = read();
    const shares = shown.open ? sharesNow(shown.game) : null;
    const keptOpen = model.get("keep_open");
    board.draw({ ...shown, keptOpen, shares, guess: shown.open ? guess : 0, rounds, score, picked, trained });
  }
  function settle() {
    clearTimeout(timer);
    timer = null;
    board.table.stop();
    shown = { game: model.get("game"), open: isOpen() };
    paint();
  }
  function play(duration) {
    timer = null;
    const game = model.get("game");
    if (shown.game.length === game.length) return settle();
    shown = { ...shown, game: game.slice(0, shown.game.length + 1) };
    board.table.swap(pairOf(shown.game.at(-1)), shown.open ? ballOf(shown.game) : null, duration);
    paint();
    timer = setTimeout(() => guarded(() => play(duration)), duration);
  }
  function follow() {
    const [game, open] = [model.get("game"), isOpen()];
    if (timer !== null && open === goal.open && game.length === goal.game.length && startsWith(game, goal.game)) return;
    goal = { game, open };
    const added = game.length - shown.game.length;
    const watched = added > 0 && added <= MOST_TO_WATCH && startsWith(game, shown.game) && !still.matches;
    if (!watched) return settle();
    const closing = shown.open && !open;
    board.table.stop();
    clearTimeout(timer);
    shown.open = open;
    paint();
    if (closing) board.table.draw({ at: ballOf(shown.game), lifted: [], picked: null }); // until the cup is down
    const begin = () => play(added === 1 ? SWAP_TIME : SHUFFLE_TIME);
    timer = setTimeout(() => guarded(begin), closing ? CLOSE_TIME : 0);
  }
  function draw() {
    const [state, open] = [read(), isOpen()];
    follow();
    say(shuffler, `Shuffle ${many}`);
    setAvailable(shuffler, state.game.length <= LONGEST);
    amounts.forEach(([count, one]) => setAttributes(one, { "aria-pressed": String(count === many) }));
    setAvailable(revealer, !open);
    opener.checked = state.keep_open;
    say(sentence, describe(state, open ? sharesNow(state.game) : null, trained));
  }
  // A change of several traits is drawn once.
  const drawSoon = () => {
    if (due) return;
    due = true;
    queueMicrotask(() => {
      due = false;
      guarded(draw);
    });
  };

  frame.replaceChildren(board.node, controls, note, sentence);
  board.resize();
  draw();
  STATE.forEach((key) => model.on(`change:${key}`, drawSoon));
  const unfollow = followLinks(
    KIND, el, readGame,
    ({ game, open }) => {
      act(() => keep({ game, cups_open: open || model.get("keep_open"), guess: 0 }));
      frame.scrollIntoView({ block: "nearest" });
    },
    (problem) => act(() => {
      keep({ game: model.get("recorded").game, cups_open: true, guess: 0 });
      say(note, `${problem} A fresh game was started.`);
    }),
  );
  // Once the first picture stands, the models are made ready for the reader's first move.
  const makeReady = () => {
    players ??= makePlayers(model.get("models"));
    sharesOf(model.get("game"));
  };
  const first = setTimeout(() => guarded(makeReady), 50);

  return () => {
    stopped = true;
    [timer, first].forEach(clearTimeout);
    unfollow();
    board.stop();
    frame.removeEventListener("keydown", onKey);
    STATE.forEach((key) => model.off(`change:${key}`, drawSoon));
  };
}

export default {
  render({ model, el }) {
    const frame = figureFrame(KIND, "The shell game: two models and you");
    el.append(frame);
    let stop = () => {};
    const fail = (error) => {
      stop();
      stop = showRecorded(model, frame, error.message);
    };
    try {
      stop = showLive(model, el, frame, fail);
    } catch (error) {
      fail(error);
    }
    return () => stop();
  },
};
