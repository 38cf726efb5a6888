"""The classifier learns labels, behind a frozen denoiser where there is one."""

from training.transformer.stage import TransformerStage


class Stage(TransformerStage):
    """As every stage does unless it says otherwise."""
