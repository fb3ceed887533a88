// A figure on one screen: what it shows, and beside or under that what moves it; on a phone the picture stays in view.

import { button, oneStop, setAvailable } from "./controls.js";
import { html, setAttributes } from "./figure.js";
import { say } from "./words.js";

/** @import { Attributes } from "./figure.js" */

/**
 * The picture and its controls. Where there is little room the controls stand under the picture, and pass below it when
 * the page is scrolled. With `beside`, they stand at its right where there is room, and what is given as `under`
 * below both.
 *
 * @param {Node[]} view
 * @param {Node[]} panel
 * @param {{ beside?: boolean, under?: Node[] }} [how]
 */
export function onOneScreen(view, panel, { beside = false, under = [] } = {}) {
  const split = html(
    "div",
    { class: "fl-split", "data-beside": beside },
    html("div", { class: "fl-view", "data-view": true }, ...view),
    html("div", { class: "fl-panel" }, ...panel),
    ...(under.length ? [html("div", { class: "fl-under" }, ...under)] : []),
  );
  return html("div", { class: "fl-screen" }, split);
}

/**
 * What the figure is about, as large as a heading: `show` writes it, the number or the word, and what it is.
 *
 * @param {Attributes} [extra]
 */
export function largeResult(extra = {}) {
  const [number, about] = [html("strong", {}), html("span", {})];
  const element = html("p", { class: "fl-large", ...extra }, number, " ", about);
  /** @type {(result: string, words: string, verdict?: "right" | "wrong") => void} */
  const show = (result, words, verdict) => {
    say(number, result);
    say(about, words);
    setAttributes(element, { "data-verdict": verdict });
  };
  return { element, show };
}

/**
 * Captions that lead through a picture, one after another: "1 of 3: each row is one layer". Python holds the texts.
 *
 * @param {{ get: (key: "captions") => string[] }} model
 */
export function makeCaptions(model) {
  const texts = model.get("captions");
  let number = 1;
  const text = html("p", { class: "fl-caption", "aria-live": "polite" });
  /** @param {number} by */
  const turn = (by) => () => {
    number += by;
    draw();
  };
  const back = button("caption back", "‹", turn(-1), { "aria-label": "Caption before" });
  const on = button("caption on", "›", turn(1), { "aria-label": "Next caption" });
  const buttons = html("div", { class: "fl-turn", role: "group", "aria-label": "Captions" }, back, on);
  const element = html("div", { class: "fl-captions" }, text, buttons);

  function draw() {
    say(text, `${number} of ${texts.length}: ${texts[number - 1]}`);
    setAvailable(back, number > 1);
    setAvailable(on, number < texts.length);
  }
  draw();
  oneStop(buttons, on);
  return element;
}
