"""Doubles and helpers that several tests share. No promises are here."""
