"""Self-attention and the pre-norm block around it, of matrix products, reshapes, transpositions and softmax.

keras.layers.MultiHeadAttention computes the same through Einsum, which engines import poorly or slowly.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers, ops

from training.layers.lora import LoraDense
from training.layers.tensor_train import TTDense

MASKED = -1e4  # added to a score: its exponential is 0 in every precision, and half precision holds it


@keras.saving.register_keras_serializable(package="cry_monitor")
class SelfAttention(keras.layers.Layer):
    """softmax(q k' / sqrt(d)) v in each head: (batch, steps, features) -> the same shape; steps must be fixed.

    rank: of the adapters on q, k, v and the output; 0: none. causal: a step sees itself and those before it.
    cores, bond: of the tensor trains that stand for the kernels (bond: the rank between cores); 0 cores: plain kernels.
    """

    def __init__(
        self, heads: int, rank: int = 0, causal: bool = False, cores: int = 0, bond: int = 1, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.heads, self.rank, self.causal, self.cores, self.bond = heads, rank, causal, cores, bond

    def build(self, input_shape: Any) -> None:
        _, self.steps, self.features = input_shape
        if self.features % self.heads:
            raise ValueError(f"{self.features} features cannot be split among {self.heads} heads")
        for name in ("query", "key", "value", "output"):
            dense = dense_layer(self, self.features, name)
            dense.build(input_shape)
            setattr(self, f"to_{name}", dense)
        self.built = True

    def call(self, inputs: Any) -> Any:
        width = self.features // self.heads
        queries, keys, values = (
            ops.reshape(dense(inputs), (-1, self.steps, self.heads, width))
            for dense in (self.to_query, self.to_key, self.to_value)
        )
        scores = ops.matmul(ops.transpose(queries, (0, 2, 1, 3)), ops.transpose(keys, (0, 2, 3, 1)))
        weights = self.softmax(scores * width**-0.5)
        mixed = ops.transpose(ops.matmul(weights, ops.transpose(values, (0, 2, 1, 3))), (0, 2, 1, 3))
        return self.to_output(ops.reshape(mixed, (-1, self.steps, self.features)))

    def softmax(self, scores: Any) -> Any:
        """Over the last axis, in float32 whatever is computed in."""
        scores = ops.cast(scores, "float32")
        if self.causal:
            future = np.triu(np.full((self.steps, self.steps), MASKED, np.float32), 1)
            scores = scores + ops.convert_to_tensor(future)
        return ops.cast(ops.softmax(scores, axis=-1), self.compute_dtype)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        names = ("heads", "rank", "causal", "cores", "bond")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def dense_layer(owner: Any, units: int, name: str) -> LoraDense | TTDense:
    """A dense layer as its owner has them: with adapters of its rank, or of tensor trains."""
    if owner.cores:
        return TTDense(units, owner.cores, owner.bond, dtype=owner.dtype_policy, name=name)
    return LoraDense(units, owner.rank, dtype=owner.dtype_policy, name=name)


@keras.saving.register_keras_serializable(package="cry_monitor")
class TransformerBlock(keras.layers.Layer):
    """x + attention(norm(x)), then x + feed_forward(norm(x)), GELU between: (batch, steps, features), same shape.

    (Xiong et al., 2020, for the norm's place.) feed_forward: units between the two dense layers. rank: of the adapters
    on all six dense layers; 0: none. With adapters they alone are trained. cores, bond: of the tensor trains that stand
    for the kernels of all six; 0 cores: plain kernels.
    """

    def __init__(
        self,
        heads: int,
        feed_forward: int,
        rank: int = 0,
        causal: bool = False,
        dropout: float = 0.0,
        cores: int = 0,
        bond: int = 1,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.heads, self.feed_forward, self.rank = heads, feed_forward, rank
        self.causal, self.dropout, self.cores, self.bond = causal, dropout, cores, bond

    def build(self, input_shape: Any) -> None:
        policy = self.dtype_policy
        self.norm_1 = layers.LayerNormalization(epsilon=1e-5, trainable=self.rank == 0, dtype=policy, name="norm_1")
        self.attention = SelfAttention(
            self.heads, self.rank, self.causal, self.cores, self.bond, dtype=policy, name="attention"
        )
        self.norm_2 = layers.LayerNormalization(epsilon=1e-5, trainable=self.rank == 0, dtype=policy, name="norm_2")
        self.feed_1 = dense_layer(self, self.feed_forward, "feed_1")
        self.feed_2 = dense_layer(self, input_shape[-1], "feed_2")
        self.drop = layers.Dropout(self.dropout, dtype=policy, name="drop")
        for layer in (self.norm_1, self.attention, self.norm_2, self.feed_1):
            layer.build(input_shape)
        self.feed_2.build((*input_shape[:-1], self.feed_forward))
        self.built = True

    def call(self, inputs: Any, training: Any = None) -> Any:
        x = inputs + self.drop(self.attention(self.norm_1(inputs)), training=training)
        y = self.feed_2(ops.gelu(self.feed_1(self.norm_2(x)), approximate=True))
        return x + self.drop(y, training=training)

    @property
    def dense_layers(self) -> list[Any]:
        """q, k, v, output and the two of the feed-forward part."""
        heads = self.attention
        return [heads.to_query, heads.to_key, heads.to_value, heads.to_output, self.feed_1, self.feed_2]

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        names = ("heads", "feed_forward", "rank", "causal", "dropout", "cores", "bond")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
