// Brings the figures of a page to life without a kernel. The page holds what the notebook stored: one script with
// the state of all widgets, and one script in each place where a widget is to be seen. A figure's own module is
// part of its state; it gets a `model` like the one that a notebook would give it. Where that is not possible, the
// sentence that already stands in the place stays.
(() => {
  const STATE = 'script[type="application/vnd.jupyter.widget-state+json"]';
  const VIEW = 'script[type="application/vnd.jupyter.widget-view+json"]';
  const figures = new Map(); // by model id: the model and, on its way, the module

  function makeModel(state) {
    const listeners = new Map();
    const split = (names) => names.split(/\s+/);
    const emit = (name, ...values) => [...(listeners.get(name) ?? [])].forEach((listen) => listen(...values));
    const model = {
      get: (key) => state[key],
      set(key, value) {
        if (Object.is(state[key], value)) return;
        state[key] = value;
        emit(`change:${key}`, model, value);
        emit("change", model);
      },
      on: (names, listen) => split(names).forEach((name) => listeners.set(name, [...(listeners.get(name) ?? []), listen])),
      off: (names, listen) =>
        split(names).forEach((name) =>
          listeners.set(name, (listeners.get(name) ?? []).filter((known) => listen && known !== listen)),
        ),
      save_changes() {}, // there is no kernel to tell
    };
    return model;
  }

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

  function style(text) {
    if ([...document.head.querySelectorAll("style.fl-host")].some((known) => known.textContent === text)) return;
    document.head.append(Object.assign(document.createElement("style"), { className: "fl-host", textContent: text }));
  }

  function start(id, state) {
    if (!figures.has(id)) {
      const model = makeModel(structuredClone(state));
      const ready = load(state._esm).then(async (figure) => {
        await figure.initialize?.({ model });
        return figure;
      });
      figures.set(id, { model, ready });
    }
    return figures.get(id);
  }

  async function mount(view, states) {
    const { model_id: id } = JSON.parse(view.textContent);
    const state = states[id]?.state;
    if (!state?._esm) return; // an ordinary widget: it needs Python, and the sentence in its place says so
    const sentence = view.parentElement.querySelector(".fl-fallback");
    const place = Object.assign(document.createElement("div"), { className: "fl-place" });
    view.after(place);
    try {
      if (state._css) style(state._css);
      const { model, ready } = start(id, state);
      await (await ready).render?.({ model, el: place });
      sentence?.remove();
    } catch (error) {
      console.error(`Figure ${id} could not be shown:`, error);
      place.textContent = `This figure could not be shown (${error.message}). Reload the page, or open the chapter in Colab or JupyterLab.`;
      place.className = "fl-broken";
    }
  }

  const stored = document.querySelector(STATE);
  const states = stored ? JSON.parse(stored.textContent).state : {};
  document.querySelectorAll(VIEW).forEach((view) => mount(view, states));
})();
