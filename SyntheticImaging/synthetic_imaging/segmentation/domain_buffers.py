"""A model's domain, kept as numbers beside its weights in one file."""

from __future__ import annotations

import torch

from synthetic_imaging.segmentation.domain import BINS, Domain


class DomainBuffers(torch.nn.Module):
    """Holds a `Domain`; learns nothing and computes nothing."""

    cumulative: torch.Tensor
    extents: torch.Tensor
    limit: torch.Tensor
    cases: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("cumulative", torch.zeros(BINS))
        self.register_buffer("extents", torch.zeros(2, 3))
        self.register_buffer("limit", torch.zeros(()))
        self.register_buffer("cases", torch.zeros((), dtype=torch.int64))

    def keep(self, domain: Domain) -> None:
        """Store a domain."""
        self.cumulative.copy_(torch.from_numpy(domain.cumulative).float())
        self.extents.copy_(torch.tensor([domain.shortest_mm, domain.longest_mm]))
        self.limit.fill_(domain.limit)
        self.cases.fill_(domain.cases)

    def domain(self) -> Domain:
        """The stored domain."""
        low, high = (tuple(row) for row in self.extents.cpu().tolist())
        return Domain(self.cumulative.double().cpu().numpy(), float(self.limit), low, high, int(self.cases))
