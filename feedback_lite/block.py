"""One layer of the model."""

from jaxtyping import Bool, Float
from torch import Tensor, cat, nn

from feedback_lite.attention import Attention, KeyValueProjection
from feedback_lite.config import FeedbackConfig
from feedback_lite.feedforward import FeedForward
from feedback_lite.memory import Memory


class Block(nn.Module):
    """Attention, then feed-forward; each sees its input normalised (pre-norm) and adds its result to it (residual).

    ``hidden += attention(norm(hidden))``, then ``hidden += feedforward(norm(hidden))``.
    """

    def __init__(self, config: FeedbackConfig) -> None:
        super().__init__()
        width = config.d_model
        self.attention_norm = nn.LayerNorm(width)
        self.attention = Attention(
            d_model=width, num_heads=config.num_heads, head_dim=config.head_dim, dropout=config.attn_dropout
        )
        self.feedforward_norm = nn.LayerNorm(width)
        self.feedforward = FeedForward(d_model=width, mult=config.ff_mult, dropout=config.ff_dropout)

    def forward(
        self,
        hidden: Float[Tensor, "b n d"],
        memory: Memory,
        *,
        to_own_keys_values: KeyValueProjection | None = None,
        bias: Float[Tensor, "h n j"] | None = None,
        mask: Bool[Tensor, "n j"] | None = None,
    ) -> tuple[Float[Tensor, "b n d"], Float[Tensor, "b h n j"]]:
        """Return the block's hidden vectors and its attention weights.

        Args:
            hidden: hidden vectors of the tokens of one segment.
            memory: what all of them may read.
            to_own_keys_values: makes keys and values of the tokens themselves, which then stand after the
                memory's; without it the tokens read the memory alone.
            bias: relative-position bias, memory slots first.
            mask: true where reading is allowed, memory slots first.
        """
        normed = self.attention_norm(hidden)
        keys, values = memory.keys, memory.values
        if to_own_keys_values is not None:
            own_keys, own_values = to_own_keys_values(normed)
            keys, values = cat((keys, own_keys), dim=1), cat((values, own_values), dim=1)
        read, weights = self.attention(normed, keys, values, bias=bias, mask=mask)
        hidden = hidden + read
        return hidden + self.feedforward(self.feedforward_norm(hidden)), weights
