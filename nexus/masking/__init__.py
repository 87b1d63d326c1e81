"""Masking: secrets in text from outside, found and replaced by placeholders before a model, an event, a page or a log sees them.

The patterns are our own because the well-kept scanners (detect-secrets, gitleaks and their kin) report lines of files or run as
another program, and none gives spans in whole texts, follows a secret to its other occurrences or can put it back.
"""

from nexus.masking.vault import Vault, masked_text
from nexus.masking.views import KINDS

__all__ = ["KINDS", "Vault", "masked_text"]
