"""Compressor: makes a Hugging Face model smaller and says exactly what that cost."""
