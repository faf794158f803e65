"""A drop-in for `llmlingua.PromptCompressor`: change the import, and nothing else."""

from boildown.compat.prompt_compressor import PromptCompressor

__all__ = ["PromptCompressor"]
