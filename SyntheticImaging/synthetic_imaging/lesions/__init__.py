"""Lesions: drawn, grown, edited and measured."""
