"""The feedback memory: what is stored of a step, and the queue in which it is kept."""

from collections.abc import Callable
from dataclasses import dataclass

from einops import rearrange
from jaxtyping import Float
from torch import Tensor, cat, is_floating_point

from feedback_lite.config import check_size, check_type


def mix_layers(hiddens: Float[Tensor, "l b n d"], layer_weights: Float[Tensor, "l"]) -> Float[Tensor, "b n d"]:
    """Mix the hidden vectors of all layers into one memory vector per token.

    ``m = sum_l softmax(w)_l * x_l``, with layer 0 the embedding. The softmax makes the shares positive and lets
    them sum to 1, so the mixture can average the layers or pick one.

    Args:
        hiddens: hidden vectors of the embedding and of every layer.
        layer_weights: one raw weight per layer, embedding included.

    Raises:
        ValueError: the two do not agree on the number of layers.

    Source:
        Fan et al. (2020), the definition of the feedback memory.
    """
    if len(hiddens) != len(layer_weights):
        raise ValueError(
            f"layer_weights must hold one weight per layer, embedding included: {len(hiddens)} hiddens came with "
            f"{len(layer_weights)} weights"
        )
    shares = layer_weights.softmax(dim=0)
    # A plain sum, as in the original: a matrix product rounds in another order, and recurrence makes that grow.
    return (rearrange(shares, "l -> l 1 1 1") * hiddens).sum(dim=0)


@dataclass(frozen=True, eq=False)
class Memory:
    """Keys and values of the past, one slot per token, oldest first. Never changed, only replaced.

    Args:
        keys: keys of all slots, heads merged; zero slots when the memory is empty.
        values: values of the same slots.

    Raises:
        ValueError: keys and values are not two floating-point tensors of the same shape, dtype and device.
    """

    keys: Float[Tensor, "b m he"]
    values: Float[Tensor, "b m he"]

    def __post_init__(self) -> None:
        for name in ("keys", "values"):
            tensor = getattr(self, name)
            if not isinstance(tensor, Tensor) or tensor.ndim != 3 or not is_floating_point(tensor):
                came = signature(tensor) if isinstance(tensor, Tensor) else repr(tensor)
                raise ValueError(f"{name} must be a floating-point tensor of shape (batch, slots, width), got {came}")
        if signature(self.keys) != signature(self.values):
            raise ValueError(
                f"keys and values must agree in shape, dtype and device, got {signature(self.keys)} and "
                f"{signature(self.values)}"
            )

    @classmethod
    def empty(
        cls,
        projection: Callable[[Float[Tensor, "b n d"]], tuple[Float[Tensor, "b n he"], Float[Tensor, "b n he"]]],
        hidden: Float[Tensor, "b n d"],
    ) -> "Memory":
        """Return a memory without slots that fits what a projection makes of such hidden vectors."""
        return cls(*projection(hidden[:, :0]))

    def __len__(self) -> int:
        """Return the number of slots in use."""
        return self.keys.shape[1]

    def __bool__(self) -> bool:
        """Return true even when empty, so that no one mistakes an empty memory for a missing one."""
        return True

    def push(self, keys: Float[Tensor, "b n he"], values: Float[Tensor, "b n he"], *, memory_size: int) -> "Memory":
        """Return a memory with these slots written at the newest end and the oldest evicted.

        Args:
            keys: keys of the new slots, oldest first.
            values: values of the new slots.
            memory_size: the most slots to keep, at least 1.

        Raises:
            ValueError: ``memory_size`` is below 1, or new slots do not fit the old in batch, width, dtype or device.
        """
        check_size("memory_size", memory_size)
        new = Memory(keys, values)
        if signature(new.keys[:, :0]) != signature(self.keys[:, :0]):
            raise ValueError(
                f"keys must fit the memory in batch, width, dtype and device, got {signature(keys)} for a memory of "
                f"{signature(self.keys)}"
            )
        return Memory(
            cat((self.keys, new.keys), dim=1)[:, -memory_size:], cat((self.values, new.values), dim=1)[:, -memory_size:]
        )

    def detach(self) -> "Memory":
        """Return the same memory cut off from the graph: gradients stop here (truncated backpropagation)."""
        return Memory(self.keys.detach(), self.values.detach())


def check_memory(memory: Memory, empty: Memory, *, memory_size: int) -> None:
    """Raise unless a carried-in memory fits: at most ``memory_size`` slots, and all else as in ``empty``."""
    check_type("memory", memory, Memory)
    if len(memory) > memory_size:
        raise ValueError(f"memory must hold at most memory_size={memory_size} slots, got {len(memory)}")
    if signature(memory.keys[:, :0]) != signature(empty.keys):
        batch, _, width = empty.keys.shape
        raise ValueError(
            f"memory must fit this call: batch {batch}, width {width}, {empty.keys.dtype}, on {empty.keys.device}; "
            f"got {signature(memory.keys)}"
        )


def signature(tensor: Tensor) -> str:
    """Return what has to fit of a tensor, in words: shape, dtype and device."""
    return f"shape {tuple(tensor.shape)}, {tensor.dtype}, on {tensor.device}"
