// The bar under every figure, and the figure alone on the whole screen: for a projector or a phone.

const LARGEST = 2.5;
const STOPS = "a[href], button, input, select, textarea, summary, [tabindex]";

/**
 * @param {string} tag
 * @param {string} name of its class
 * @param {...(Node | string)} children
 */
function part(tag, name, ...children) {
  const node = document.createElement(tag);
  node.className = name;
  node.append(...children);
  return node;
}

/**
 * A button of the bar; `act` names it for tests. It is no control of the figure's state.
 *
 * @param {string} act
 * @param {string} text
 * @param {() => void} press
 */
function barButton(act, text, press) {
  const node = part("button", "fl-foot-button", text);
  Object.assign(node, { type: "button" }).dataset.act = act;
  node.dataset.lmSuppressShortcuts = "true"; // JupyterLab would take Enter for a command to the cell
  node.addEventListener("click", press);
  return node;
}

/**
 * The bar that stands under a figure. On a page of the book the page's host adds to it what needs an address.
 *
 * @param {HTMLElement} frame
 * @param {string} label of the figure
 */
export function figureBar(frame, label) {
  const bar = part("div", "fl-foot");
  bar.setAttribute("role", "group");
  bar.setAttribute("aria-label", `${label}: show and share`);
  const canPresent = typeof HTMLDialogElement === "function";
  if (canPresent) bar.append(barButton("present", "Present", () => present(frame, label)));
  return bar;
}

/**
 * How many times larger a figure is shown: as large as it is seen whole, and on a wide screen larger than on the page
 * even where the last line must then be scrolled to.
 *
 * @param {{ offsetWidth: number, offsetHeight: number }} frame
 * @param {{ width: number, height: number }} room
 */
function scaleFor(frame, { width, height }) {
  const least = Math.min(1.5, width / 1000);
  return Math.max(1, Math.min(LARGEST, width / frame.offsetWidth, Math.max(height / frame.offsetHeight, least)));
}

/**
 * What the page asks above an exercise with blanks: the paragraphs and lists of its section, up to its hints.
 *
 * @param {HTMLElement} frame
 */
function taskOf(frame) {
  const all = frame.matches(".fl-fill-in") ? [...frame.closest("section, main")?.children ?? []] : [];
  const end = all.findIndex((node) => node.matches("details, div:not(.math)"));
  return all.slice(0, end).filter((node) => node.matches(":is(p, ul, .math):not(:has(> em, > [target]))"))
    .map((node) => node.cloneNode(true));
}

/**
 * Show a figure alone. It is moved into a dialog over everything else, and back when that is closed; a gap keeps its
 * place on the page. In a frame of another page, the dialog fills the frame, and the frame the screen where it may.
 *
 * @param {HTMLElement} frame
 * @param {string} label
 */
async function present(frame, label) {
  if (frame.closest("dialog")) return;
  const opener = document.activeElement;
  const gap = part("div", "fl-gap");
  gap.style.height = `${frame.offsetHeight}px`;
  const sheet = part("div", "fl-stage-sheet");
  const task = part("div", "fl-stage-task", ...taskOf(frame));
  const hall = part("div", "fl-stage-hall", task, sheet);
  const close = barButton("close", "Close", () => stage.close());
  const stage = /** @type {HTMLDialogElement} */ (
    part("dialog", "fl-stage", part("div", "fl-stage-head", part("p", "fl-stage-title", label), close), hall)
  );
  stage.setAttribute("aria-label", label);
  stage.addEventListener("keydown", (event) => keepInside(stage, event));
  stage.addEventListener("keydown", (event) => {
    // Browsers do this themselves, but not where the focus is within a drawing.
    if (event.key !== "Escape" || event.defaultPrevented) return;
    event.preventDefault();
    stage.close();
  });

  let [scale, room] = [LARGEST, { width: 0, height: 0 }];
  const watcher = new ResizeObserver((entries) => {
    if (entries.some(({ target }) => target === hall)) {
      scale = LARGEST;
      frame.style.width = sheet.style.width = "";
      room = { width: sheet.offsetWidth, height: hall.clientHeight - task.offsetHeight };
    }
    // A figure that grows by a line is shown smaller, and stays so: nothing moves to and fro.
    scale = Math.min(scale, scaleFor(frame, room));
    frame.style.width = `${frame.offsetWidth}px`;
    frame.style.transform = scale === 1 ? "" : `scale(${scale})`;
    sheet.style.width = `${scale * frame.offsetWidth}px`;
    sheet.style.height = `${scale * frame.offsetHeight}px`;
  });
  const leave = () => {
    if (!document.fullscreenElement) stage.close();
  };
  stage.addEventListener("close", () => {
    document.removeEventListener("fullscreenchange", leave);
    if (filled && document.fullscreenElement) document.exitFullscreen();
    watcher.disconnect();
    frame.style.width = frame.style.transform = "";
    gap.replaceWith(frame);
    stage.remove();
    if (opener instanceof HTMLElement) opener.focus({ preventScroll: true });
  });

  const filled = self !== top && document.fullscreenEnabled &&
    await document.documentElement.requestFullscreen().then(() => true, () => false);
  frame.before(gap, stage);
  sheet.append(frame);
  stage.showModal();
  if (filled) document.addEventListener("fullscreenchange", leave);
  watcher.observe(hall);
  watcher.observe(frame);
}

/**
 * From the last place that takes the focus on to the first, and back.
 *
 * @param {HTMLElement} stage
 * @param {KeyboardEvent} event
 */
function keepInside(stage, event) {
  if (event.key !== "Tab") return;
  const stops = [...stage.querySelectorAll(STOPS)].filter((node) =>
    node instanceof HTMLElement || node instanceof SVGElement
      ? node.tabIndex >= 0 && !node.matches(":disabled") && node.getClientRects().length > 0
      : false
  );
  const [first, last] = event.shiftKey ? [stops.at(-1), stops[0]] : [stops[0], stops.at(-1)];
  if (document.activeElement !== last) return;
  event.preventDefault();
  if (first instanceof HTMLElement || first instanceof SVGElement) first.focus();
}
