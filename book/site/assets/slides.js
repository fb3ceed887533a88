// One slide at a time: by keys, buttons and the address. Without this script all slides stand below one another.
(() => {
  const root = document.documentElement;
  const slides = /** @type {HTMLElement[]} */ ([...document.querySelectorAll(".slide")]);
  const bar = /** @type {HTMLElement} */ (document.querySelector(".bar"));
  const place = /** @type {HTMLOutputElement} */ (bar.querySelector(".place"));
  /** @param {string} act */
  const button = (act) => /** @type {HTMLButtonElement} */ (bar.querySelector(`[data-act="${act}"]`));

  /** The number of the slide that the address names; the first where it names none. */
  function wanted() {
    const number = Number(location.hash.slice(1));
    return Number.isInteger(number) && number >= 1 && number <= slides.length ? number : 1;
  }

  function show() {
    const number = wanted();
    slides.forEach((slide, at) => (slide.hidden = at !== number - 1));
    // Hidden frames would load at once, lazy or not: each gets its address when its slide is shown.
    slides[number - 1].querySelectorAll("iframe").forEach((frame) => {
      if (!frame.src) frame.src = frame.dataset.src ?? "";
    });
    const title = slides[number - 1].querySelector(".title")?.textContent;
    const said = Object.assign(document.createElement("span"), { className: "said", textContent: `: ${title}` });
    place.replaceChildren(`${number} / ${slides.length}`, said);
    button("back").disabled = number === 1;
    button("on").disabled = number === slides.length;
    document.title = document.title.replace(/^(\d+\. )?/, `${number}. `);
    scrollTo(0, 0);
  }

  /** @param {number} number */
  function go(number) {
    // A step in the history, and no jump to a place, which would take the focus from the button.
    history.pushState(null, "", `#${Math.min(Math.max(number, 1), slides.length)}`);
    show();
  }

  /** Figures are laid out as on a page and shown larger where there is more room, so that they fill a projector. */
  function scale() {
    root.style.setProperty("--scale", String(Math.max(1, innerWidth / 1280)));
  }

  // Figures larger than their slide, for a deep room: what no longer fits is scrolled to.
  const zooms = [1, 1.25, 1.6];
  /** @param {number} by */
  function zoom(by) {
    const now = zooms.indexOf(Number(root.style.getPropertyValue("--zoom") || 1));
    const then = Math.min(Math.max(now + by, 0), zooms.length - 1);
    root.style.setProperty("--zoom", String(zooms[then]));
    button("smaller").disabled = then === 0;
    button("larger").disabled = then === zooms.length - 1;
  }

  /** @type {Record<string, () => void>} */
  const acts = {
    back: () => go(wanted() - 1),
    on: () => go(wanted() + 1),
    notes() {
      const open = root.classList.toggle("noted");
      button("notes").setAttribute("aria-pressed", String(open));
    },
    smaller: () => zoom(-1),
    larger: () => zoom(1),
    screen() {
      if (document.fullscreenElement) document.exitFullscreen();
      else root.requestFullscreen();
    },
  };
  /** @type {Record<string, () => void>} */
  const keys = {
    ArrowRight: acts.on,
    ArrowLeft: acts.back,
    PageDown: acts.on,
    PageUp: acts.back,
    " ": acts.on,
    Home: () => go(1),
    End: () => go(slides.length),
    n: acts.notes,
    "-": acts.smaller,
    "+": acts.larger,
    f: acts.screen,
  };

  addEventListener("keydown", (event) => {
    const { key, target } = event;
    if (event.ctrlKey || event.altKey || event.metaKey || !Object.hasOwn(keys, key)) return;
    if (key === " " && target instanceof Element && target.closest("button, a, summary")) return; // it presses these
    event.preventDefault();
    keys[key]();
  });
  Object.keys(acts).forEach((act) => button(act).addEventListener("click", acts[act]));
  button("screen").hidden = !document.fullscreenEnabled;
  addEventListener("hashchange", show);
  addEventListener("resize", scale);

  root.classList.add("live");
  bar.hidden = false;
  scale();
  zoom(0);
  show();
})();
