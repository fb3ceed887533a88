"""Works around the Feedback Transformer: what comes back in each, from where to where, and what is known of it.

A wiring is drawn for three layers and four tokens. It leaves out all that does not decide which result can reach which:
gates, norms, how vectors are mixed, how far back a memory goes.
"""

from dataclasses import dataclass
from itertools import product

from feedback_lite.lesson.wiring import Cell, Read, longest_ways

TOKENS, LAYERS = 4, 3
COLUMNS = ("never", "once per segment", "at every token")
ROWS = (
    "all layers to all",
    "one layer to all",
    "a higher layer to a lower one",
    "each layer to itself",
    "only upwards",
)
RECURS = (
    "nothing",
    "layers, over depth",
    "hidden vectors, over segments",
    "hidden vectors, over time",
    "a cache of one layer",
    "a prediction of the model",
)
HIDDEN = range(1, LAYERS + 1)

Link = tuple[int, int]
"""The layer whose result comes back, and the layer that reads it; 0 is the embedding."""


@dataclass(frozen=True, kw_only=True)
class Wiring:
    """Which results each layer of each token is computed from.

    Args:
        every: after how many tokens something comes back: 1, a segment of several, or 0 for never.
        links: what comes back from earlier tokens, and where it enters.
        kept: whether what came back stays readable; otherwise it is handed on once, to the next token or segment.
        below: which earlier tokens are read at the layer below: "all", those of the own "segment", or "none".
        again: whether the layers run again on the same token.
    """

    every: int = 0
    links: tuple[Link, ...] = ()
    kept: bool = False
    below: str = "all"
    again: bool = False

    @property
    def column(self) -> str:
        """How often something comes back along the text."""
        return COLUMNS[0] if self.every == 0 else COLUMNS[2] if self.every == 1 else COLUMNS[1]

    @property
    def row(self) -> str:
        """From which layers to which it comes back."""
        links = [(LAYERS, 1)] if self.again else self.links
        sources, entries = ({link[end] for link in links} for end in (0, 1))
        if not links:
            return ROWS[4]
        if all(source == entry for source, entry in links):
            return ROWS[3]
        if len(entries) == 1:
            return ROWS[2]
        return ROWS[1] if len(sources) == 1 else ROWS[0]

    def reads(self, cell: Cell, num_layers: int) -> dict[Cell, Read]:
        """Return the cells that a cell is computed from directly, and how each comes to it, in a single run.

        Raises:
            ValueError: ``num_layers`` is not the number of layers that the wiring is drawn for.
        """
        if num_layers != LAYERS:
            raise ValueError(f"num_layers must be {LAYERS}, got {num_layers}")
        token, layer = cell
        if layer == 0:
            return {}
        start = token - (token - 1) % max(self.every, 1)  # of the own segment
        from_below = {"all": 1, "segment": start, "none": token}[self.below]
        oldest = 1 if self.kept else max(1, start - 1)
        found: dict[Cell, Read] = {Cell(past, layer - 1): "below" for past in range(from_below, token)}
        if self.every:
            sources = [source for source, entry in self.links if entry == layer]
            found |= {Cell(past, source): "memory" for past in range(oldest, start) for source in sources}
        return {**found, Cell(token, layer - 1): "own"}

    def longest(self, num_tokens: int = TOKENS) -> int:
        """Return the number of layers on the longest way to the last token, in a single run of the layers."""
        return max(longest_ways(self, num_tokens, LAYERS)[Cell(num_tokens, LAYERS)].values())


@dataclass(frozen=True, kw_only=True)
class Work:
    """One work, or several that are wired alike.

    Args:
        key: its entry in the bibliography.
        name: a short name, for the map.
        title: its full name.
        year: the year of its entry in the bibliography.
        wiring: what is computed from what.
        told: what goes back to where, in one or two sentences.
        recurs: what is used again, one of `RECURS`.
        training: in which order it works on the tokens in training, where a source says so.
        source: authors and, where there is one, the arXiv number; and who tells it, where that is not the work itself.
    """

    key: str
    name: str
    title: str
    year: int
    wiring: Wiring
    recurs: str
    told: str
    source: str
    training: str = ""


def _all_to_all(sources: range) -> tuple[Link, ...]:
    return tuple(product(sources, HIDDEN))


_EVERYTHING = _all_to_all(range(LAYERS + 1))
_ITSELF = tuple((layer, layer) for layer in HIDDEN)
_AGAIN = Wiring(again=True)
FEEDBACK = "fan2020feedback"

WORKS = (
    Work(
        key="chung2015gated",
        name="GF-RNN",
        title="Gated-feedback RNN",
        year=2015,
        wiring=Wiring(every=1, links=_all_to_all(HIDDEN), below="none"),
        recurs=RECURS[3],
        told="In a recurrent network of several layers, each layer also gets what all layers held one token before, "
        "through learned gates.",
        source="Chung et al., arXiv 1502.02367",
    ),
    Work(
        key="vaswani2017attention",
        name="Ordinary",
        title="Ordinary transformer",
        year=2017,
        wiring=Wiring(),
        recurs=RECURS[0],
        told="Nothing comes back: each layer reads what the layer below has made of all tokens so far.",
        training="all tokens side by side",
        source="Vaswani et al., arXiv 1706.03762",
    ),
    Work(
        key="dehghani2019universal",
        name="Universal",
        title="Universal Transformer",
        year=2019,
        wiring=_AGAIN,
        recurs=RECURS[1],
        told="The same layer works on a token again and again: it recurs in depth, not along the text.",
        source="Dehghani et al., arXiv 1807.03819",
    ),
    Work(
        key="dai2019xl",
        name="XL",
        title="Transformer-XL",
        year=2019,
        wiring=Wiring(every=2),
        recurs=RECURS[2],
        told="What each layer made of the segment before is kept and read again, one layer higher.",
        training="segment after segment; no gradient flows into what was kept",
        source="Dai et al., ACL 2019",
    ),
    Work(
        key="rae2020compressive",
        name="Compressive",
        title="Compressive Transformer",
        year=2020,
        wiring=Wiring(every=2),
        recurs=RECURS[2],
        told="As in Transformer-XL; what is too old for the cache is compressed and kept for longer.",
        source="Rae et al., arXiv 1911.05507",
    ),
    Work(
        key=FEEDBACK,
        name="Feedback",
        title="Feedback Transformer",
        year=2020,
        wiring=Wiring(every=1, links=_EVERYTHING, kept=True, below="segment"),
        recurs=RECURS[3],
        told="Every layer reads a mixture of all layers of each earlier token.",
        training="token after token",
        source="Fan et al., arXiv 2002.09402",
    ),
    Work(
        key="lucidrains2021feedback",
        name="Segments",
        title="Feedback in segments",
        year=2021,
        wiring=Wiring(every=2, links=_EVERYTHING, kept=True, below="segment"),
        recurs=RECURS[2],
        told="As in the Feedback Transformer, but what is found in a segment can be read only after its end.",
        training="segment after segment",
        source="lucidrains' public code; chapter 8",
    ),
    Work(
        key="ju2022staircase",
        name="Staircase",
        title="Staircase attention",
        year=2022,
        wiring=Wiring(every=2, links=((LAYERS, 1),), below="segment"),
        recurs=RECURS[2],
        told="What the layers made of the last segments goes through them again, together with the next segment.",
        source="Ju et al., arXiv 2106.04279",
    ),
    Work(
        key="hutchins2022block",
        name="Block-Rec.",
        title="Block-Recurrent Transformer",
        year=2022,
        wiring=Wiring(every=2, links=((2, 2),)),
        recurs=RECURS[2],
        told="A set of state vectors goes from segment to segment, through gates. In one variant all layers read them.",
        source="Hutchins et al., arXiv 2203.07852",
    ),
    Work(
        key="bulatov2022rmt",
        name="RMT",
        title="Recurrent Memory Transformer",
        year=2022,
        wiring=Wiring(every=2, links=((LAYERS, 1),), below="segment"),
        recurs=RECURS[2],
        told="Each segment ends with memory tokens; what the last layer made of them is input of the next segment.",
        training="segment after segment, with gradients from one to the other",
        source="Bulatov et al., arXiv 2207.06881",
    ),
    Work(
        key="hwang2024fam",
        name="FAM",
        title="TransformerFAM",
        year=2024,
        wiring=Wiring(every=2, links=_ITSELF),
        recurs=RECURS[2],
        told="Each layer keeps a few vectors of its own; every segment brings them up to date, and the next one "
        "reads them.",
        source="Hwang et al., arXiv 2404.09173",
    ),
    Work(
        key="wu2024lckv",
        name="LCKV",
        title="Layer-Condensed KV Cache",
        year=2024,
        wiring=Wiring(every=1, links=tuple((LAYERS, layer) for layer in HIDDEN), kept=True, below="none"),
        recurs=RECURS[4],
        told="All layers read keys and values that were made from the last layer alone.",
        training="all tokens side by side, in several passes",
        source="Wu and Tu, arXiv 2405.10637",
    ),
    Work(
        key="hao2025coconut",
        name="Coconut",
        title="Coconut",
        year=2025,
        wiring=Wiring(every=1, links=((LAYERS, 1),)),
        recurs=RECURS[3],
        told="While the model thinks, its last hidden vector is the next input, in place of a word.",
        source="Hao et al., arXiv 2412.06769",
    ),
    Work(
        key="geiping2025scaling",
        name="Huginn",
        title="Huginn, of recurrent depth",
        year=2025,
        wiring=_AGAIN,
        recurs=RECURS[1],
        told="A part of the layers works on a token again and again, as often as one likes.",
        source="Geiping et al., arXiv 2502.05171",
    ),
    Work(
        key="saunshi2025looped",
        name="Looped",
        title="Looped transformer",
        year=2025,
        wiring=_AGAIN,
        recurs=RECURS[1],
        told="A few layers run several times on each token, with the same weights.",
        source="Saunshi et al., arXiv 2502.17416",
    ),
    Work(
        key="neelam2025spire",
        name="SPIRe",
        title="SPIRe",
        year=2025,
        wiring=Wiring(every=1, links=_EVERYTHING, kept=True, below="segment"),
        recurs=RECURS[3],
        told="Feedback memory in a small model that drafts a few tokens for a large one; each layer has a mixture of "
        "its own.",
        training="only four tokens one after another",
        source="Neelam et al., arXiv 2504.06419",
    ),
    Work(
        key="oncescu2026recurrent",
        name="Recurrent T.",
        title="Recurrent Transformer",
        year=2026,
        wiring=Wiring(every=1, links=_ITSELF, kept=True, below="none"),
        recurs=RECURS[3],
        told="Each layer reads keys and values that were made from its own output at earlier tokens.",
        source="Oncescu et al., arXiv 2604.21215",
    ),
    Work(
        key="huang2026lrt",
        name="LRT",
        title="Latent Recurrent Transformer",
        year=2026,
        wiring=Wiring(every=1, links=tuple((2, layer) for layer in HIDDEN)),
        recurs=RECURS[3],
        told="A hidden vector of one upper layer is read by all layers of the next token.",
        training="groups of tokens side by side, at about twice the usual work",
        source="Huang et al., arXiv 2605.26797",
    ),
    Work(
        key="cai2026t2mlr",
        name="T2MLR",
        title="T2MLR",
        year=2026,
        wiring=Wiring(every=1, links=((2, 1),)),
        recurs=RECURS[3],
        told="A vector from a middle layer enters an earlier layer of the next token.",
        training="all tokens side by side, in several passes (as the RLT paper tells it)",
        source="Cai et al., arXiv 2607.15178",
    ),
    Work(
        key="wang2026fullband",
        name="Full-bandw.",
        title="Full-bandwidth Transformer",
        year=2026,
        wiring=Wiring(every=1, links=((LAYERS, 1),)),
        recurs=RECURS[3],
        told="The last hidden vector is merged with the embedding of the next token.",
        training="all tokens side by side, in several passes",
        source="Wang et al., arXiv 2608.08888; told here as the RLT paper tells it",
    ),
    Work(
        key="zhang2026whitematter",
        name="WhiteMatter",
        title="WhiteMatter",
        year=2026,
        wiring=Wiring(every=1, links=_all_to_all(range(LAYERS)), kept=True, below="none"),
        recurs=RECURS[3],
        told="What enters each layer is mixed into several channels, anew for every token; each layer reads one "
        "channel of all earlier tokens.",
        training="groups of tokens side by side, in several passes",
        source="Zhang and Ren, arXiv 2608.18486",
    ),
    Work(
        key="zhang2026rlt",
        name="RLT",
        title="Recurrent Looped Transformer",
        year=2026,
        wiring=Wiring(every=1, links=((LAYERS, 2),)),
        recurs=RECURS[3],
        told="The lower layers read the text as usual; the last hidden vector enters above them at the next token.",
        training="lower layers side by side, the others token after token",
        source="Zhang, Feng and Qin, September 2026",
    ),
    Work(
        key="tirosh2026lift",
        name="LIFT",
        title="LIFT",
        year=2026,
        wiring=Wiring(every=1, links=((LAYERS, 1),)),
        recurs=RECURS[5],
        told="Beside the next token the model predicts a state, which is fed back with that token.",
        training="all tokens side by side: another, trained model supplies the states",
        source="Tirosh, Amos and Geva, arXiv 2609.38149; told here from its abstract",
    ),
)
"""From the oldest to the newest."""
