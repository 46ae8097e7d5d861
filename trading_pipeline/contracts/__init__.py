"""Vocabularies and frozen records that cross layers; nothing here computes."""
