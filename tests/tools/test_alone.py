"""The names of figures' own pages, and what pages share, without a site."""

import json
import sys
from pathlib import Path

import pytest
from sphinx.errors import ExtensionError

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "book" / "site"))

import alone  # noqa: E402

QUEUE, PREDICT = "feedback_lite.widgets.memory_queue.MemoryQueue", "feedback_lite.widgets.predict.Predict"


def state(name: str) -> dict[str, object]:
    return {"state": {"_esm": "", "_anywidget_id": name}}


def view(model: str, sentence: str = "Words.") -> str:
    script = f'<script type="application/vnd.jupyter.widget-view+json">{json.dumps({"model_id": model})}</script>'
    return f'<p class="fl-fallback">{sentence}</p>{script}'


TEXT = (
    '<article><h1>6. The <em>queue</em><a class="headerlink" href="#x">#</a></h1>'
    f"{view('a')}<h2>Play &amp; see</h2>{view('b')}{view('slider')}{view('c')}</article>"
)
STATES = {"a": state(PREDICT), "b": state(QUEUE), "slider": {"state": {}}, "c": state(PREDICT)}


def test_figures_are_named_after_their_kind_and_counted() -> None:
    places = list(alone.places_of(TEXT, STATES))
    assert [(place.name, place.model_id, place.heading) for place in places] == [
        ("predict", "a", "6. The queue"),
        ("memory-queue", "b", "Play & see"),
        ("predict-2", "c", "Play & see"),
    ]
    assert all(place.about.endswith(".") for place in places)
    assert alone.chapter_of(TEXT) == "6. The queue"


def test_places_get_their_names_and_those_of_other_widgets_none() -> None:
    places = list(alone.places_of(TEXT, STATES))
    named = alone.VIEW.sub(alone.Namer(places, "chapters/06-memory-fifo.html"), TEXT)
    assert named.count('<p class="fl-fallback">') == 1
    assert '<p class="fl-fallback" id="figure-predict-2" data-own="../figures/06-predict-2.html">' in named
    again = alone.VIEW.sub(alone.Namer(places, "chapters/06-memory-fifo.html"), named)
    assert again == named


def test_a_page_is_named_after_its_chapters_number() -> None:
    assert alone.own_name("chapters/05-feedback-memory.html", "layer-mixture") == "05-layer-mixture.html"
    assert alone.own_name("book/index.html", "shell-duel") == "index-shell-duel.html"


def test_two_figures_with_one_page_stop_the_build() -> None:
    places = list(alone.places_of(TEXT, STATES))
    owners = alone.claimed(places, "chapters/06-memory-fifo.html", {})
    with pytest.raises(
        ExtensionError, match=r"chapters/06-memory-fifo.html and chapters/06-other.html would both write"
    ):
        alone.claimed(places, "chapters/06-other.html", owners)


def test_a_large_part_is_written_once_and_a_small_one_stays(tmp_path: Path) -> None:
    (tmp_path / alone.PARTS).mkdir(parents=True)
    large = {"b": "</script>" * 1000, "a": 1}
    first, second = (alone.shared(value, tmp_path) for value in (large, dict(reversed(large.items()))))
    assert first == second
    assert alone.shared(first, tmp_path) == first
    assert alone.shared([1, 2], tmp_path) == [1, 2]
    (file,) = (tmp_path / alone.PARTS).iterdir()
    text = file.read_text(encoding="utf-8")
    assert "</script>" not in text
    assert file.stem == first["$part"]
    assert json.loads(text.partition(" = ")[2].removesuffix(";\n")) == large
