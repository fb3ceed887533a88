"""The memory of a generation as a ring: a step writes over the oldest slot, and nothing else moves."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from feedback_lite.block import Block
from feedback_lite.feedforward import geglu
from feedback_lite.mask import RULES
from feedback_lite.memory import Memory
from feedback_lite.model import FeedbackTransformer
from feedback_lite.positions import distances


class Layer(NamedTuple):
    """The weights of one block, transposed: that halves the time of a product with a few rows."""

    attention_norm: tuple[Tensor, Tensor]
    to_queries: Float[Tensor, "d he"]
    to_output: Float[Tensor, "he d"]
    output_bias: Float[Tensor, "d"]
    feedforward_norm: tuple[Tensor, Tensor]
    widen: Float[Tensor, "d ff2"]
    widen_bias: Float[Tensor, "ff2"]
    narrow: Float[Tensor, "ff d"]
    narrow_bias: Float[Tensor, "d"]

    @classmethod
    def of(cls, block: Block, head_dim) -> "Layer":
        """Copy the weights of a block; the queries take the scale of the scores along."""
        attention, feedforward = block.attention, block.feedforward
        return cls(
            (block.attention_norm.weight, block.attention_norm.bias),
            attention.to_queries.weight.t().contiguous()*head_dim**-0.5,
            attention.to_output.weight.t().contiguous(),
            attention.to_output.bias,
            (block.feedforward_norm.weight, block.feedforward_norm.bias),
            feedforward.widen.weight.t().contiguous(),
            feedforward.widen.bias,
            feedforward.narrow.weight.t().contiguous(),
            feedforward.narrow.bias,
        )


class Ring:
    @torch.inference_mode()
    def __init__(self, model: FeedbackTransformer, memory: Memory, num_steps: int) -> None:
        config = model.config
        self.num_slots = min(config.memory_size, len(memory) + num_steps)
        self.num_used, self.next = len(memory), len(memory) % self.num_slots
        self.layers = [Layer.of(block, config.head_dim) for block in model.blocks]
        self.head_dim=config.head_dim
        self.width=config.d_model
        batch=len(memory.keys)
        self.keys=memory.keys.new_zeros(batch*config.num_heads,config.head_dim,self.num_slots)
        self.values=memory.keys.new_zeros(batch*config.num_heads,self.num_slots,config.head_dim)
        self.keys[...,:len(memory)]=memory.keys.view(batch,len(memory),config.num_heads,config.head_dim).permute(0,2,3,1).reshape(batch*config.num_heads,config.head_dim,-1)
        self.values[:,:len(memory)]=memory.values.view(batch,len(memory),config.num_heads,config.head_dim).permute(0,2,1,3).reshape(batch*config.num_heads,-1,config.head_dim)
        _, start = RULES[config.compat](self.num_slots, 1, 1)
        positions = torch.arange(self.num_slots + 1, device=memory.keys.device)
        row = model.bias(distances(positions[start : start + 1], positions[:-1]))
        self.bias = torch.cat((row, row), dim=-1).repeat(batch, 1, 1)
        kv=model.to_keys_values.linear.weight
        self.to_keys_values=kv.t().contiguous()
        self.shares=model.layer_weights.softmax(0)[None] if config.memory_from=="mixture" else None
        self.embedding=model.embedding.weight
        self.to_logits=model.to_logits.weight.t().contiguous()
        self.logits_bias=model.to_logits.bias
        self.output_norm=(model.output_norm.weight,model.output_norm.bias)

    @torch.inference_mode()
    def advance(self, model, tokens):
        used,width=self.num_used,(self.width,)
        keys,values=self.keys[...,:used],self.values[:,:used]
        first=self.num_slots-self.next
        bias=self.bias[...,first:first+used]
        hidden=F.embedding(tokens[:,-1],self.embedding)
        batch=len(hidden)
        hiddens=[hidden]
        for layer in self.layers:
            if used:
                normed=torch.layer_norm(hidden,width,*layer.attention_norm)
                queries=torch.mm(normed,layer.to_queries).view(-1,1,self.head_dim)
                weights=torch.bmm(queries,keys).add_(bias).softmax(-1)
                read=torch.bmm(weights,values).view(batch,-1)
                hidden=torch.addmm(hidden,read,layer.to_output).add_(layer.output_bias)
            normed=torch.layer_norm(hidden,width,*layer.feedforward_norm)
            gated=geglu(torch.addmm(layer.widen_bias,normed,layer.widen))
            hidden=torch.addmm(hidden,gated,layer.narrow).add_(layer.narrow_bias)
            hiddens.append(hidden)
        mixed=hidden if self.shares is None else torch.mm(self.shares,torch.stack(hiddens).flatten(1)).view(batch,-1)
        both=torch.mm(mixed,self.to_keys_values).view(batch,2,-1,self.head_dim)
        self.keys[...,self.next]=both[:,0].flatten(0,1)
        self.values[:,self.next]=both[:,1].flatten(0,1)
        self.next=(self.next+1)%self.num_slots
        self.num_used=min(used+1,self.num_slots)
        hidden=torch.layer_norm(hidden,width,*self.output_norm)
        return torch.addmm(self.logits_bias,hidden,self.to_logits),self
