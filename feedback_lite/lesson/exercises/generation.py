"""The exercises of chapter 10: temperature, counted steps, memory carried, top-k, and a test for loops that write."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from feedback_lite.config import FeedbackConfig
from feedback_lite.lesson.exercises.exercise import Blanks, Case, Exercise, Mistake, normal
from feedback_lite.lesson.exercises.segments import SmallModel
from feedback_lite.memory import Memory
from feedback_lite.model import FeedbackTransformer, Output

Logits = Float[Tensor, "b v"]
Tokens = Int[Tensor, "b t"]
Longer = Int[Tensor, "b t_new"]
WORDS = 11  # of a small model's vocabulary
JUDGED_SEED = 5

# --- probabilities at a temperature -----------------------------------------------------------------------------


def _temperature_cases(generator: torch.Generator) -> list[Case]:
    draw = partial(normal, generator=generator)
    return [(draw(1, 2), 2.0), (draw(2, 3), 0.5), (draw(3, 5), 1.0), (3 * draw(2, 7), 5.0)]


def _probabilities_by_hand(logits: Logits, temperature: float) -> Logits:
    powers = (logits.double() / temperature).exp()
    return powers / powers.sum(dim=-1, keepdim=True)


TEMPERATURE = Exercise(
    specification=_probabilities_by_hand,
    make_cases=_temperature_cases,
    solution=lambda logits, temperature: (logits / temperature).softmax(dim=-1),
    mistakes=(
        Mistake(
            answer=lambda logits, temperature: (logits * temperature).softmax(dim=-1),
            message="The logits were multiplied. Divide by the temperature: a high one makes the words more alike.",
        ),
        Mistake(
            answer=lambda logits, temperature: logits.softmax(dim=-1) / temperature,
            message="The probabilities were divided, so they do not sum to 1 any more. Divide the logits, before the "
            "softmax.",
        ),
        Mistake(
            answer=lambda logits, temperature: logits.softmax(dim=-1),
            message="The temperature changed nothing. Divide the logits by it, before the softmax. (To divide the "
            "probabilities and make them sum to 1 again takes it out once more.)",
        ),
        Mistake(
            answer=lambda logits, temperature: (logits / temperature).softmax(dim=0),
            message="The softmax ran over the batch. The words stand on the last axis, and the numbers of each row "
            "sum to 1.",
        ),
        Mistake(
            answer=lambda logits, temperature: (logits / temperature).exp(),
            message="These are the exponentials. Divide each by the sum of its row; softmax does both.",
        ),
        Mistake(
            answer=lambda logits, temperature: (logits / temperature).log_softmax(dim=-1),
            message="These are logarithms of probabilities. Take softmax and not log_softmax.",
        ),
    ),
    otherwise="Divide every logit by the temperature, then take the softmax of each row.",
    blanks=Blanks(
        code="scaled = {scaled}\nreturn {result}",
        choices={
            "scaled": ("logits / temperature", "logits * temperature", "logits"),
            "result": (
                "scaled.softmax(dim=-1)",
                "scaled.softmax(dim=0)",
                "scaled.exp()",
                "scaled.softmax(dim=-1) / temperature",
            ),
        },
        function="probabilities",
    ),
)

# --- how many steps ---------------------------------------------------------------------------------------------


def _step_cases(generator: torch.Generator) -> list[Case]:
    drawn = torch.randint(2, 12, (3, 2), generator=generator).tolist()
    return [(3, 2), (1, 1), (1, 4), (5, 1), *(tuple(pair) for pair in drawn)]


def _steps_counted(prompt: int, num_new: int) -> tuple[int, int]:
    anew, carried, read, length = 0, 0, 0, prompt
    for _ in range(num_new):
        anew += length
        carried += length - read
        read, length = length, length + 1
    return anew, carried


def _anew(prompt: int, num_new: int) -> int:
    return num_new * prompt + num_new * (num_new - 1) // 2


STEPS_COMPUTED = Exercise(
    specification=_steps_counted,
    make_cases=_step_cases,
    solution=lambda prompt, num_new: (sum(range(prompt, prompt + num_new)), prompt + num_new - 1),
    mistakes=(
        Mistake(
            answer=lambda prompt, num_new: (_anew(prompt, num_new), prompt + num_new),
            message="The second number is one too large: the last new token is chosen and not read any more.",
        ),
        Mistake(
            answer=lambda prompt, num_new: (sum(range(prompt + 1, prompt + num_new + 1)), prompt + num_new - 1),
            message="The first number is too large. The first new token is chosen from the prompt alone, so the sum "
            "begins with `prompt` and not with `prompt + 1`.",
        ),
        Mistake(
            answer=lambda prompt, num_new: (sum(range(prompt + 1, prompt + num_new + 1)), prompt + num_new),
            message="Both numbers are too large: the last new token is chosen and not read any more.",
        ),
        Mistake(
            answer=lambda prompt, num_new: (prompt * num_new, prompt + num_new - 1),
            message="The first number is too small. The prefix grows: each new token is read again with the rest.",
        ),
        Mistake(
            answer=lambda prompt, num_new: (sum(range(prompt, prompt + num_new - 1)), prompt + num_new - 1),
            message="The first number lacks the last call: the last new token is chosen after `prompt + num_new - 1` "
            "tokens. (`range(a, b)` stops before b.)",
        ),
        Mistake(
            answer=lambda prompt, num_new: (_anew(prompt, num_new), num_new),
            message="The second number leaves the prompt out. It has to be read as well, once.",
        ),
        Mistake(
            answer=lambda prompt, num_new: (prompt + num_new - 1, _anew(prompt, num_new)),
            message="The two numbers have changed places: first the steps without carrying, then those with it.",
        ),
    ),
    otherwise="Write down how many tokens are read before each of the new tokens is chosen, and add up.",
    blanks=Blanks(
        code="anew = {anew}\ncarried = {carried}\nreturn {result}",
        choices={
            "anew": (
                "sum(range(prompt, prompt + num_new))",
                "sum(range(prompt + 1, prompt + num_new + 1))",
                "sum(range(prompt, prompt + num_new - 1))",
                "prompt * num_new",
            ),
            "carried": ("prompt + num_new - 1", "prompt + num_new", "num_new"),
            "result": ("anew, carried", "carried, anew"),
        },
    ),
)

# --- greedy, with the memory carried ----------------------------------------------------------------------------


class CountingModel(SmallModel):
    """A small model that counts what it has been given to read, and reads no more than it has to."""

    allowed: float = float("inf")
    num_read = 0

    def forward(self, tokens: Tokens, memory: Memory | None = None) -> Output:
        """Read, unless more tokens have come than prompt and new tokens together."""
        self.num_read += tokens.shape[1]
        if self.num_read > self.allowed:
            raise RuntimeError(
                f"the model has been given {self.num_read} tokens to read, but prompt and new tokens together are "
                f"{self.allowed}. Give it every token once, and carry the memory that it returns."
            )
        return super().forward(tokens, memory)


def counting_model(*, seed: int, memory_size: int) -> CountingModel:
    """Return a model whose parameters are so large that its choices depend on all that it has read."""
    config = FeedbackConfig(
        vocab_size=WORDS,
        d_model=8,
        num_layers=1,
        num_heads=2,
        head_dim=4,
        memory_size=memory_size,
        num_buckets=8,
        max_distance=16,
        ff_mult=2,
    )
    generator = torch.Generator().manual_seed(seed)
    model = CountingModel(config).double().eval().requires_grad_(False)
    for parameter in model.parameters():
        parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    return model


def _read(model: FeedbackTransformer, tokens: Tokens, memory: Memory | None = None) -> tuple[Logits, Memory]:
    """Return the logits after the last token, and the memory; a `CountingModel` does not count this."""
    logits, memory = FeedbackTransformer.forward(model, tokens, memory)
    return logits[:, -1], memory


def _carry_cases(generator: torch.Generator) -> list[Case]:
    # slots, batch, prompt, new tokens
    sizes = ((4, 1, 1, 2), (4, 1, 2, 3), (2, 1, 3, 6), (3, 2, 5, 8), (16, 3, 4, 5))
    cases: list[Case] = []
    for memory_size, batch, prompt, num_new in sizes:
        seed = int(torch.randint(10_000, (), generator=generator))
        model = counting_model(seed=seed, memory_size=memory_size)
        model.allowed = prompt + num_new
        cases.append((model, torch.randint(WORDS, (batch, prompt), generator=generator), num_new))
    return cases


def _anew_each_time(model: FeedbackTransformer, prompt: Tokens, num_new: int) -> Longer:
    tokens = prompt
    for _ in range(num_new):
        tokens = _append(tokens, _read(model, tokens)[0].argmax(dim=-1))
    return tokens


def _append(tokens: Tokens, chosen: Int[Tensor, "b"]) -> Longer:
    return torch.cat((tokens, chosen[:, None]), dim=1)


def _carry(
    model: FeedbackTransformer, prompt: Tokens, num_new: int, *, memory: str = "carried", first: str = "last"
) -> Longer:
    """The right loop. Another ``memory`` or another ``first`` choice makes it wrong."""
    logits, kept = _read(model, prompt)
    tokens = prompt
    for number in range(num_new):
        if number == 0 and first == "first":
            logits = _read(model, prompt[:, :1])[0]
        if number > 0 or first == "twice":
            logits, written = _read(model, tokens[:, -1:], kept if memory != "none" else None)
            kept = written if memory == "carried" else kept
        tokens = _append(tokens, logits.argmax(dim=-1))
    return tokens


def _carry_for_learners(model: Any, prompt: Tokens, num_new: int) -> Longer:
    logits, memory = model(prompt)
    tokens = prompt
    for _ in range(num_new):
        chosen = logits[:, -1].argmax(dim=-1, keepdim=True)
        tokens = torch.cat((tokens, chosen), dim=1)
        logits, memory = model(chosen, memory)
    return tokens


CARRY_ON = Exercise(
    specification=_anew_each_time,
    make_cases=_carry_cases,
    solution=_carry_for_learners,
    mistakes=(
        Mistake(
            answer=partial(_carry, memory="none"),
            message="Each new token found an empty memory. Hand over the memory: `model(chosen, memory)`.",
        ),
        Mistake(
            answer=partial(_carry, memory="frozen"),
            message="The memory stayed as it was after the prompt. Each call returns a new memory: keep that one.",
        ),
        Mistake(
            answer=partial(_carry, first="twice"),
            message="The prompt's last token was read twice: once with the prompt, and once more before the first "
            "choice. The logits of the prompt's call are there already: choose from them first.",
        ),
        Mistake(
            answer=partial(_carry, first="first"),
            message="The first new token was chosen from the logits after the prompt's first token. Take those after "
            "the last one, `logits[:, -1]`.",
        ),
        Mistake(
            answer=lambda model, prompt, num_new: _carry(model, prompt, num_new)[:, prompt.shape[1] :],
            message="The new tokens alone came back. Return prompt and new tokens together.",
        ),
        Mistake(
            answer=lambda model, prompt, num_new: _carry(model, prompt, num_new + 1),
            message="One token too many. The call on the prompt gives logits for the first new token already.",
        ),
        Mistake(
            answer=lambda model, prompt, num_new: _carry(model, prompt, num_new - 1),
            message="One token too few: the last choice was not appended.",
        ),
    ),
    otherwise="Read the prompt. Then, num_new times: choose from the last logits, append, read the chosen token with "
    "the memory that came back last.",
    blanks=Blanks(
        code=(
            "logits, memory = model(prompt)\n"
            "tokens = prompt\n"
            "for _ in {turns}:\n"
            "    chosen = {chosen}.argmax(dim=-1, keepdim=True)\n"
            "    tokens = torch.cat((tokens, chosen), dim=1)\n"
            "    {read}\n"
            "return {result}"
        ),
        choices={
            "turns": ("range(num_new)", "range(num_new - 1)"),
            "chosen": ("logits[:, -1]", "logits[:, 0]"),
            "read": (
                "logits, memory = model(chosen, memory)",
                "logits, _ = model(chosen, memory)",
                "logits, memory = model(chosen)",
                "logits, memory = model(tokens, memory)",
            ),
            "result": ("tokens", "tokens[:, prompt.shape[1] :]"),
        },
    ),
)

# --- top-k ------------------------------------------------------------------------------------------------------


def _top_k_cases(generator: torch.Generator) -> list[Case]:
    draw = partial(normal, generator=generator)
    return [(draw(1, 4), 2), (draw(2, 5), 3), (draw(3, 7), 2), (draw(2, 6), 6)]


def _top_k_by_hand(logits: Logits, k: int) -> Logits:
    rows = []
    for row in logits.double():
        words = sorted(range(len(row)), key=row.tolist().__getitem__, reverse=True)[:k]
        powers = torch.zeros_like(row)
        powers[words] = row[words].exp()
        rows.append(powers / powers.sum())
    return torch.stack(rows)


def _top_k(logits: Logits, k: int) -> Logits:
    kept = logits.topk(k)
    alone = torch.full_like(logits, float("-inf")).scatter(-1, kept.indices, kept.values)
    return alone.softmax(dim=-1)


def _where(logits: Logits, kept: Tensor, otherwise: float = float("-inf")) -> Logits:
    return torch.where(kept, logits, torch.full_like(logits, otherwise)).softmax(dim=-1)


TOP_K = Exercise(
    specification=_top_k_by_hand,
    make_cases=_top_k_cases,
    solution=_top_k,
    mistakes=(
        Mistake(
            answer=lambda logits, k: _where(logits, _top_k(-logits, k) > 0),
            message="The k smallest were kept. Keep the k largest.",
        ),
        Mistake(
            answer=lambda logits, k: _where(logits, _top_k(logits, k) > 0, otherwise=0.0),
            message="The others still have a probability: e to the power of 0 is 1. Give them the logit -inf.",
        ),
        Mistake(
            answer=lambda logits, k: logits.softmax(dim=-1).where(_top_k(logits, k) > 0, torch.zeros(())),
            message="The probabilities of a row do not sum to 1. Take the softmax after the others are out.",
        ),
        Mistake(
            answer=lambda logits, k: _where(logits, logits > logits.topk(k).values[..., -1:]),
            message="One word too few is left. The k-th largest logit stays too: leave out only the smaller ones.",
        ),
        Mistake(
            answer=lambda logits, k: logits.topk(k).values.softmax(dim=-1),
            message="These are the k probabilities alone. Each word needs one, in the order of the vocabulary: 0 for "
            "those that are out.",
        ),
        Mistake(
            answer=lambda logits, k: _top_k(logits.sort(dim=-1, descending=True).values, k),
            message="The numbers are right, but sorted by size. Each must stand at the place of its word.",
        ),
    ),
    otherwise="In each row: keep the k largest logits, give all others -inf, then take the softmax.",
    blanks=Blanks(
        code="smallest = {smallest}\nkept = {kept}\nreturn {result}",
        choices={
            "smallest": (
                "logits.topk(k).values[:, -1:]",
                "logits.topk(k).values[:, :1]",
                "-(-logits).topk(k).values[:, -1:]",
            ),
            "kept": (
                "logits.masked_fill(logits < smallest, -math.inf)",
                "logits.masked_fill(logits <= smallest, -math.inf)",
                "logits.masked_fill(logits < smallest, 0)",
                "logits.masked_fill(logits > smallest, -math.inf)",
            ),
            "result": ("kept.softmax(dim=-1)", "kept.softmax(dim=0)", "logits.softmax(dim=-1) * kept.exp().sign()"),
        },
    ),
)

# --- a test that catches loops which lose or repeat something ---------------------------------------------------

Loop = Callable[[FeedbackTransformer, Tokens, int], Longer]


def _loop_anew(model: FeedbackTransformer, prompt: Tokens, num_new: int) -> Longer:
    """a right loop: it reads the whole prefix anew for every new token"""
    return _anew_each_time(model, prompt, num_new)


def _loop_carried(model: FeedbackTransformer, prompt: Tokens, num_new: int) -> Longer:
    """a right loop: it carries the memory"""
    return _carry(model, prompt, num_new)


def _loop_token_by_token(model: FeedbackTransformer, prompt: Tokens, num_new: int) -> Longer:
    """a right loop: it reads the prompt one token at a time, too"""
    tokens, memory = prompt, None
    for place in range(prompt.shape[1] + num_new - 1):
        logits, memory = _read(model, tokens[:, place : place + 1], memory)
        if place >= prompt.shape[1] - 1:
            tokens = _append(tokens, logits.argmax(dim=-1))
    return tokens


def _loop_twice(model: FeedbackTransformer, prompt: Tokens, num_new: int) -> Longer:
    """the faulty loop from the text"""
    return _carry(model, prompt, num_new, first="twice")


def _loop_forgets(model: FeedbackTransformer, prompt: Tokens, num_new: int) -> Longer:
    """a faulty loop: after the first new token, each one is read with an empty memory"""
    return _carry(model, prompt, num_new, memory="none")


def _loop_frozen(model: FeedbackTransformer, prompt: Tokens, num_new: int) -> Longer:
    """a faulty loop: the memory stays as it was after the prompt"""
    return _carry(model, prompt, num_new, memory="frozen")


def _loop_skips_the_prompt(model: FeedbackTransformer, prompt: Tokens, num_new: int) -> Longer:
    """a faulty loop: of the prompt it reads the last token alone"""
    return torch.cat((prompt[:, :-1], _carry(model, prompt[:, -1:], num_new)), dim=1)


def _loop_in_a_window(model: FeedbackTransformer, prompt: Tokens, num_new: int) -> Longer:
    """a faulty loop: for every new token it reads the newest eight tokens anew, and no older ones"""
    tokens = prompt
    for _ in range(num_new):
        tokens = _append(tokens, _read(model, tokens[:, -8:])[0].argmax(dim=-1))
    return tokens


def _loop_copies_a_row(model: FeedbackTransformer, prompt: Tokens, num_new: int) -> Longer:
    """a faulty loop: all rows get what was chosen for the first row"""
    tokens = prompt
    for _ in range(num_new):
        chosen = _read(model, tokens)[0].argmax(dim=-1)
        tokens = _append(tokens, chosen[:1].expand(len(tokens)))
    return tokens


RIGHT_LOOPS = (_loop_anew, _loop_carried, _loop_token_by_token)
FAULTY_LOOPS = (_loop_forgets, _loop_frozen, _loop_skips_the_prompt, _loop_in_a_window, _loop_copies_a_row)


def _loop_cases(generator: torch.Generator) -> list[Case]:
    return [(_loop_twice,), *((loop,) for loop in (*RIGHT_LOOPS, *FAULTY_LOOPS))]


def _judge(
    loop: Loop,
    *,
    batch: int = 2,
    prompt: int = 6,
    num_new: int = 6,
    right: Callable[[FeedbackTransformer, Tokens, Longer], bool] | None = None,
) -> bool:
    """Try a loop on a model; ``right`` says from model, prompt and tokens whether the tokens are right."""
    model = counting_model(seed=JUDGED_SEED, memory_size=4)
    given = torch.randint(WORDS, (batch, prompt), generator=torch.Generator().manual_seed(JUDGED_SEED))
    return (right or _chosen_greedily)(model, given, loop(model, given, num_new))


def _chosen_greedily(model: FeedbackTransformer, prompt: Tokens, tokens: Longer) -> bool:
    """One call on the finished text gives all logits, and each new token must be the likeliest before its place."""
    logits, _ = FeedbackTransformer.forward(model, tokens)
    return torch.equal(logits[:, prompt.shape[1] - 1 : -1].argmax(dim=-1), tokens[:, prompt.shape[1] :])


def _chosen_one_place_off(model: FeedbackTransformer, prompt: Tokens, tokens: Longer) -> bool:
    logits, _ = FeedbackTransformer.forward(model, tokens)
    return torch.equal(logits[:, prompt.shape[1] :].argmax(dim=-1), tokens[:, prompt.shape[1] :])


def _begins_with_the_prompt(model: FeedbackTransformer, prompt: Tokens, tokens: Longer) -> bool:
    return tokens.shape[1] == prompt.shape[1] + 6 and torch.equal(tokens[:, : prompt.shape[1]], prompt)


def random_model(
    *, memory_size: int = 4, segment_length: int = 1, num_layers: int = 2, seed: int = 0
) -> FeedbackTransformer:
    """The chapter's own function, which a learner's test uses."""
    config = FeedbackConfig(
        vocab_size=WORDS,
        d_model=8,
        num_layers=num_layers,
        num_heads=2,
        head_dim=4,
        memory_size=memory_size,
        segment_length=segment_length,
    )
    model = FeedbackTransformer(config).double().requires_grad_(False)
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    return model


CATCH_WRONG_LOOP = Exercise(
    specification=lambda loop: loop in RIGHT_LOOPS,
    make_cases=_loop_cases,
    solution=lambda loop: _judge(loop),
    mistakes=(
        Mistake(
            answer=partial(_judge, right=_begins_with_the_prompt),
            message="You said yes to a faulty loop. Prompt and number of tokens are right there; look at which tokens "
            "were chosen.",
        ),
        Mistake(
            answer=partial(_judge, num_new=1),
            message="You said yes to a faulty loop whose first choice is right. Let it choose several tokens.",
        ),
        Mistake(
            answer=partial(_judge, prompt=1),
            message="You said yes to a faulty loop that reads the last token of the prompt alone. Give it a longer "
            "prompt.",
        ),
        Mistake(
            answer=partial(_judge, prompt=3, num_new=5),
            message="You said yes to a faulty loop that reads the newest eight tokens and no more. As long as the "
            "text is no longer than that, it is right. Take a longer prompt, or let more tokens be chosen.",
        ),
        Mistake(
            answer=partial(_judge, batch=1),
            message="You said yes to a faulty loop that gives every row the choice of the first. Try two rows.",
        ),
        Mistake(
            answer=partial(_judge, right=_chosen_one_place_off),
            message="You said no to right loops. Compare the new tokens alone, since nobody chose the prompt, and each "
            "with the logits of the place before it: the logits at place 5 choose the token at place 6.",
        ),
    ),
    otherwise="A right loop must get True and a faulty one False. Would the fault that is named above show in your "
    "test? Take two rows, six tokens in the prompt and six new ones, and compare with the choices of a call on the "
    "whole prefix.",
    blanks=Blanks(
        code=(
            "model = random_model(seed=12)\n"
            "prompt = {prompt}\n"
            "tokens = loop(model, prompt, {count})\n"
            "start = prompt.shape[1]\n"
            "logits = model(tokens).logits\n"
            "return torch.equal(logits[:, {places}].argmax(dim=-1), tokens[:, start:])"
        ),
        choices={
            "prompt": (
                "torch.tensor([[3, 1, 4, 1, 5, 9], [2, 7, 1, 8, 2, 8]])",
                "torch.tensor([[3, 1, 4, 1, 5, 9]])",
                "torch.tensor([[3], [2]])",
            ),
            "count": ("6", "1"),
            "places": ("start - 1 : -1", "start:"),
        },
        names={"random_model": random_model},
        function="keeps_promise",
    ),
)
