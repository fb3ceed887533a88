"""The duel on the page: it answers and speaks as Python does, follows links, and stands what is wrong."""

import re
from typing import Any

import pytest
import torch
from playwright.sync_api import Locator, Page, expect

from feedback_lite import pretrained
from feedback_lite.tasks import ShellGame
from feedback_lite.widgets import ShellDuel
from feedback_lite.widgets.live import ball_of, drawn_game
from feedback_lite.widgets.shell_duel import PLAYERS, answer_of, first_game
from tests.kinds import KINDS
from tests.site.conftest import Visit, mount_again, wait_for_frames
from tests.site.looking import STATE, bring_parts, stored_of

# What the package computes is not tested here: its own checks of shapes would take most of the time.
pytestmark = pytest.mark.usefixtures("unchecked")

KIND = "shell-duel"
PAGE = "book/index.html"
TASK = ShellGame()
RECORDED = list(first_game())
FIRST = RECORDED[:1]
"""What is shown first: the ball under its cup, and no swap yet."""
REPLAY_TIME = 520
"""Milliseconds from one swap of a replay to the next."""


def duel_of(page: Page) -> Locator:
    return page.locator(f'[data-figure="{KIND}"]')


def control(page: Page, name: str) -> Locator:
    return duel_of(page).locator(f'[data-control="{name}"]')


def sentence(page: Page) -> str:
    return " ".join(duel_of(page).get_by_role("status").inner_text().split())


def note(page: Page) -> str:
    return " ".join(duel_of(page).locator(".fl-note").inner_text().split())


def stored_state(page: Page) -> dict[str, Any]:
    return stored_of(page, KIND)[0]


def some_game(swaps: int, seed: int) -> list[int]:
    return list(drawn_game(swaps + 1, seed=seed))


# ---- the models


ANSWERS = """async ([script, models, games]) => {
    const address = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
    const { makePlayers, answerOf } = await import(address);
    const players = makePlayers(models, 5);
    const answer = (shares) => [shares.map(answerOf), shares.at(-1)];
    return games.map((game) => players.map((play) => answer(play(game))));
}"""


def test_page_answers_as_python_in_500_games_of_60_swaps(stage: Visit) -> None:
    """Both models' answers after every token of every game, and the last probabilities to 1e-10."""
    page = stage(PAGE)
    state = stored_state(page)
    tokens, _ = TASK.sample(batch_size=500, length=61, generator=torch.Generator().manual_seed(60))
    found = page.evaluate(ANSWERS, [state["_esm"], state["models"], tokens.tolist()])
    for player, name in enumerate(PLAYERS):
        with torch.no_grad():
            shares = pretrained.load(name).double()(tokens).logits.softmax(dim=-1)
        answers = torch.tensor([game[player][0] for game in found])
        assert answers.shape == (500, 61)
        assert torch.equal(answers, shares.argmax(dim=-1))
        last = torch.tensor([game[player][1] for game in found], dtype=torch.float64)
        torch.testing.assert_close(last, shares[:, -1, : TASK.cups], rtol=0, atol=1e-10)


def test_recorded_game_has_the_numbers_of_the_models(stage: Visit) -> None:
    page = stage(PAGE)
    state = stored_state(page)
    games = [RECORDED[: length + 1] for length in range(len(RECORDED))]
    found = page.evaluate(ANSWERS, [state["_esm"], state["models"], games])
    computed = torch.tensor([[shares for _, shares in game] for game in found], dtype=torch.float64)
    recorded = torch.tensor(state["recorded"]["shares"], dtype=torch.float64).transpose(0, 1)
    torch.testing.assert_close(recorded, computed, rtol=0, atol=1e-6)


# ---- playing


@pytest.mark.parametrize("page_name", KINDS[KIND].pages)
def test_score_runs_on_and_answers_stay_hidden(page_name: str, stage: Visit) -> None:
    page = stage(page_name, reduced_motion="reduce", fresh=True)
    assert sentence(page) == ShellDuel().sentence
    bars = duel_of(page).locator(".fl-bar")
    for round_ in range(1, 4):
        control(page, "shuffle").click()
        expect(bars).to_have_count(0)
        assert "%" not in duel_of(page).inner_text()
        assert "Both models have answered" in sentence(page)
        control(page, "guess 2").click()
        expect(bars).to_have_count(10)
        expect(control(page, "guess 3")).to_be_disabled()
        expect(control(page, "reveal")).to_be_disabled()
        assert f"with feedback {round_} of {round_}, without " in sentence(page)
        assert f"of {round_}, you " in sentence(page)


def test_right_answers_are_counted(stage: Visit) -> None:
    page = stage(PAGE, reduced_motion="reduce", fresh=True)
    game, right, guessed = list(FIRST), [0, 0], 0
    for round_, (left, other) in enumerate([(1, 2), (4, 5), (2, 3)], start=1):
        control(page, f"cup {left}").click()
        control(page, f"cup {other}").click()
        game.append(TASK.cups + TASK.swaps.index((left - 1, other - 1)))
        ball = ball_of(game)
        guess = ball if round_ != 2 else 1 + ball % 5
        control(page, f"guess {guess}").click()
        answers = [answer_of(name, tuple(game)).cup for name in PLAYERS]
        right = [count + (answer == ball) for count, answer in zip(right, answers, strict=True)]
        guessed += guess == ball
        counted = f"with feedback {right[0]} of {round_}, without {right[1]} of {round_}, you {guessed} of {round_}."
        assert counted in sentence(page)


def test_what_is_open_is_not_scored(stage: Visit) -> None:
    page = stage(PAGE, reduced_motion="reduce", fresh=True)
    reader = duel_of(page).locator('[data-player="reader"] .fl-answer')
    expect(reader).to_have_text("shuffle, then guess")
    control(page, "keep open").click()
    for left, right in ((1, 2), (2, 5), (3, 4)):
        control(page, f"cup {left}").click()
        control(page, f"cup {right}").click()
        expect(duel_of(page).locator(".fl-bar")).to_have_count(10)
        expect(reader).to_have_text("the cups stay open")
    assert "Score" not in sentence(page)
    assert sentence(page).startswith("After 3 swaps the ball is under cup")


def test_picked_cup_does_not_drop_on_the_ball(stage: Visit) -> None:
    page = stage(PAGE, reduced_motion="reduce", fresh=True)
    heights = """(figure) => ["[data-lifted] .fl-rim", ".fl-ball-body"].map(
        (one) => figure.querySelector(one).getBoundingClientRect().top)"""
    rim, ball = duel_of(page).evaluate(heights)
    assert rim < ball
    control(page, f"cup {ball_of(FIRST)}").click()
    assert duel_of(page).evaluate(heights) == [rim, ball]


def test_picture_shows_the_ball_where_it_is(stage: Visit) -> None:
    """Swap by swap, with the cups open: the lifted cup and the ball stand over the right number."""
    page = stage(PAGE, fresh=True)
    control(page, "keep open").click()
    game = list(FIRST)
    for token in some_game(12, seed=5)[1:]:
        left, right = TASK.swaps[token - TASK.cups]
        control(page, f"cup {left + 1}").click()
        control(page, f"cup {right + 1}").click()
        game.append(token)
        expect(duel_of(page).locator(".fl-count")).to_have_text(re.compile(rf"^{len(game) - 1} swaps?$"))
        control(page, "cup 1").press("Escape")
        wait_for_frames(page)  # so that what moves has begun to
        page.wait_for_function("document.getAnimations().length === 0")
        middles = duel_of(page).evaluate(
            """(figure) => ["[data-lifted] .fl-rim", ".fl-ball-body", ".fl-spot[data-ball] .fl-number"].map((one) => {
                const box = figure.querySelector(one).getBoundingClientRect();
                return box.left + box.width / 2;
            })"""
        )
        assert max(middles) - min(middles) < 8
        expect(duel_of(page).locator(".fl-spot[data-ball] .fl-number")).to_have_text(str(ball_of(game)))


def test_touch(visit: Visit) -> None:
    page = visit(PAGE, has_touch=True, viewport={"width": 360, "height": 740})
    control(page, "cup 1").tap()
    control(page, "cup 4").tap()
    expect(duel_of(page).locator(".fl-count")).to_have_text("1 swap")
    control(page, "guess 5").tap()
    ball = ball_of([*FIRST, TASK.cups + TASK.swaps.index((0, 3))])
    assert sentence(page).startswith(f"After 1 swap the ball is under cup {ball}.")


def test_nothing_is_animated_under_reduced_motion(stage: Visit) -> None:
    moving = "() => document.getAnimations().length"
    page = stage(PAGE, reduced_motion="reduce", fresh=True)
    control(page, "shuffle").click()
    assert page.evaluate(moving) == 0
    expect(duel_of(page).locator(".fl-count")).to_have_text("10 swaps", timeout=100)
    page = stage(PAGE, fresh=True)
    control(page, "shuffle").click()
    page.wait_for_function(f"({moving})() > 0")
    expect(duel_of(page).locator(".fl-count")).to_have_text("10 swaps")


def test_a_game_ends_at_its_limit(stage: Visit) -> None:
    page = stage(PAGE, reduced_motion="reduce", fresh=True)
    for _ in range(10):
        control(page, "shuffle 50").click()
    expect(duel_of(page).locator(".fl-count")).to_have_text("500 swaps")
    for name in ("shuffle", "shuffle 1", "shuffle 50"):
        expect(control(page, name)).to_be_disabled()
    control(page, "cup 1").click()
    control(page, "cup 2").click()
    assert note(page) == "A game has at most 500 swaps. Start a new one."
    control(page, "new game").click()
    expect(duel_of(page).locator(".fl-count")).to_have_text("0 swaps")
    assert note(page) == ""


def test_nothing_is_solved_before_the_reader_has_played(stage: Visit) -> None:
    """On every page the ball is in sight, no swap is made, and one thing is to be done first."""
    for name in KINDS[KIND].pages:
        page = stage(name, fresh=True)
        duel = duel_of(page)
        expect(duel.locator(".fl-count")).to_have_text("0 swaps")
        expect(duel.locator(".fl-asked")).to_have_text(f"Remember cup {ball_of(FIRST)}.")
        expect(duel.locator(".fl-primary")).to_have_count(1)
        expect(duel.locator(".fl-primary")).to_have_text("Shuffle 10 swaps")
        assert "wrong" not in duel.inner_text()
        control(page, "shuffle").click()
        expect(duel.locator(".fl-asked")).to_have_text("Where is the ball?")
        expect(duel.locator(".fl-primary")).to_have_count(0)  # now it is to guess


def test_every_control_has_a_name_of_its_own(stage: Visit) -> None:
    page = stage(PAGE, fresh=True)
    names = (
        duel_of(page)
        .locator("button, [role=button]")
        .evaluate_all("(all) => all.map((one) => one.getAttribute('aria-label') ?? one.textContent)")
    )
    assert len(names) > 10
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_replay_shows_the_answers_of_both_models_after_every_swap(motion: str, timed: Visit) -> None:
    """Also where nothing may move: then step by step. The state stays what it was."""
    page = timed(PAGE)
    page.emulate_media(reduced_motion=motion)  # type: ignore[arg-type]
    duel = duel_of(page)
    expect(control(page, "replay")).to_be_disabled()
    game = some_game(4, seed=4)
    page.evaluate("(hash) => { location.hash = hash; }", f"{KIND}={link_of(game)}")
    page.clock.run_for(3000)
    expect(duel.locator(".fl-count")).to_have_text("4 swaps")
    told = sentence(page)
    control(page, "replay").click()
    for swaps in range(5):
        expect(duel.locator(".fl-count")).to_have_text(re.compile(rf"^{swaps} swaps?$"))
        cups = [answer_of(name, tuple(game[: swaps + 1])).cup for name in PLAYERS]
        shown = duel.locator("[data-player] .fl-which").all_inner_texts()
        assert [text.strip() for text in shown[:2]] == [f"cup {cup}" for cup in cups]
        if motion == "reduce":
            assert page.evaluate("document.getAnimations().length") == 0
        page.clock.run_for(REPLAY_TIME)
    expect(duel.locator(".fl-asked")).to_have_text(f"It is under cup {ball_of(game)}.")
    assert sentence(page) == told


def test_the_line_tells_where_a_game_is_longer_than_those_of_training(stage: Visit) -> None:
    page = stage(PAGE, reduced_motion="reduce", fresh=True)
    line = duel_of(page).locator(".fl-beyond")
    control(page, "shuffle").click()
    expect(line).to_have_text("")
    control(page, "shuffle").click()
    expect(line).to_have_text("longer than either model ever saw")
    assert "This game is longer than either model ever saw in training." in sentence(page)


FITS = """(figure) => {
    const seen = [...figure.querySelectorAll("*")].filter((one) => one.checkVisibility());
    const told = seen.filter((one) => [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim()));
    const small = told.filter((one) => parseFloat(getComputedStyle(one).fontSize) < 14);
    return [figure.getBoundingClientRect().height, small.map((one) => one.outerHTML.slice(0, 80))];
}"""


@pytest.mark.parametrize("page_name", KINDS[KIND].pages)
def test_the_duel_fits_whole_on_a_small_screen(page_name: str, stage: Visit) -> None:
    """At 1280 it is at most 640 pixels high, in every state; at 390 cups and controls are seen together."""
    for width in (1280, 390):
        page = stage(page_name, width=width, reduced_motion="reduce", fresh=True)
        duel = duel_of(page)
        for moves in ((), ("shuffle",), ("guess 2",), ("shuffle 50", "reveal")):
            for name in moves:
                control(page, name).click()
            height, small = duel.evaluate(FITS)
            assert small == []
            if width == 1280:
                assert height <= 640, moves
            cups, controls = (duel.locator(part).bounding_box() for part in (".fl-asked", ".fl-controls"))
            assert cups is not None
            assert controls is not None
            assert controls["y"] + controls["height"] - cups["y"] <= (844 if width == 390 else 720) - 56, moves


def test_nothing_jumps_when_the_duel_comes(stage: Visit) -> None:
    """Its place on the front page is as high as the duel itself, or nearly."""
    for width in (1280, 390):
        page = stage(PAGE, width=width, fresh=True)
        high = page.locator("[data-figure]").evaluate(
            """(figure) => {
                const { minHeight } = getComputedStyle(figure.parentElement.parentElement);
                return [figure.offsetHeight, parseFloat(minHeight)];
            }"""
        )
        assert abs(high[0] - high[1]) <= 40, (width, high)


# ---- links


def link_of(game: list[int], *, closed: bool = False, kept: bool = False) -> str:
    swaps = ["".join(str(cup + 1) for cup in TASK.swaps[token - TASK.cups]) for token in game[1:]]
    told = ".".join([str(game[0] + 1), *swaps])
    cups = f"cups_open:{'no' if closed else 'yes'},keep_open:{'yes' if kept else 'no'}"
    return f"1,game:{told},{cups},guess:0,rounds:0,score:0.0.0.0"


@pytest.mark.parametrize("over", ["http", "file"])
@pytest.mark.parametrize("swaps", [0, 3, 60, 500])
def test_link_restores_a_game(swaps: int, over: str, visit: Visit) -> None:
    game = some_game(swaps, seed=swaps)
    page = visit(f"{PAGE}#{KIND}={link_of(game)}", over=over)
    twin = ShellDuel(game)
    assert sentence(page) == twin.sentence
    page.evaluate("(hash) => { location.hash = hash; }", f"{KIND}={link_of(game, closed=True)}")
    twin.cups_open = False
    expect(duel_of(page).get_by_role("status")).to_have_text(twin.sentence)
    assert note(page) == ""


# ---- weights that cannot be read


DAMAGE = {
    "a short weight": "models[1].weights['to_logits.weight'].base64 = 'AAAA'",
    "no base64": "models[0].weights['embedding.weight'].base64 = '<b>?'",
    "a weight that is missing": "delete models[0].weights['output_norm.bias']",
    "infinity": "models[0].weights['output_norm.bias'].base64 = btoa('\\x00\\x00\\x80\\x7f'.repeat(32))",
    "one model": "models.pop()",
    "the models exchanged": "models.reverse()",
    "nothing": "models.length = 0",
}


def damage(page: Page, what: str) -> None:
    """Damage the stored weights, and let the page's host start the figure from them."""
    bring_parts(page)
    page.evaluate(
        f"""(selector) => {{
            const script = document.querySelector(selector);
            const all = JSON.parse(script.textContent);
            const models = Object.values(all.state).find(({{ state }}) => "recorded" in state).state.models;
            {DAMAGE[what]};
            script.textContent = JSON.stringify(all);
        }}""",
        STATE,
    )
    mount_again(page)


@pytest.mark.parametrize("what", DAMAGE)
def test_recorded_game_stays_where_weights_cannot_be_read(what: str, visit: Visit) -> None:
    page = visit(PAGE, reduced_motion="reduce")
    damage(page, what)
    step, back = control(page, "step"), control(page, "back")
    expect(step).to_be_visible()
    assert note(page).startswith("The weights of ")
    assert note(page).endswith(" Here is a recorded game instead.")
    names = duel_of(page).locator("[data-control]").evaluate_all("(all) => all.map((one) => one.dataset.control)")
    assert names == ["back", "step", "run", "restart"]
    expect(step).to_be_disabled()
    for length in range(len(RECORDED), 0, -1):
        assert sentence(page) == ShellDuel(RECORDED[:length]).sentence
        expect(duel_of(page).locator(".fl-spot[data-ball]")).to_have_count(1)
        if length > 1:
            back.click()
    expect(back).to_be_disabled()
    step.click()
    assert sentence(page) == ShellDuel(RECORDED[:2]).sentence
    assert answer_of(PLAYERS[0], tuple(RECORDED[:2])).cup == ball_of(RECORDED[:2])


@pytest.mark.parametrize("link", [link_of([2, 5, 14]), "1,game:3.21"])
def test_recorded_game_stays_where_a_link_leads_to_damaged_weights(link: str, visit: Visit) -> None:
    page = visit(f"{PAGE}#{KIND}={link}", reduced_motion="reduce")
    damage(page, "a short weight")
    expect(control(page, "step")).to_have_count(1)
    expect(control(page, "shuffle")).to_have_count(0)
    page.wait_for_timeout(100)
    assert note(page).startswith("The weights of shell-ordinary could not be read: ")
    assert sentence(page) == ShellDuel(RECORDED).sentence
    page.evaluate("(hash) => { location.hash = hash; }", f"{KIND}={link_of([0, 5])}")
    page.wait_for_timeout(50)
    assert sentence(page) == ShellDuel(RECORDED).sentence


def test_damage_that_is_met_while_playing_leaves_the_recorded_game(stage: Visit) -> None:
    page = stage(PAGE)
    state = {key: value for key, value in stored_state(page).items() if key != "_css"}
    told = page.evaluate(
        """async (state) => {
            const address = URL.createObjectURL(new Blob([state._esm], { type: "text/javascript" }));
            const { default: figure } = await import(address);
            const listeners = [];
            const model = {
                get: (key) => state[key],
                set: (key, value) => { state[key] = value; listeners.forEach((one) => one()); },
                on: (_, one) => listeners.push(one),
                off() {},
                save_changes() {},
            };
            const place = document.createElement("div");
            document.body.append(place);
            state.models[0].weights = {};
            figure.render({ model, el: place });
            const count = (name) => place.querySelectorAll(`[data-control="${name}"]`).length;
            const before = count("shuffle");
            place.querySelector('[data-control="shuffle"]').click();
            place.querySelector('[data-control="reveal"]').click();
            await new Promise((done) => setTimeout(done, 100));
            return [before, place.querySelector(".fl-note").textContent, count("step")];
        }""",
        state,
    )
    assert told[0] == told[2] == 1
    assert told[1].startswith("The weights of shell-feedback could not be read:")
