// Brings the figures of a page to life without a kernel. The page holds what the notebook stored: one script with
// the state of all widgets, and one script in each place where a widget is to be seen. A figure's own module is
// part of its state; it gets a `model` like the one that a notebook would give it. Where that is not possible, the
// sentence that already stands in the place stays.
(() => {
  const STATE = 'script[type="application/vnd.jupyter.widget-state+json"]';
  const VIEW = 'script[type="application/vnd.jupyter.widget-view+json"]';
  /** @typedef {string | { as: string } | undefined} Text a script or style, or the id of the widget that has the same */
  /** @typedef {Record<string, unknown> & { _esm?: Text, _css?: Text }} State what a notebook stored of a widget */
  /** @typedef {ReturnType<typeof makeModel>} Model */

  /**
   * What a figure's module exports, or a function that returns it.
   *
   * @typedef {object} Figure
   * @property {(place: { model: Model }) => unknown} [initialize]
   * @property {(place: { model: Model, el: HTMLElement }) => unknown} [render]
   */

  /** @type {Map<string, { model: Model, ready: Promise<Figure> }>} */
  const figures = new Map(); // by model id: the model and, on its way, the module

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

  /**
   * @param {Text} text
   * @param {"_esm" | "_css"} part
   * @param {Record<string, { state: State }>} states
   */
  function inFull(text, part, states) {
    const found = typeof text === "object" ? states[text.as]?.state[part] : text;
    return typeof found === "string" ? found : "";
  }

  /**
   * @param {Element} view
   * @param {Record<string, { state: State }>} states
   */
  async function mount(view, states) {
    const { model_id: id } = JSON.parse(view.textContent);
    const state = states[id]?.state;
    const script = inFull(state?._esm, "_esm", states);
    if (!state || !script) return; // an ordinary widget: it needs Python, and the sentence in its place says so
    const sentence = view.parentElement?.querySelector(".fl-fallback");
    const place = Object.assign(document.createElement("div"), { className: "fl-place" });
    view.after(place);
    try {
      if (state._css) style(inFull(state._css, "_css", states));
      const { model, ready } = start(id, state, script);
      await (await ready).render?.({ model, el: place });
      sentence?.remove();
    } catch (error) {
      console.error(`Figure ${id} could not be shown:`, error);
      const reason = error instanceof Error ? error.message : String(error);
      place.textContent = `This figure could not be shown (${reason}). Reload the page, or open the chapter in Colab ` +
        "or JupyterLab.";
      place.className = "fl-broken";
    }
  }

  const stored = document.querySelector(STATE);
  const states = stored ? JSON.parse(stored.textContent).state : {};
  document.querySelectorAll(VIEW).forEach((view) => mount(view, states));
})();
