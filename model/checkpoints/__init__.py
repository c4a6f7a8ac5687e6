"""A model on disk: Hugging Face folders written, read and opened, whatever family their weights belong to."""
