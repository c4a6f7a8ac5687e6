"""What is trained: a decoder's shape, its parts, its arithmetic and its cost."""
