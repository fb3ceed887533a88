"""The names of figures' own pages, and what pages share, without a site."""

import json
from pathlib import Path

import alone
import pytest
from sphinx.errors import ExtensionError

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


def test_the_task_of_an_exercise_is_what_stands_before_its_hints() -> None:
    markup = (
        '<p><em>difficulty</em></p><p>Of <span class="math notranslate">\\(W_K\\)</span> and <a href="x">this</a>:</p>'
        '<ul><li>all</li></ul><details><p>a hint</p></details><div class="cell"><p>more</p></div>'
    )
    assert alone.task_in(markup) == "<p>Of <i>W<sub>K</sub></i> and this:</p>\n<ul><li>all</li></ul>\n"
    assert alone.plain(r"4 \cdot 3 = 12") == "4 · 3 = 12"
    with pytest.raises(ExtensionError, match="must say what is asked"):
        alone.task_in("<details><p>a hint</p></details>")
    with pytest.raises(ExtensionError, match="cannot show the formula"):
        alone.plain(r"\frac{1}{2}")
