// The switch in the header that folds or shows all code of a page. What was chosen last is remembered where the browser
// lets a page remember anything. Hints and solutions are no business of the switch.
(() => {
  const KEY = "fl-code";
  const UNDER = "details.fl-under"; // code that stands folded under what it makes
  const header = document.querySelector(".article-header-buttons");
  const boxes = /** @type {HTMLElement[]} */ ([...document.querySelectorAll(".cell_input")]);
  if (!header || boxes.length === 0) return;
  const open = boxes.filter((box) => !box.closest("details"));

  /** @returns {string | null} */
  function kept() {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null; // refused
    }
  }

  /** @param {string} chosen */
  function keep(chosen) {
    try {
      localStorage.setItem(KEY, chosen);
    } catch {
      // refused: it holds for this page alone
    }
  }

  /**
   * The fold around a box of code that stands open at first; made when it is needed.
   *
   * @param {HTMLElement} box
   */
  function foldOf(box) {
    const known = /** @type {HTMLDetailsElement | null} */ (box.closest("details.fl-code"));
    if (known) return known;
    const lines = box.querySelectorAll(".fl-line").length;
    const fold = document.createElement("details");
    fold.className = "fl-code";
    fold.append(document.createElement("summary"));
    fold.children[0].textContent = lines === 1 ? "Code, one line" : `Code, ${lines} lines`;
    box.replaceWith(fold);
    fold.append(box);
    return fold;
  }

  /** @param {boolean} shown */
  function show(shown) {
    const folds = /** @type {HTMLDetailsElement[]} */ ([...document.querySelectorAll(UNDER)]);
    for (const fold of folds) fold.open = shown;
    for (const box of open) {
      if (shown) box.closest("details.fl-code")?.replaceWith(box);
      else foldOf(box).open = false;
    }
    text.textContent = shown ? "Fold code" : "Show code";
    button.classList.toggle("fl-shown", shown);
  }

  /** Changes the page and leaves what the reader looks at where it is. */
  function flip() {
    const shown = !button.classList.contains("fl-shown");
    const texts = [...document.querySelectorAll(".bd-article :is(h1, h2, h3, p, li, summary)")];
    const seen = texts.find((text) => text.getBoundingClientRect().top > 80 && text.checkVisibility());
    const before = seen?.getBoundingClientRect().top ?? 0;
    const root = document.documentElement;
    root.style.overflowAnchor = "none"; // the browser would move the page a second time
    show(shown);
    keep(shown ? "shown" : "folded");
    if (seen) scrollBy({ top: seen.getBoundingClientRect().top - before, behavior: "instant" });
    requestAnimationFrame(() => root.style.removeProperty("overflow-anchor"));
  }

  const button = document.createElement("button");
  const icon = document.createElement("span");
  const text = document.createElement("span");
  button.type = "button";
  button.className = "btn btn-sm fl-code-switch fl-shown";
  icon.className = "btn__icon-container";
  icon.ariaHidden = "true";
  icon.textContent = "</>";
  text.className = "btn__text-container";
  text.textContent = "Fold code";
  button.append(icon, text);
  button.addEventListener("click", flip);
  header.prepend(button);
  const chosen = kept();
  if (chosen === "folded" || chosen === "shown") show(chosen === "shown");
})();
