"""What the linter says."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing that keeps TensorRT from importing a file. str() of it is one line for a person."""

    node: str  # its name in the file, after those of the nodes whose subgraph it is in; or that of an input
    operator: str
    rule: str
    rewrite: str  # what to do

    def __str__(self) -> str:
        return f"{self.node} ({self.operator}): {self.rule}; {self.rewrite}"
