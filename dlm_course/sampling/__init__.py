"""Samplers: those that are exact in law, those that are not, and the law of either by enumeration."""
