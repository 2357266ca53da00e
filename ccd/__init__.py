"""Curriculum Conditioned Diffusion for Multimodal Recommendation, as a declarative config graph."""

__version__ = "0.1.0"
