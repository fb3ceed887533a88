import { figureFrame, html, keepDrawn, keeper, say, setAttributes, signed, stateSentence, stepControls, svg } from "./figure.js";

const STATE = ["token", "station"];

function describe(model) {
  const [token, station] = STATE.map((key) => model.get(key));
  const here = model.get("walks")[token - 1][station - 1];
  return `Token ${token}, ${model.get("tokens")[token - 1]}. ${here.name}: ${here.tell}`;
}

// ---- the picture ---------------------------------------------------------------------------------------------

/** The way: one mark per station, in one line or two, with the present one filled. */
function drawWay(stations, present, width) {
  const perLine = width < 560 ? Math.ceil(stations.length / 2) : stations.length;
  const pitch = width / perLine;
  const group = svg("g", { class: "fl-way" });
  stations.forEach(({ short }, index) => {
    const x = ((index % perLine) + 0.5) * pitch;
    const y = 16 + 50 * Math.floor(index / perLine);
    if (index % perLine > 0) group.append(svg("path", { class: "fl-line", d: `M${x - pitch + 11} ${y}H${x - 11}` }));
    const state = index + 1 === present ? "now" : index + 1 < present ? "done" : "waiting";
    group.append(
      svg(
        "g",
        { class: "fl-station", "data-state": state },
        svg("circle", { class: "fl-stop", cx: x, cy: y, r: 10 }),
        svg("text", { class: "fl-stop-number", x, y: y + 4 }, String(index + 1)),
        svg("text", { class: "fl-stop-name", x, y: y + 27 }, short),
      ),
    );
  });
  return { group, height: 50 * Math.ceil(stations.length / perLine) };
}

/** One vector: a square per number, the stronger the colour the larger; grey with a dash means negative. */
function drawRow({ name, kind, numbers }, y, place, full) {
  const group = svg("g", { class: `fl-row fl-of-${kind}` });
  const top = y + place.above;
  const cell = (place.width - place.left) / numbers.length;
  group.append(svg("text", { class: "fl-row-name", x: 0, y: place.above ? y + 15 : y + 16 }, name));
  group.append(svg("rect", { class: "fl-bed", x: place.left, y: top, width: place.width - place.left, height: 22 }));
  numbers.forEach((number, index) => {
    const x = place.left + index * cell;
    const negative = number < 0;
    const opacity = Math.min(1, Math.abs(number) / full).toFixed(3);
    group.append(
      svg("rect", { class: "fl-cell", x, y: top, width: Math.max(1, cell - 1), height: 22, "fill-opacity": opacity, "data-negative": negative }),
    );
    if (negative) {
      const [from, to] = [x + 0.25 * cell, x + 0.75 * cell - 1];
      group.append(svg("path", { class: "fl-minus", d: `M${from} ${top + 11}H${to}` }));
    }
  });
  return group;
}

/** Horizontal bars: attention weights in per cent, one bar per head, filled or outlined in turn; or the logits. */
function drawBars({ names, numbers, series }, y, place) {
  const weights = !series.includes("logit");
  // Weights are what the query reads; logits are the answer of the model with feedback.
  const group = svg("g", { class: weights ? "fl-bars fl-of-query" : "fl-bars fl-of-memory" });
  const left = 104;
  const room = place.width - left - 58;
  const largest = weights ? 1 : Math.max(...numbers.flat().map(Math.abs), 1e-9);
  let top = y;
  if (weights) {
    series.forEach((name, index) => {
      const x = left + 90 * index;
      group.append(svg("rect", { class: "fl-bar", "data-series": index % 2, x, y: top + 3, width: 12, height: 12 }));
      group.append(svg("text", { class: "fl-bar-name", x: x + 18, y: top + 14 }, name));
    });
    top += 26;
  }
  names.forEach((name, place_) => {
    const middle = top + 9 * series.length + 4;
    group.append(svg("text", { class: "fl-bar-name", x: 0, y: middle }, name));
    numbers[place_].forEach((number, index) => {
      const length = (room * Math.abs(number)) / largest;
      group.append(
        svg("rect", {
          class: "fl-bar", "data-series": index % 2, "data-negative": number < 0, x: left, y: top + 18 * index + 2,
          width: Math.max(1, length), height: 14,
        }),
        svg(
          "text", { class: "fl-bar-number", x: left + length + 6, y: top + 18 * index + 14 },
          weights ? `${Math.floor(100 * number + 0.5)}\u00a0%` : signed(number, 1),
        ),
      );
    });
    top += 18 * series.length + 8;
  });
  return { group, height: top - y };
}

function makePicture(model, width) {
  const narrow = width < 560;
  const place = { width, left: narrow ? 0 : 110, above: narrow ? 20 : 0 };
  // One scale for all pictures: the colour is full for the largest fiftieth of the numbers.
  const all = model.get("walks").flat().flatMap(({ rows }) => rows.flatMap(({ numbers }) => numbers.map(Math.abs)));
  const full = all.sort((one, other) => one - other)[Math.floor(0.98 * (all.length - 1))];
  const node = svg("svg", { class: "fl-picture", role: "img" });

  function update() {
    const [token, station] = STATE.map((key) => model.get(key));
    const stations = model.get("walks")[token - 1];
    const { name, rows, bars } = stations[station - 1];
    const way = drawWay(stations, station, width);
    let y = way.height + 22;
    const title = svg("text", { class: "fl-now", x: 0, y }, `${station} of ${stations.length}: ${name}`);
    y += 16;
    const drawn = rows.map((row) => {
      const group = drawRow(row, y, place, full);
      y += 32 + place.above;
      return group;
    });
    const chart = drawBars(bars, y + 4, place);
    y += 4 + (bars.names.length ? chart.height : 0);
    setAttributes(node, { viewBox: `0 0 ${width} ${y}`, "aria-label": `${name} of token ${token}` });
    node.replaceChildren(way.group, title, ...drawn, ...(bars.names.length ? [chart.group] : []));
  }
  return { node, update };
}

// ---- the figure ----------------------------------------------------------------------------------------------

export default {
  render({ model, el }) {
    const words = model.get("tokens");
    const keep = keeper(model);
    const box = html("div", { class: "fl-picture-box" });
    const sentence = stateSentence();
    const way = stepControls({
      label: "Station", first: 1, last: model.get("walks")[0].length, get: () => model.get("station"),
      set: (station) => keep({ station }),
    });
    const input = html("input", {
      type: "range", min: 1, max: words.length, step: 1, "data-control": "token", "aria-label": "Token",
    });
    input.addEventListener("input", () => keep({ token: Number(input.value) }));
    const value = html("span", { class: "fl-value" });
    const slider = html("div", { class: "fl-slider" }, html("span", {}, "Token"), input, value);

    function draw(picture) {
      const token = model.get("token");
      input.value = token;
      setAttributes(input, { "aria-valuetext": `${token}, ${words[token - 1]}` });
      say(value, `${token}: ${words[token - 1]}`);
      way.update();
      picture.update();
      say(sentence, describe(model));
    }

    el.append(figureFrame("token-walk", "One token's walk through the model", box, way.element, slider, sentence));
    const stop = keepDrawn({ model, traits: STATE, box, least: 240, make: (width) => makePicture(model, width), draw });
    return () => {
      way.stop();
      stop();
    };
  },
};
