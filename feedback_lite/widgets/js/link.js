// A figure's state in the address of its page: #shell-duel=3.12.45. What comes from an address is matched against a
// strict grammar, never run and never made into markup.

import { button } from "./controls.js";
import { html, onPage } from "./figure.js";

const LONGEST_LINK = 2000;

/**
 * @template State
 * @typedef {{ state: State } | { problem: string, foreign?: boolean } | null} Found what an address holds for a figure
 */

/**
 * The address of this page with a state of a figure of this kind.
 *
 * @param {string} kind
 * @param {string} text
 */
export function writeLink(kind, text) {
  return `${location.href.split("#")[0]}#${kind}=${text}`;
}

/**
 * What an address holds for figures of this kind: null for nothing at all, `{ state }` with what `parse` made of the
 * text, or `{ problem, foreign }` with the reason why there is none; foreign where the address names another kind.
 * `parse` throws an Error with the reason where the text is not what it should be.
 *
 * @template State
 * @param {string} kind
 * @param {(text: string) => State} parse
 * @returns {Found<State>}
 */
export function readLink(kind, parse, hash = location.hash) {
  const own = hash.startsWith(`#${kind}`) && !/^[\w-]/.test(hash.slice(kind.length + 1));
  if (!own) return hash.includes("=") ? { problem: "it names no figure of this page", foreign: true } : null;
  if (hash.length > LONGEST_LINK) {
    return { problem: `it is longer than ${LONGEST_LINK.toLocaleString("en")} characters` };
  }
  if (hash[kind.length + 1] !== "=") return { problem: `${kind} must be followed by = and a state` };
  try {
    return { state: parse(hash.slice(kind.length + 2)) };
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}

/**
 * Follow the links that lead to this page, now and whenever its address changes: `restore` gets a state, `refuse` the
 * sentence of a problem. A link to another figure of the page is that one's business. Returns a function that stops.
 *
 * @template State
 * @param {string} kind
 * @param {Element} el
 * @param {(text: string) => State} parse
 * @param {(state: State) => void} restore
 * @param {(problem: string) => void} refuse
 */
export function followLinks(kind, el, parse, restore, refuse) {
  if (!onPage(el)) return () => {};
  const places = [...document.querySelectorAll(".fl-place")];
  const drawn = () => places.every((place) => !place.isConnected || place.childNodes.length > 0);
  const others = () =>
    [...document.querySelectorAll("[data-figure]")]
      .map((figure) => figure.getAttribute("data-figure") ?? "")
      .filter((other) => other !== kind);
  /** @param {Found<unknown>} found */
  const isForeign = (found) => found !== null && "problem" in found && found.foreign === true;
  let stopped = false;

  function follow() {
    if (stopped || !el.isConnected) return;
    const found = readLink(kind, parse);
    if (!found) return;
    if (isForeign(found) && !drawn()) return void setTimeout(follow, 50);
    if (isForeign(found) && others().some((other) => !isForeign(readLink(other, String)))) return;
    if ("problem" in found) refuse(`This link could not be read (${found.problem}).`);
    else restore(found.state);
  }
  addEventListener("hashchange", follow);
  follow();
  return () => {
    stopped = true;
    removeEventListener("hashchange", follow);
  };
}

/**
 * A button that copies a link to the present state, or shows it to be copied where the browser does not allow that.
 *
 * @param {string} kind
 * @param {() => string} getText
 * @param {(message: string) => void} tell
 */
export function copyLink(kind, getText, tell) {
  const box = html("span", { class: "fl-link" });
  const field = html("input", { type: "text", readonly: true, "aria-label": "Link", "data-control": "link" });
  const copy = button("copy link", "Copy link", async () => {
    const address = writeLink(kind, getText());
    try {
      await navigator.clipboard.writeText(address);
      field.remove();
      tell("The link is copied.");
    } catch {
      field.value = address;
      box.append(field);
      field.select();
      tell("The link is selected: copy it.");
    }
  });
  box.append(copy);
  return box;
}
