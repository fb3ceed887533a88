"""The memory queue on the page says in every state what its Python class says."""

import json
from itertools import product

from feedback_lite.widgets import MemoryQueue
from tests.site.conftest import Visit
from tests.site.tables import FIGURES

TELL_ALL = """async ([script, state, all]) => {
    const address = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
    const { default: figure } = await import(address);
    const handlers = [];
    const model = {
        get: (key) => state[key],
        set: (key, value) => { state[key] = value; },
        on: (_, handler) => handlers.push(handler),
        off: () => {},
        save_changes: () => {},
    };
    const place = document.createElement("div");
    document.body.append(place);
    const stop = figure.render({ model, el: place });
    const told = all.map(([memory_size, step, token]) => {
        Object.assign(state, { memory_size, step, token });
        handlers.forEach((handler) => handler());
        return place.querySelector(".fl-sentence").textContent.replace(/\\u00a0/g, " ");
    });
    stop();
    place.remove();
    return told;
}"""


def test_memory_queue_speaks_as_in_python_in_every_state(stage: Visit) -> None:
    for page_name in {name for name, kind in FIGURES if kind == "memory-queue"}:
        page = stage(page_name)
        text = page.locator('script[type="application/vnd.jupyter.widget-state+json"]').text_content()
        assert text is not None
        models = [model["state"] for model in json.loads(text)["state"].values()]
        for stored in (state for state in models if "shortest" in state):
            twin = MemoryQueue(stored["tokens"], stored["changed"], stored["tried"])
            sizes, steps = range(1, len(twin.changed) + 1), range(1, len(twin.tokens) + 1)
            everywhere = list(product(sizes, steps, steps))
            state = {key: value for key, value in stored.items() if not key.startswith("_")}
            told = page.evaluate(TELL_ALL, [stored["_esm"], state, everywhere])
            for (size, step, token), sentence in zip(everywhere, told, strict=True):
                twin.set_state({"memory_size": size, "step": step, "token": token})
                assert sentence == twin.sentence
