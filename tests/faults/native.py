"""Faults in the compiled loop, one per term of its forward and its backward pass, and in its building."""

from tests.faults.planting import Fault

LOOP = "feedback_lite/engine/native/recurrence.cpp"
BUILD = "feedback_lite/engine/native/build.py"
CALL = "feedback_lite/engine/native/__init__.py"
TESTS = ("tests/unit/engine/native/test_loop.py",)
BUILDING = ("tests/unit/engine/native/test_build.py",)

FAULTS = (
    Fault(
        "compiled: output bias at the first step",
        LOOP,
        {"if (window(t)) {  // without": "if (true) {  // without"},
        TESTS,
    ),
    Fault(
        "compiled: memory one too long",
        LOOP,
        {"std::min(s.incoming + t, s.memory_size)": "std::min(s.incoming + t, s.memory_size + 1)"},
        TESTS,
    ),
    Fault(
        "compiled: residual around attention lost",
        LOOP,
        {"layers[l].output.apply(at + read, middle.data(), at);": "layers[l].output.apply(at + read, middle.data());"},
        TESTS,
    ),
    Fault(
        "compiled: gradient of the residual around feed-forward lost",
        LOOP,
        {
            "this->add_norm_gradient(back.data(), at + normed_again, at[scale_again], d, stream);": (
                "std::fill_n(stream, d, Row{});\n"
                "    this->add_norm_gradient(back.data(), at + normed_again, at[scale_again], d, stream);"
            )
        },
        TESTS,
    ),
    Fault(
        "compiled: gradient of the bias from the newest slot lost",
        LOOP,
        {"j < count; ++j) work[of_bias": "j + 1 < count; ++j) work[of_bias"},
        TESTS,
    ),
    Fault(
        "compiled: all shares' gradients given to the embedding's",
        LOOP,
        {"work[of_shares + l] += of_mixture[i]": "work[of_shares] += of_mixture[i]"},
        TESTS,
    ),
    Fault(
        "compiled: the memory vector hands nothing back to the embedding",
        LOOP,
        {"for (int i = 0; i < d && !s.causal; ++i) {": "for (int i = 0; i < d && !s.causal && l; ++i) {"},
        TESTS,
    ),
    Fault(
        "compiled: gradient of values with scores in place of weights",
        LOOP,
        {"mix(at + attention + age, record - 1,": "mix(scores_of(begin, l) + age, row - 1,"},
        TESTS,
    ),
    Fault(
        "compiled: gradient of keys from one query too few",
        LOOP,
        {"record, end - begin, out + h * e, e);": "record, end - begin - 1, out + h * e, e);"},
        TESTS,
    ),
    Fault(
        "compiled: gradients of slots beyond the window",
        LOOP,
        {"s.causal ? s.steps : slot + s.memory_size + 1": "s.causal ? s.steps : slot + s.memory_size"},
        TESTS,
    ),
    Fault(
        "compiled: a block of slots is pulled without its oldest",
        LOOP,
        {"slot == newest && each >= oldest": "slot == newest && each > oldest"},
        TESTS,
    ),
    Fault(
        "compiled: gradient of what comes in lost",
        LOOP,
        {"slot = s.incoming - 1; slot >= 0; --slot": "slot = s.incoming - 1; slot > 0; --slot"},
        TESTS,
    ),
    Fault(
        "compiled: gradient of the values that are handed back lost",
        LOOP,
        {"if (tensors.of_values_out) spread": "if (false) spread"},
        TESTS,
    ),
    Fault(
        "compiled: softmax backward without its mean",
        LOOP,
        {"weights[j] * (given[j] - total)": "weights[j] * given[j]"},
        TESTS,
    ),
    Fault(
        "compiled: norm backward without the mean",
        LOOP,
        {"given[i] - mean - normed[i] * along": "given[i] - normed[i] * along"},
        TESTS,
    ),
    Fault(
        "compiled: norm backward without the part along the vector",
        LOOP,
        {"given[i] - mean - normed[i] * along": "given[i] - mean"},
        TESTS,
    ),
    Fault(
        "compiled: the slope of gelu without its bell",
        LOOP,
        {"slope = below + x * bell * T(0.39894228040143267794);": "slope = below;"},
        TESTS,
    ),
    Fault(
        "compiled: the gradients of value and gate exchanged",
        LOOP,
        {
            "of[of_wide + i] = given * gelu;": "of[of_wide + gated + i] = given * gelu;",
            "of[of_wide + gated + i] = given * value * slope;": "of[of_wide + i] = given * value * slope;",
        },
        TESTS,
    ),
    Fault(
        "compiled: the steps of a chunk that is not full are forgotten",
        LOOP,
        {"if (t % CHUNK == 0) add_weight": "if (t % CHUNK == 0 && t + CHUNK <= s.steps) add_weight"},
        TESTS,
    ),
    Fault(
        "compiled: weight gradients of a block that is not full",
        LOOP,
        {"for (int i = 0; i < from; i += DOWN) {": "for (int i = 0; i + DOWN <= from; i += DOWN) {"},
        TESTS,
    ),
    Fault(
        "compiled: the outputs of a block that is not full",
        LOOP,
        {"start < to; start += BLOCK, weights": "start + BLOCK <= to; start += BLOCK, weights"},
        TESTS,
    ),
    Fault(
        "compiled: the ordinary model does not read itself",
        LOOP,
        {"return s.causal ? t + 1 :": "return s.causal ? t :"},
        TESTS,
    ),
    Fault(
        "compiled: the ordinary model's keys get nothing from their own step",
        LOOP,
        {"pull(slot, slot + !s.causal, newest + 1, l, h, out);": "pull(slot, slot + 1, newest + 1, l, h, out);"},
        TESTS,
    ),
    Fault(
        "compiled: scale of the scores forgotten",
        CALL,
        {" * config.head_dim**-0.5": ""},
        TESTS,
    ),
    Fault(
        "compiled: all calls leave what they need in the same place",
        CALL,
        {"    pages = spare.pop(work, None)\n": "    pages = spare.get(work)\n"},
        TESTS,
    ),
    Fault(
        "compiled: a cache that others can write is used",
        BUILD,
        {"stat.S_IWGRP | stat.S_IWOTH": "0"},
        BUILDING,
    ),
    Fault(
        "compiled: what the compiler made is not tried before it is kept",
        BUILD,
        {
            "        loaded = ctypes.CDLL(name)\n        part.replace(target)\n        return loaded\n": (
                "        part.replace(target)\n        return ctypes.CDLL(str(target))\n"
            )
        },
        BUILDING,
    ),
    Fault(
        "compiled: a changed source is not noticed",
        BUILD,
        {"SOURCE.read_bytes(), repr": 'b"", repr'},
        BUILDING,
    ),
    Fault(
        "compiled: the compiler is asked again at every step",
        BUILD,
        {"@lru_cache(maxsize=1)": "@lru_cache(maxsize=0)"},
        BUILDING,
    ),
)
