// What a reader has done, kept in the browser's own storage for this site and sent nowhere: predictions, exercises that
// are solved, chapters read to the end. What is found there may have been written by anybody: only what fits a strict
// form is taken, and all else is dropped. Where a browser keeps nothing, nothing happens.

const PROGRESS_KEY = "feedback-lite-progress";
const PROGRESS_VERSION = 1;
const MOST_ENTRIES = 400;
const LONGEST_PROGRESS = 40_000;
const PROGRESS_NAME = /^[a-z0-9][a-z0-9-]{0,63}$/;

/** @typedef {{ predicted: Map<string, number>, solved: Set<string>, read: Set<string> }} Progress */

/** @returns {Progress} */
function nothingDone() {
  return { predicted: new Map(), solved: new Set(), read: new Set() };
}

/**
 * What has been done so far, as it is stored.
 *
 * @returns {Progress}
 */
export function loadProgress() {
  try {
    const text = localStorage.getItem(PROGRESS_KEY);
    if (text === null) return nothingDone();
    const progress = parseProgress(text);
    if (progress) return progress;
    localStorage.removeItem(PROGRESS_KEY);
  } catch {
    // A browser may forbid its storage.
  }
  return nothingDone();
}

/**
 * Progress from its stored form; null for everything that this module has not written.
 *
 * @param {string} text
 * @returns {Progress | null}
 */
function parseProgress(text) {
  if (text.length > LONGEST_PROGRESS) return null;
  /** @type {unknown} */
  let stored;
  try {
    stored = JSON.parse(text);
  } catch {
    return null;
  }
  if (!Array.isArray(stored) || stored.length !== 4 || stored[0] !== PROGRESS_VERSION) return null;
  const [, predicted, solved, read] = stored;
  const lists = [predicted, solved, read];
  if (!lists.every((list) => Array.isArray(list) && list.length <= MOST_ENTRIES)) return null;
  /** @type {(name: unknown) => boolean} */
  const isName = (name) => typeof name === "string" && PROGRESS_NAME.test(name);
  /** @type {(pair: unknown) => boolean} */
  const isPrediction = (pair) =>
    Array.isArray(pair) && pair.length === 2 && isName(pair[0]) && Number.isInteger(pair[1]) && pair[1] >= 0;
  if (!solved.every(isName) || !read.every(isName) || !predicted.every(isPrediction)) return null;
  return { predicted: new Map(predicted), solved: new Set(solved), read: new Set(read) };
}

/**
 * Change what is stored.
 *
 * @param {(progress: Progress) => void} change
 */
function changeProgress(change) {
  const progress = loadProgress();
  change(progress);
  const { predicted, solved, read } = progress;
  if (Math.max(predicted.size, solved.size, read.size) > MOST_ENTRIES) return;
  try {
    localStorage.setItem(PROGRESS_KEY, JSON.stringify([PROGRESS_VERSION, [...predicted], [...solved], [...read]]));
  } catch {
    // The storage may be full.
  }
}

/** @param {string} exercise */
export function noteSolved(exercise) {
  changeProgress(({ solved }) => solved.add(exercise));
}

/** @param {string} chapter */
export function noteRead(chapter) {
  changeProgress(({ read }) => read.add(chapter));
}

/**
 * @param {string} question
 * @param {number | null} choice null where an answer was taken back
 */
export function notePrediction(question, choice) {
  changeProgress(({ predicted }) => {
    if (choice === null) predicted.delete(questionName(question));
    else predicted.set(questionName(question), choice);
  });
}

/**
 * The recorded answer to a question; undefined where there is none.
 *
 * @param {string} question
 */
export function predictionOf(question) {
  return loadProgress().predicted.get(questionName(question));
}

export function forgetProgress() {
  try {
    localStorage.removeItem(PROGRESS_KEY);
  } catch {
    // Nothing was kept.
  }
}

/**
 * A short name for a question: another question gets another one.
 *
 * @param {string} question
 */
function questionName(question) {
  let hash = 0x811c9dc5;
  for (const letter of question) hash = Math.imul(hash ^ (letter.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  return `q-${hash.toString(16)}`;
}
