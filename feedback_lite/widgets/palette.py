"""The colours of the book, named by what they mean. Nothing else in the project names a colour."""

from typing import Any, Literal, NamedTuple

Theme = Literal["light", "dark"]


class Colour(NamedTuple):
    """One meaning in both themes."""

    light: str
    dark: str


PALETTE: dict[str, Colour] = {
    "memory": Colour("#b35900", "#ffa94d"),  # memory, and the feedback model
    "query": Colour("#0b62a8", "#66b3f0"),  # query, the token now
    "key": Colour("#00766c", "#4fc3b4"),  # key and value
    "evicted": Colour("#b3261e", "#ff8a80"),
    "right": Colour("#2e7d32", "#81c784"),  # the right answer
    "ordinary": Colour("#4a5361", "#aeb8c6"),  # the ordinary transformer
    "recurrent": Colour("#a01fc8", "#e56bf7"),  # a recurrent network
    "layer-low": Colour("#9a7fb8", "#8f7fb0"),  # layer 0, the embedding
    "layer-high": Colour("#4a2a78", "#d6bfff"),  # the last layer
    "ink": Colour("#1f2430", "#e8ecf1"),
    "muted": Colour("#5b6472", "#a3adba"),
    "line": Colour("#848d9b", "#6d7888"),
    "paper": Colour("#ffffff", "#14181e"),
    "surface": Colour("#f5f6f8", "#1d232b"),
}

BACKGROUNDS = ("paper", "surface")
# Too pale for words: for areas and lines only. A layer's name is written in ink beside its number.
GRAPHICS_ONLY = ("layer-low", "line")

# Where a theme is chosen: the site, JupyterLab, Colab and VS Code each say it in their own way.
_CHOSEN: dict[Theme, str] = {
    "dark": (
        'html[data-theme="dark"], [data-jp-theme-light="false"], html[theme="dark"], '
        '[data-vscode-theme-kind="vscode-dark"]'
    ),
    "light": (
        'html[data-theme="light"], [data-jp-theme-light="true"], html[theme="light"], '
        '[data-vscode-theme-kind="vscode-light"]'
    ),
}


def css_variables(theme: Theme) -> str:
    """Return the declarations of one theme, such as ``--fl-memory: #b35900;``, and which theme it is."""
    variables = [f"--fl-{name}: {getattr(colour, theme)};" for name, colour in PALETTE.items()]
    return " ".join([*variables, f"--fl-scheme: {theme};"])


def palette_css() -> str:
    """Return the style sheet that sets every colour: as chosen, else as the reader's system asks; on paper, light."""
    light, dark = css_variables("light"), css_variables("dark")
    return (
        f":root {{ {light} }}\n"
        f"@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n"
        f"{_CHOSEN['light']} {{ {light} }}\n"
        f"{_CHOSEN['dark']} {{ {dark} }}\n"
        f"@media print {{ :root, {_CHOSEN['dark']} {{ {light} }} }}\n"
    )


def layer_colours(count: int, theme: Theme = "light") -> list[str]:
    """Return one colour per layer, from the embedding up.

    Raises:
        ValueError: ``count`` is below 1.
    """
    if count < 1:
        raise ValueError(f"count must be at least 1, got {count}")
    low, high = (_channels(getattr(PALETTE[name], theme)) for name in ("layer-low", "layer-high"))
    heights = [layer / max(count - 1, 1) for layer in range(count)]
    return ["#" + "".join(f"{round(a + (b - a) * h):02x}" for a, b in zip(low, high, strict=True)) for h in heights]


def matplotlib_style(theme: Theme = "light") -> dict[str, Any]:
    """Return settings for ``matplotlib.rc_context`` or ``plt.rcParams.update`` that draw plots in the book's colours.

    The first line of a plot is the feedback model (solid, filled squares), the second the ordinary transformer
    (dashed, open squares); the rest are query and key.
    """
    from cycler import cycler

    colour = {name: getattr(pair, theme) for name, pair in PALETTE.items()}
    lines = (
        cycler(color=[colour[name] for name in ("memory", "ordinary", "query", "key")])
        + cycler(linestyle=["-", "--", "-.", ":"])
        + cycler(marker=["s", "s", "o", "D"])
        + cycler(markerfacecolor=[colour["memory"], colour["paper"], colour["paper"], colour["key"]])
    )
    return {
        "axes.edgecolor": colour["line"],
        "axes.facecolor": colour["paper"],
        "axes.grid": True,
        "axes.labelcolor": colour["muted"],
        "axes.labelsize": 13,
        "axes.prop_cycle": lines,
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.titlecolor": colour["ink"],
        "axes.titlelocation": "left",
        "axes.titlesize": 14,
        "figure.constrained_layout.use": True,
        "figure.facecolor": colour["paper"],
        "figure.figsize": (640 / 72, 330 / 72),
        "font.size": 13,
        "grid.alpha": 0.35,
        "grid.color": colour["line"],
        "legend.fontsize": 13,
        "legend.frameon": False,
        "legend.labelcolor": colour["ink"],
        "lines.linewidth": 2.0,
        "lines.markersize": 5.5,
        "savefig.facecolor": colour["paper"],
        "svg.fonttype": "none",
        "text.color": colour["ink"],
        "xtick.color": colour["line"],
        "xtick.labelcolor": colour["muted"],
        "ytick.color": colour["line"],
        "ytick.labelcolor": colour["muted"],
    }


def _channels(colour: str) -> list[int]:
    return [int(colour[start : start + 2], 16) for start in (1, 3, 5)]
