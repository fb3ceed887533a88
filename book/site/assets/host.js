// Brings the figures of a page to life without a kernel. The page holds what the notebook stored: one script with
// the state of all widgets, and one script in each place where a widget is to be seen. A figure's own module is
// part of its state; it gets a `model` like the one that a notebook would give it. Where that is not possible, the
// sentence that already stands in the place stays. What several pages need stands in files that they share.
//
// A figure's name on its page, such as layer-mixture, is in the id of its place, figure-layer-mixture. An address may
// end with it and with a state, #layer-mixture=1,step:3: it is matched against the rules of the figure's own module,
// never run and never made into markup, and what is not exactly as the host itself would write it changes nothing.
(() => {
  const STATE = 'script[type="application/vnd.jupyter.widget-state+json"]';
  const VIEW = 'script[type="application/vnd.jupyter.widget-view+json"]';
  const HOST = /** @type {HTMLScriptElement} */ (document.currentScript).src;
  const VERSION = "1"; // of the way in which addresses are written
  const LONGEST = 4000;
  const ADDRESS = /^([a-z]+(?:-[a-z]+)*(?:-\d+)?)=(.*)$/s; // the rules of the figure judge what comes after the sign
  const ANCHOR = "figure-";
  /** @typedef {Record<string, unknown> & { _esm?: string, _css?: string }} State what a notebook stored of a widget */
  /** @typedef {ReturnType<typeof makeModel>} Model */

  /**
   * What a figure's module exports, or a function that returns it.
   *
   * @typedef {object} Figure
   * @property {(place: { model: Model }) => unknown} [initialize]
   * @property {(place: { model: Model, el: HTMLElement }) => unknown} [render]
   * @property {(model: Model) => Link} [link]
   */

  /**
   * What an address may say of a figure, as its module's link.js has it.
   *
   * @typedef {object} Link
   * @property {Record<string, { write: (value: any) => string, read: (text: string) => unknown }>} rules
   * @property {(state: any) => boolean} [fits]
   */

  /**
   * A figure that is seen on the page under a name.
   *
   * @typedef {{ name: string, place: HTMLElement, model: Model, link: Link, note: (text: string) => void }} Shown
   */

  /** @type {Map<string, { model: Model, ready: Promise<Figure> }>} */
  const figures = new Map(); // by model id: the model and, on its way, the module
  /** @type {Shown[]} */
  const shown = [];

  /**
   * A figure's model without a kernel: it keeps the state, and tells its listeners of every change.
   *
   * @param {State} state
   */
  function makeModel(state) {
    /** @typedef {(...values: unknown[]) => void} Listener */
    /** @type {Map<string, Listener[]>} */
    const listeners = new Map();
    /** @param {string} name */
    const of = (name) => listeners.get(name) ?? [];
    /** @param {string} names */
    const split = (names) => names.split(/\s+/);
    /** @type {(name: string, ...values: unknown[]) => void} */
    const emit = (name, ...values) => [...of(name)].forEach((listen) => listen(...values));
    const model = {
      /** @param {string} key */
      get: (key) => state[key],
      /** @type {(key: string, value: unknown) => void} */
      set(key, value) {
        if (Object.is(state[key], value)) return;
        state[key] = value;
        emit(`change:${key}`, model, value);
        emit("change", model);
      },
      /** @type {(names: string, listen: Listener) => void} */
      on: (names, listen) => split(names).forEach((name) => listeners.set(name, [...of(name), listen])),
      /** @type {(names: string, listen?: Listener) => void} */
      off: (names, listen) =>
        split(names).forEach((name) => listeners.set(name, of(name).filter((known) => listen && known !== listen))),
      save_changes() {}, // there is no kernel to tell
      /**
       * Change all of this at once: whoever hears of one change sees the others too.
       *
       * @param {State} changes
       */
      restore(changes) {
        const differing = Object.entries(changes).filter(([key, value]) => !Object.is(state[key], value));
        Object.assign(state, changes);
        differing.forEach(([key, value]) => emit(`change:${key}`, model, value));
        emit("change", model);
      },
    };
    return model;
  }

  /**
   * @param {string} text
   * @returns {Promise<Figure>}
   */
  async function load(text) {
    const address = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
    try {
      const { default: figure } = await import(address);
      if (!figure) throw new Error("its module has no default export");
      return typeof figure === "function" ? await figure() : figure;
    } finally {
      URL.revokeObjectURL(address);
    }
  }

  /** @param {string} text */
  function style(text) {
    if ([...document.head.querySelectorAll("style.fl-host")].some((known) => known.textContent === text)) return;
    document.head.append(Object.assign(document.createElement("style"), { className: "fl-host", textContent: text }));
  }

  /**
   * The model and the module of a figure, which may be seen in several places.
   *
   * @param {string} id
   * @param {State} state
   * @param {string} script
   */
  function start(id, state, script) {
    const known = figures.get(id);
    if (known) return known;
    const model = makeModel(structuredClone(state));
    const ready = load(script).then(async (figure) => {
      await figure.initialize?.({ model });
      return figure;
    });
    figures.set(id, { model, ready });
    return { model, ready };
  }

  // ---- what pages share

  /** @type {Map<string, Promise<void>>} */
  const parts = new Map();
  /** @type {Record<string, unknown>} each file of a part puts its value here */
  const values = Object(Reflect.get(self, "feedbackParts") ?? {});
  Reflect.set(self, "feedbackParts", values);

  /**
   * A state with every part that stands in a file of its own brought in. Also from disk, where a page may read no file
   * but run a script.
   *
   * @param {State} state
   */
  async function whole(state) {
    const entries = Object.entries(state).map(async ([key, value]) => {
      if (!(value instanceof Object && "$part" in value)) return [key, value];
      const names = ["$after" in value ? String(value.$after) : "", String(value.$part)].filter(Boolean);
      await Promise.all(names.map((name) => parts.get(name) ?? fetchPart(name)));
      return [key, names.length > 1 ? names.map((name) => values[name]).join("") : values[names[0]]];
    });
    return /** @type {State} */ (Object.fromEntries(await Promise.all(entries)));
  }

  /** @param {string} name */
  function fetchPart(name) {
    /** @type {Promise<void>} */
    const coming = new Promise((done, fail) => {
      if (name in values) return done();
      const script = Object.assign(document.createElement("script"), { src: new URL(`figures/${name}.js`, HOST).href });
      script.addEventListener("load", () => done());
      script.addEventListener("error", () => fail(new Error("a part of it did not arrive")));
      document.head.append(script);
    });
    parts.set(name, coming);
    return coming;
  }

  // ---- addresses

  /** What stands behind the # of the page's address. */
  function readHash() {
    try {
      return decodeURIComponent(location.hash.slice(1));
    } catch { // no text: it says nothing
      return "";
    }
  }

  /** What the page's address says: the name of a figure, and its state where there is one. */
  function readAddress() {
    const hash = readHash();
    if (hash.startsWith(ANCHOR)) return { name: hash.slice(ANCHOR.length), text: null };
    const [, name, text] = (hash.length <= LONGEST && hash.match(ADDRESS)) || ["", "", ""];
    return { name, text };
  }

  /**
   * @param {Link} link
   * @param {(key: string) => unknown} get
   */
  function writeState({ rules }, get) {
    return [VERSION, ...Object.keys(rules).map((key) => `${key}:${rules[key].write(get(key))}`)].join(",");
  }

  /**
   * The state that a text stands for, or null.
   *
   * @param {Link} link
   * @param {string} text
   */
  function readState(link, text) {
    const [version, ...parts] = text.split(",");
    const keys = Object.keys(link.rules);
    if (version !== VERSION || parts.length !== keys.length) return null;
    /** @type {State} */
    const state = {};
    for (const [at, key] of keys.entries()) {
      if (!parts[at].startsWith(`${key}:`)) return null;
      state[key] = link.rules[key].read(parts[at].slice(key.length + 1));
      if (state[key] === undefined) return null;
    }
    if (link.fits && !link.fits(state)) return null;
    return writeState(link, (key) => state[key]) === text ? state : null;
  }

  /**
   * What an address may say of this figure: nothing of one that has no rules, or whose state is damaged.
   *
   * @param {Figure} figure
   * @param {Model} model
   * @returns {Link}
   */
  function linkOf(figure, model) {
    try {
      return figure.link?.(model) ?? { rules: {} };
    } catch {
      return { rules: {} };
    }
  }

  /** @param {Shown} figure */
  function follow({ name, model, link, note }) {
    const wanted = readAddress();
    note("");
    if (wanted.name !== name || wanted.text === null) return;
    const state = readState(link, wanted.text);
    if (state) model.restore(state);
    else note("This link could not be read. The figure is as it was.");
  }

  /**
   * Bring a place into view, below what stands fixed at the page's top, and keep it there while things above it still
   * arrive: until the reader does something, or nothing more comes.
   *
   * @param {Element} place
   */
  function bring(place) {
    const show = () => {
      const heads = [...document.querySelectorAll("header, .bd-header, .bd-header-article, .header-article")];
      const covered = heads.map((head) => {
        const { position, top } = getComputedStyle(head);
        const stays = position === "sticky" || position === "fixed";
        return stays ? (parseFloat(top) || 0) + head.getBoundingClientRect().height : 0;
      });
      const top = place.getBoundingClientRect().top + scrollY - Math.max(0, ...covered) - 8;
      scrollTo({ top, behavior: "instant" });
    };
    const watcher = new ResizeObserver(show);
    const acts = ["wheel", "touchstart", "pointerdown", "keydown", "hashchange"];
    const stop = () => {
      watcher.disconnect();
      acts.forEach((act) => removeEventListener(act, stop));
    };
    acts.forEach((act) => addEventListener(act, stop, { passive: true }));
    setTimeout(stop, 15_000);
    watcher.observe(document.body);
    show();
  }

  /** Bring the figure into view that the address names, if it names one, with the focus in it. */
  function bringFigure() {
    const place = shown.find(({ name }) => name === readAddress().name)?.place;
    if (!place) return;
    bring(place);
    const frame = place.querySelector("[data-figure]");
    if (!(frame instanceof HTMLElement)) return;
    frame.tabIndex = -1;
    frame.focus({ preventScroll: true });
  }

  /** Keep the section or exercise in view that the address names: the browser goes there once, before figures come. */
  function bringSection() {
    const [visit] = performance.getEntriesByType("navigation");
    const again = visit instanceof PerformanceNavigationTiming && visit.type !== "navigate";
    const section = again || readAddress().name ? null : document.getElementById(readHash());
    if (section) bring(section);
  }

  // ---- the bar

  /**
   * Add to a figure's bar what gives its address away.
   *
   * @param {HTMLElement} place
   * @param {string} own the address of the figure's own page; empty on that page
   * @param {(from: string) => string} addressOn an address with the figure's state
   */
  function furnish(place, own, addressOn) {
    const note = Object.assign(document.createElement("span"), { className: "fl-foot-note" });
    note.setAttribute("aria-live", "polite");
    /** @param {string} text */
    const say = (text) => void (note.textContent = text);
    const bar = place.querySelector(".fl-foot");
    if (!bar) return say;
    const field = Object.assign(document.createElement("input"), { className: "fl-foot-field", readOnly: true });
    const alone = Object.assign(document.createElement("a"), { className: "fl-foot-button", textContent: "Own page" });
    const page = document.querySelector('link[rel="canonical"]')?.getAttribute("href");
    const published = location.protocol === "file:" && page ? page : location.href.split("#")[0];

    /** @type {(act: string, text: string, label: string, give: () => string) => HTMLButtonElement} */
    const giver = (act, text, label, give) => {
      const button = Object.assign(document.createElement("button"), {
        className: "fl-foot-button",
        textContent: text,
      });
      Object.assign(button, { type: "button" }).dataset.act = act;
      button.addEventListener("click", async () => {
        const open = field.isConnected && field.dataset.of === act;
        field.remove();
        if (open) return say("");
        const value = give();
        const copied = await navigator.clipboard?.writeText(value).then(() => true, () => false);
        say(copied ? `The ${label} is copied.` : `Copy this ${label}:`);
        if (copied && act === "link") return;
        field.value = value;
        field.dataset.of = act;
        field.setAttribute("aria-label", label);
        bar.append(field);
        field.focus();
        field.select();
      });
      return button;
    };
    const frame = place.querySelector("[data-figure]");
    const embed = () => {
      const line = document.createElement("iframe");
      line.src = addressOn(new URL(own, published).href);
      line.title = frame?.getAttribute("aria-label") ?? "";
      line.width = "100%";
      line.height = String(place.offsetHeight + 140);
      line.loading = "lazy";
      line.allow = "fullscreen";
      return line.outerHTML;
    };
    alone.addEventListener("click", () => void (alone.href = addressOn(own)));
    alone.href = own;
    bar.append(
      giver("link", "Link", "link", () => addressOn(location.href.split("#")[0])),
      giver("embed", "Embed", "line for your page", embed),
      ...(own ? [alone] : []),
      note,
    );
    return say;
  }

  // ---- figures

  /**
   * @param {HTMLElement} view
   * @param {Record<string, { state: State }>} states
   * @param {Promise<unknown>} turn when it may be shown
   */
  async function mount(view, states, turn) {
    const { model_id: id } = JSON.parse(view.textContent ?? "");
    const state = states[id]?.state;
    if (!state?._esm) return; // an ordinary widget: it needs Python, and the sentence in its place says so
    const sentence = view.parentElement?.querySelector(".fl-fallback");
    const place = Object.assign(document.createElement("div"), { className: "fl-place" });
    view.after(place);
    try {
      const { _esm: script = "", _css: css, ...own } = await whole(state);
      if (css) style(css);
      const { model, ready } = start(id, own, script);
      const figure = await ready;
      await turn;
      const link = linkOf(figure, model);
      if (sentence instanceof HTMLElement && sentence.id.startsWith(ANCHOR)) {
        view.dataset.name = sentence.id.slice(ANCHOR.length); // also when the figure is shown again
        view.dataset.own = sentence.dataset.own;
      }
      const { name = "", own: page = "" } = view.dataset;
      let problem = "";
      /** @type {Shown} */
      const one = { name, place, model, link, note: (text) => void (problem = text) };
      if (name) follow(one);
      await figure.render?.({ model, el: place });
      if (name) {
        place.id = `${ANCHOR}${name}`;
        const text = () => (Object.keys(link.rules).length ? `${name}=${writeState(link, model.get)}` : place.id);
        one.note = furnish(place, page, (from) => `${from}#${text()}`);
        one.note(problem);
        shown.push(one);
      }
      sentence?.remove();
    } catch (error) {
      console.error(`Figure ${id} could not be shown:`, error);
      const reason = error instanceof Error ? error.message : String(error);
      place.textContent = `This figure could not be shown (${reason}). Reload the page, or open the chapter in Colab ` +
        "or JupyterLab.";
      place.className = "fl-broken";
    }
  }

  /** Let what is there be drawn first; a page that nobody looks at draws nothing. */
  const seen = () =>
    new Promise((done) => {
      requestAnimationFrame(() => setTimeout(done));
      setTimeout(done, 500);
    });

  const stored = document.querySelector(STATE);
  const states = stored ? JSON.parse(stored.textContent).state : {};
  /** @type {Promise<unknown>} */
  let turn = Promise.resolve();
  const mounted = /** @type {HTMLElement[]} */ ([...document.querySelectorAll(VIEW)]).map((view, place) => {
    const mounting = mount(view, states, turn);
    if (place === 0) turn = mounting.then(seen, seen); // the first figure is seen before the others are made
    return mounting;
  });
  bringSection();
  const there = Promise.allSettled(mounted);
  Reflect.set(self, "feedbackFigures", there.then(seen)); // the mathematics waits for it
  there.then(bringFigure);
  addEventListener("hashchange", () => {
    shown.forEach(follow);
    bringFigure();
  });
})();
