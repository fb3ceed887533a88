import { forgetProgress, loadProgress, noteRead } from "./progress.js";

// What pages of the book do with the reader's progress: a chapter notes that it was read to its end, and the front page
// tells beside each chapter what is done. `EXERCISES` and `QUESTIONS` come with the page: by chapter, the exercises
// solved on its page, and the questions of its quiz with the place of the right option.

/** @type {Record<string, string[]>} */
const EXERCISES = {};
/** @type {Record<string, Record<string, number>>} */
const QUESTIONS = {};
const CHAPTER = /(?:^|\/)chapters\/(\d\d-[a-z0-9-]+)\.html$/;

/** @param {string} address */
function chapterOf(address) {
  return CHAPTER.exec(address.split(/[?#]/)[0])?.[1] ?? null;
}

/**
 * A chapter is read when the end of its text has been seen.
 *
 * @param {string} chapter
 */
function watchTheEnd(chapter) {
  const last = document.querySelector("article.bd-article > section")?.lastElementChild;
  if (!last) return;
  const end = document.createElement("div");
  last.after(end);
  const watcher = new IntersectionObserver(([entry]) => {
    if (!entry.isIntersecting || scrollY === 0) return;
    watcher.disconnect();
    noteRead(chapter);
  });
  watcher.observe(end);
}

/**
 * What is done of a chapter, in words; nothing where there is nothing to say.
 *
 * @param {string} chapter
 * @param {ReturnType<typeof loadProgress>} progress
 */
function inWords(chapter, { predicted, solved, read }) {
  const exercises = Object.hasOwn(EXERCISES, chapter) ? EXERCISES[chapter] : [];
  const count = exercises.filter((exercise) => solved.has(exercise)).length;
  const words = exercises.length ? [`${count} of ${exercises.length} exercises`] : [];
  const asked = Object.entries(Object.hasOwn(QUESTIONS, chapter) ? QUESTIONS[chapter] : {});
  if (asked.some(([name]) => predicted.has(name))) {
    words.push(`quiz ${asked.filter(([name, answer]) => predicted.get(name) === answer).length} of ${asked.length}`);
  }
  return [...words, ...(read.has(chapter) ? ["read to the end"] : [])].join(", ");
}

/** The first link to each chapter within a table or a list, else the first of all. */
function linksToChapters() {
  /** @type {Map<string, HTMLAnchorElement>} */
  const links = new Map();
  for (const where of ["article :is(table, li) a[href]", "article a[href]"]) {
    for (const link of document.querySelectorAll(where)) {
      const chapter = link instanceof HTMLAnchorElement ? chapterOf(link.getAttribute("href") ?? "") : null;
      if (chapter && !links.has(chapter)) links.set(chapter, /** @type {HTMLAnchorElement} */ (link));
    }
  }
  return links;
}

function tellProgress() {
  const progress = loadProgress();
  const links = linksToChapters();
  if (links.size < 2 || progress.predicted.size + progress.solved.size + progress.read.size === 0) return;
  /** @type {Element[]} */
  const told = [];
  for (const [chapter, link] of links) {
    const words = inWords(chapter, progress);
    if (!words) continue;
    const line = Object.assign(document.createElement("small"), { className: "fl-progress", textContent: words });
    link.after(line);
    told.push(line);
  }
  const note = document.createElement("p");
  note.className = "fl-progress-note";
  note.setAttribute("role", "status");
  note.textContent = "What you have done is kept in this browser alone. ";
  const forget = Object.assign(document.createElement("button"), { type: "button", textContent: "Forget all of it" });
  forget.addEventListener("click", () => {
    forgetProgress();
    told.forEach((line) => line.remove());
    note.textContent = "Forgotten.";
  });
  note.append(forget);
  const last = [...links.values()].filter((link) => link.closest("table, ul, ol")).at(-1) ?? [...links.values()].at(-1);
  (last?.closest(".pst-scrollable-table-container") ?? last?.closest("table, ul, ol, p") ?? last)?.after(note);
}

const own = chapterOf(location.pathname);
if (own) watchTheEnd(own);
else tellProgress();
