"""The published implementation of the LLMLingua family (llmlingua 0.2.2) reproduced, its faults included.

For comparing with papers, and for those who need the old text to the letter. Everything else in this package is the
corrected algorithm: use that.
"""
